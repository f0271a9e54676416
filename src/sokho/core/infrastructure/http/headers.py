"""Headers of one short text, as callers choose them: read strictly."""

from typing import Final

from starlette.requests import Request

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text

_SHORT_TEXT: Final = Text(
    vi="Phải có từ 1 đến {most} ký tự in được.",
    en="This must have 1 to {most} printable characters.",
)


def short_text(request: Request, name: str, most: int) -> str | None:
    """Return the text of the header `name`, trimmed; None where there is no such header.

    Raises `InvalidError` unless it is one line of 1 to `most` printable characters.
    """
    wanted = name.lower().encode("ascii")
    lines = [value for header, value in request.scope["headers"] if header == wanted]
    if not lines:
        return None
    text: str = lines[0].decode("utf-8", "replace").strip()
    if len(lines) > 1 or not 1 <= len(text) <= most or not text.isprintable() or "\ufffd" in text:
        raise InvalidError(FieldError(f"/header/{name}", "invalid", _SHORT_TEXT.format(most=most)))
    return text
