"""One call of an operation, and its answer without what differs from call to call."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import httpx2

from tests.sealing.document import Operation, Slot, body_of

UUID_TEXT: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dt\d\d:\d\d:\d\d(?:\.\d+)?(?:z|[+-]\d\d:\d\d)")
_API_KEY: Final = re.compile(r"sokho_[0-9a-f]{32}_[0-9a-f]{32}_[0-9a-z]{49}")
_TELLING: Final = re.compile(r"(?=\D*\d)[\w-]{8,}")
"""A made-up text, an id or a cursor: no word of the contract, no version in an entity tag."""


@dataclass(frozen=True)
class Answer:
    """What came back, as text in small letters: the status line, the headers, the body."""

    status: int
    text: str
    sent: dict[str, str]
    """What the caller sent, and the name of its place."""

    link: str
    """The header, in the letters that it was written in."""

    @property
    def has_succeeded(self) -> bool:
        """Whether the caller got what it asked for, or has it already."""
        return self.status < 400

    @property
    def unsent(self) -> str:
        """The answer without what the caller sent itself."""
        text = self.text
        for value, place in self.sent.items():
            text = text.replace(value, f"<{place}>")
        return text

    @property
    def comparable(self) -> str:
        """The answer without keys, ids and times, which no two answers share."""
        text = _API_KEY.sub("<key>", self.unsent)
        return _TIME.sub("<time>", UUID_TEXT.sub("<id>", text))


async def call(
    http: httpx2.AsyncClient, api_key: str, operation: Operation, values: Mapping[Slot, object]
) -> Answer:
    """Call `operation` with a value in each of these slots."""
    path, query, headers = operation.path, {}, {"Authorization": f"Bearer {api_key}"}
    for slot, value in values.items():
        if slot.where == "path":
            path = path.replace(f"{{{slot.name}}}", quote(str(value), safe=""))
        elif slot.where == "query":
            query[slot.name] = str(value)
        elif slot.where == "header":
            headers[slot.name] = str(value)
    body = None
    if operation.media_type is not None:
        headers["Content-Type"] = operation.media_type
        body = json.dumps(body_of(values)).encode()
    answer = await http.request(
        operation.method, path, params=query or None, headers=headers, content=body
    )
    shown = sorted(
        f"{name}: {value}" for name, value in answer.headers.items() if name != "content-length"
    )
    lines = [f"{answer.status_code} {answer.reason_phrase}", *shown, answer.text]
    sent = {
        token.lower(): str(slot)
        for slot, value in values.items()
        for text in _texts_in(value)
        for token in _TELLING.findall(text)
    }
    link = answer.headers.get("link", "")
    return Answer(answer.status_code, "\n".join(lines).lower(), sent, link)


def _texts_in(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _texts_in(key)
            yield from _texts_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_in(inner)
