"""The digest of a posted transaction: an edited number, note, date or move shows."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from sokho.core.infrastructure.secrets import keyed_hash
from sokho.modules.stock.domain.entities import Move, StockTransaction
from sokho.modules.stock.domain.posting import Entry, plain

_BLOCK_BYTES: Final = 64  # of SHA-256
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Seal:
    """HMAC-SHA256 (RFC 2104) under a key of the service's, over all that a transaction says.

    Number, time and moves come into being in the database, inside the function that stores them;
    so that function finishes the digest, with the two keys that HMAC is made of.
    """

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._key = key
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self.inner_key = bytes(byte ^ 0x36 for byte in padded)
        self.outer_key = bytes(byte ^ 0x5C for byte in padded)

    def digest(self, tenant_id: UUID, posted: StockTransaction) -> bytes:
        """Return what the digest of a stored transaction has to be: 32 bytes."""
        told = "".join(f"({','.join(_fields(move))})" for move in _as_made(posted))
        rest = "|".join(
            (
                str(_microseconds(posted.posted_at)),
                str(_microseconds(posted.effective_at)),
                str(posted.year),
                told,
                posted.document_no,
            )
        )
        header = _header(
            *(tenant_id, posted.id, posted.type, posted.external_ref),
            *(posted.note, posted.reason, posted.actor, posted.reverses_id),
        )
        return keyed_hash(self._key, header + rest.encode())


def header(tenant_id: UUID, entry: Entry) -> bytes:
    """Return what is known of a transaction before it is entered, hashed: 32 bytes.

    Of the same length for each, so that what follows cannot be taken for a part of it.
    """
    document = entry.document
    return _header(
        *(tenant_id, entry.id, document.type, document.external_ref),
        *(document.note, document.reason, entry.actor, entry.reverses_id),
    )


def _header(*said: object) -> bytes:
    return sha256(msgspec.json.encode(said)).digest()


def _fields(move: Move) -> Iterator[str]:
    """Yield what a move says as PostgreSQL writes a row: nothing between commas for a NULL."""
    source, target = move.source, move.target
    yield from (str(move.line_no), str(move.item_id), plain(move.quantity))
    yield from (plain(move.entered_quantity), move.entered_unit.encode().hex())
    for side in (source, target):
        # The location, too: an account that is moved to another takes its whole history along.
        yield from (str(side.account_id), _text(side.location_id), _text(side.seq))
        yield _text(None if side.after is None else plain(side.after))


def _as_made(posted: StockTransaction) -> Iterator[Move]:
    """Return the moves in the order in which they were made: a reversal goes backwards."""
    return iter(posted.moves) if posted.reverses_id is None else reversed(posted.moves)


def _text(value: UUID | int | str | None) -> str:
    return "" if value is None else str(value)


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
