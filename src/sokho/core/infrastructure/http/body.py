"""The request's body, read strictly: bounded, UTF-8, and JSON as RFC 8259 has it."""

import asyncio
import json
import math
from collections.abc import Collection
from typing import Any, Final

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from sokho.core.infrastructure.http.context import GARBLED, WHOLE
from sokho.core.infrastructure.http.errors import (
    BodyTooLargeError,
    MalformedJsonError,
    MalformedRequestError,
    RequestTimeoutError,
    UnsupportedMediaTypeError,
)

MAX_BODY_BYTES: Final = 1024 * 1024

BODY_SECONDS: Final = 15.0
"""How long a body may take to arrive."""

MAX_DEPTH: Final = 64

_CONTAINERS: Final = (dict, list)

_INT64_DIGITS: Final = len(str(-(2**63)))

JSON: Final = "application/json"

MERGE_PATCH: Final = "application/merge-patch+json"
"""What a PATCH sends (RFC 7396)."""

NO_BODY: Final = ""
"""The type of what is not there, where a body may be left out."""


async def read_body(scope: Scope, receive: Receive, media_types: Collection[str]) -> bytes:
    """Return the body, which is of one of `media_types`; of any, where there are none.

    Raises `UnsupportedMediaTypeError`, `BodyTooLargeError` (by its declared length before a
    byte is read, else as it arrives), `RequestTimeoutError`, `MalformedRequestError`.
    """
    media_type, declared = "", 0.0
    for name, value in scope["headers"]:
        if name == b"content-type":
            media_type = value.decode("latin-1").partition(";")[0].strip().lower()
        elif name == b"content-length":
            # A float, since Python refuses integers of thousands of digits.
            declared = float(value) if value.isdigit() else 0.0
    if declared > MAX_BODY_BYTES:
        raise BodyTooLargeError
    if media_types and media_type not in media_types:
        raise UnsupportedMediaTypeError
    body = await (_read if WHOLE in scope else _read_in_time)(receive)
    if GARBLED in scope:
        raise MalformedRequestError
    if body and media_types and media_type == NO_BODY:
        raise UnsupportedMediaTypeError
    return body


def parsed(body: bytes, *, or_none: bool = False) -> Any:
    """Return what a body of JSON says; `or_none`, of no bytes, an empty object.

    Raises `MalformedJsonError`.
    """
    if or_none and not body:
        return {}
    try:
        content = _DECODER.decode(body)
    except (ValueError, RecursionError):
        content = _parsed_by_python(body)
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_too_deep(content):
        raise MalformedJsonError
    return content


def _parsed_by_python(body: bytes) -> Any:
    """Parse what msgspec refuses and JSON allows: lone surrogates, numbers of any length."""
    try:
        return _PYTHONS.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise MalformedJsonError from None


async def _read_in_time(receive: Receive) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive)
    except TimeoutError:
        raise RequestTimeoutError from None


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        chunks, total = [body], len(body)
        while message.get("more_body") and total <= MAX_BODY_BYTES:
            message = await receive()
            chunks.append(message.get("body", b""))
            total += len(chunks[-1])
        body = b"".join(chunks)
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    if len(body) > MAX_BODY_BYTES:
        raise BodyTooLargeError
    return body


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _integer(digits: str) -> int | float:
    """Read an integer; one beyond 64 bits as a float, since Python refuses thousands of digits."""
    return int(digits) if len(digits) <= _INT64_DIGITS else float(digits)


def _float(digits: str) -> float:
    """Read a number; one that only a float would call zero as one that nothing takes."""
    value = float(digits)
    if not value and any(digit in digits.lower().partition("e")[0] for digit in "123456789"):
        return math.inf
    return value


_DECODER: Final = msgspec.json.Decoder(float_hook=_float)

# Python's own parser takes NaN and Infinity, which no JSON has.
_PYTHONS: Final = json.JSONDecoder(parse_constant=_refuse, parse_int=_integer, parse_float=_float)


def _is_too_deep(content: object) -> bool:
    """Look level by level: where recursion ends differs between versions of Python."""
    level = [content] if isinstance(content, _CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for each in level
            for child in (each.values() if isinstance(each, dict) else each)
            if isinstance(child, _CONTAINERS)
        ]
    return bool(level)
