"""The digest of a posted transaction: an edited number, note, date or move shows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

import msgspec

from sokho.core.infrastructure.secrets import keyed_hash
from sokho.modules.stock.domain.entities import Move, Side, StockTransaction
from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.repository import Entry

_BLOCK_BYTES: Final = 64  # of SHA-256
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Seal:
    """HMAC-SHA256 (RFC 2104) under a key of the service's, over all that a transaction says.

    Number and time come into being in the database, inside the statement that stores them; so
    that statement finishes the digest, with the two keys that HMAC is made of.
    """

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._key = key
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self.inner_key = bytes(byte ^ 0x36 for byte in padded)
        self.outer_key = bytes(byte ^ 0x5C for byte in padded)

    def digest(self, tenant_id: UUID, transaction: StockTransaction) -> bytes:
        """Return what the digest of a stored transaction has to be: 32 bytes."""
        microseconds = _microseconds(transaction.posted_at)
        rest = f"{transaction.document_no}|{microseconds}".encode()
        return keyed_hash(self._key, message(tenant_id, transaction) + rest)


def message(tenant_id: UUID, of: StockTransaction | Entry) -> bytes:
    """Return all that a transaction says but its number and time, in one form, hashed.

    Of the same length for each, so that what follows cannot be taken for a part of it.
    """
    said = (
        *(tenant_id, of.id, of.type, of.year, of.external_ref, _microseconds(of.effective_at)),
        *(of.note, of.reason, of.actor, of.reverses_id, _told(of.moves)),
    )
    return sha256(msgspec.json.encode(said)).digest()


def _told(moves: Sequence[Move]) -> list[tuple[object, ...]]:
    return [
        (
            *(move.line_no, move.item_id, plain(move.quantity)),
            *(plain(move.entered_quantity), move.entered_unit),
            *_end(move.source),
            *_end(move.target),
        )
        for move in moves
    ]


def _end(side: Side) -> tuple[object, ...]:
    # The location, too: an account that is moved to another takes its whole history along.
    return (side.account_id, side.location_id, side.seq, _plain(side.after))


def _plain(quantity: object) -> str | None:
    return None if quantity is None else plain(quantity)  # type: ignore[arg-type]


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)
