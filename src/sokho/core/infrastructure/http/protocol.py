"""What is no HTTP at all gets a problem like everything else that is refused."""

from typing import Final

import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sokho.core.domain.ids import new_id
from sokho.core.domain.texts import DEFAULT_LANGUAGE, Text
from sokho.core.infrastructure.http.problems import problem_body

_MALFORMED: Final = Text(
    vi="Yêu cầu không đúng giao thức HTTP.", en="The request is not valid HTTP."
)


class ProblemProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which knows nothing of the caller yet when it cannot read a request."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's own text
        """Answer 400 and close: where the next request would begin, nobody can tell."""
        request_id = str(new_id())
        title = _MALFORMED.in_language(DEFAULT_LANGUAGE)
        body = msgspec.json.encode(problem_body(400, "malformed_request", title, title, request_id))
        head = (
            "HTTP/1.1 400 Bad Request\r\n"
            "content-type: application/problem+json\r\n"
            f"content-language: {DEFAULT_LANGUAGE}\r\n"
            f"content-length: {len(body)}\r\n"
            f"x-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode("ascii") + body)
        self.transport.close()
