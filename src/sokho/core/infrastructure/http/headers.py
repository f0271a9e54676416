"""Headers of one short text, as callers choose them: read strictly."""

from functools import cache
from typing import Final

from starlette.requests import Request
from starlette.types import Scope

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text

_SHORT_TEXT: Final = Text(
    vi="Phải có từ 1 đến {most} ký tự in được.",
    en="This must have 1 to {most} printable characters.",
)


@cache
def on_the_wire(name: str) -> bytes:
    """Return the name of a header that the service knows, as servers hand it over."""
    return name.lower().encode("latin-1")


def lines_of(scope: Scope, name: str) -> list[bytes]:
    """Return the values of each line of the header `name`, whatever the case of its letters."""
    wanted = on_the_wire(name)
    return [value for header, value in scope["headers"] if header == wanted]


def short_text(request: Request, name: str, most: int) -> str | None:
    """Return the text of the header `name`, trimmed; None where there is no such header.

    Raises `InvalidError` unless it is one line of 1 to `most` printable characters.
    """
    lines = lines_of(request.scope, name)
    if not lines:
        return None
    text = lines[0].decode("utf-8", "replace").strip()
    if len(lines) > 1 or not 1 <= len(text) <= most or not text.isprintable() or "\ufffd" in text:
        raise InvalidError(FieldError(f"/header/{name}", "invalid", _SHORT_TEXT.format(most=most)))
    return text
