"""Keyset cursors: where a scan stands, signed and bound to the query it belongs to."""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import blake2b
from typing import Final
from uuid import UUID

import msgspec

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.http.errors import InvalidCursorError

_MAC_BYTES: Final = 16


class CursorCodec:
    """Writes and reads cursors with one key.

    `query` is whatever the cursor must stay bound to: the tenant, the filters and the order.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def encode(self, position: Position, *, query: bytes) -> str:
        """Return an opaque cursor for `position`."""
        payload = msgspec.msgpack.encode(
            [value.bytes if isinstance(value, UUID) else value for value in position]
        )
        return _to_text(self._mac(payload, query) + payload)

    def decode(self, cursor: str, *, query: bytes) -> Position:
        """Return the position; raises `InvalidCursorError` for anything not made for `query`."""
        try:
            raw = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:  # UnicodeEncodeError and binascii.Error are
            raise InvalidCursorError from None
        mac, payload = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        genuine = hmac.compare_digest(mac, self._mac(payload, query))
        if not genuine or _to_text(raw) != cursor:
            raise InvalidCursorError
        return tuple(
            UUID(bytes=value) if isinstance(value, bytes) else value
            for value in msgspec.msgpack.decode(payload)
        )

    def _mac(self, payload: bytes, query: bytes) -> bytes:
        message = len(query).to_bytes(4, "big") + query + payload
        return blake2b(message, key=self._key, digest_size=_MAC_BYTES).digest()


def _to_text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
