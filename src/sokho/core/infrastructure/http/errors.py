"""What is wrong with a request before any module has seen it."""

from collections.abc import Iterator
from contextlib import contextmanager

from sokho.core.domain.errors import DomainError, InvalidError
from sokho.core.domain.texts import Text


class MalformedJsonError(DomainError):
    """The body is not JSON (RFC 8259) in UTF-8, or nests too deep."""

    code = "malformed_json"
    text = Text(vi="Nội dung gửi lên không phải là JSON hợp lệ.", en="The body is not valid JSON.")


class BodyTooLargeError(DomainError):
    """The body is larger than the service takes, as declared or as it arrived."""

    code = "body_too_large"
    text = Text(vi="Nội dung gửi lên quá lớn.", en="The body is too large.")


class MalformedRequestError(DomainError):
    """What came is not HTTP."""

    code = "malformed_request"
    text = Text(vi="Yêu cầu không đúng giao thức HTTP.", en="The request is not valid HTTP.")


class HeadTooLargeError(DomainError):
    """The request line and the header are larger than the service takes (RFC 6585, section 5)."""

    code = "request_header_fields_too_large"
    text = Text(
        vi="Địa chỉ và các tiêu đề của yêu cầu quá lớn.",
        en="The address and the header fields of the request are too large.",
    )


class RequestTimeoutError(DomainError):
    """The body did not arrive in time (RFC 9110, section 15.5.9)."""

    code = "request_timeout"
    text = Text(
        vi="Yêu cầu được gửi quá chậm; vui lòng thử lại.",
        en="The request was sent too slowly; please retry.",
    )


class UnsupportedMediaTypeError(DomainError):
    """The body is of a type that this operation does not read."""

    code = "unsupported_media_type"
    text = Text(
        vi="Kiểu nội dung không được hỗ trợ; hãy gửi application/json.",
        en="This content type is not supported; send application/json.",
    )


class PreconditionRequiredError(DomainError):
    """A change needs If-Match, so that nobody overwrites what they have not seen (RFC 6585)."""

    code = "precondition_required"
    text = Text(
        vi="Cần tiêu đề If-Match với ETag của lần đọc gần nhất.",
        en="The header If-Match is needed, with the ETag of what was read.",
    )


class RateLimitedError(DomainError):
    """Too much was asked, or guessed, in a short time (RFC 6585); wait `retry_after` seconds."""

    code = "rate_limited"
    text = Text(
        vi="Quá nhiều yêu cầu; vui lòng chờ rồi thử lại.",
        en="There were too many requests; please wait and retry.",
    )

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(self.code)


class CrossOriginRefusedError(DomainError):
    """A page of another origin may not make this call from a browser (WHATWG Fetch, 4.8)."""

    code = "cross_origin_refused"
    text = Text(
        vi="Trang web này không được phép gọi dịch vụ từ trình duyệt.",
        en="A page of this origin may not make this call from a browser.",
    )


class InvalidCursorError(DomainError):
    """The cursor was not made here, or for another tenant, filter or order."""

    code = "invalid_cursor"
    text = Text(
        vi="Con trỏ trang không hợp lệ hoặc không khớp với bộ lọc.",
        en="The cursor is not valid, or belongs to another query.",
    )


@contextmanager
def told_of_path(*names: str) -> Iterator[None]:
    """Tell faults of fields that stand in the path, not in the body, where they stand."""
    try:
        yield
    except InvalidError as error:
        raise type(error)(
            *(
                fault.below("/path") if fault.pointer.removeprefix("/") in names else fault
                for fault in error.errors
            )
        ) from error
