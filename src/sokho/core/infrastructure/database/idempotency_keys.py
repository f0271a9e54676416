"""The table of what requests with an Idempotency-Key were answered, and its statements."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import asyncpg
import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.infrastructure.database.database import Database
from sokho.core.infrastructure.database.schema import metadata
from sokho.core.infrastructure.database.statements import TENANT, Statement
from sokho.core.infrastructure.database.transaction import WriteTransaction

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("key_hash", sa.LargeBinary, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.LargeBinary),
    sa.Column("result", sa.Text),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "tenant_id", "expires_at"),
)

IN_USE: Final = "SK001"
USED: Final = "SK002"
"""What `claim_idempotency_key` refuses with: SQLSTATEs of our own (migration 0008)."""

_columns = idempotency_keys.c
_OURS = _columns.tenant_id == TENANT

FIND: Final = Statement(
    sa.select(_columns.fingerprint, _columns.answer, _columns.result).where(
        _OURS, _columns.key_hash == p("key_hash"), _columns.expires_at > sa.func.now()
    )
)


class KeyInUseError(Exception):
    """Another transaction has the key at this moment."""


class KeyUsedError(Exception):
    """An answer to the key is kept."""


@contextmanager
def claiming(transaction: WriteTransaction, key_hash: bytes, fingerprint: bytes) -> Iterator[None]:
    """Let the transaction begin, whenever it does, as the only one to use a key that is free.

    Where it is not free the first statement raises `KeyInUseError` or `KeyUsedError`, after which
    the transaction has to be rolled back.
    """
    number = int.from_bytes(key_hash[:8], "big", signed=True)
    transaction.begin_with(f"SELECT claim_idempotency_key({number}, {_literal(key_hash)})")
    transaction.claim(number, key_hash, fingerprint)
    try:
        yield
    except asyncpg.PostgresError as error:
        if error.sqlstate not in {IN_USE, USED}:
            raise
        raise (KeyInUseError if error.sqlstate == IN_USE else KeyUsedError) from None


def keep(
    transaction: WriteTransaction, *, key_hash: bytes, fingerprint: bytes, answer: bytes
) -> None:
    """Keep what a claimed key was answered: in the round trip of COMMIT."""
    values = ", ".join(map(_literal, (key_hash, fingerprint, answer)))
    transaction.commit_with(f"SELECT keep_idempotent_answer({values})")


def _literal(value: bytes) -> str:
    """Return bytes as SQL: of hexadecimal digits alone, whatever they are."""
    return f"'\\x{value.hex()}'::bytea"


_EXPIRED: Final = (_OURS, _columns.expires_at <= sa.func.now())
_ANY_EXPIRED: Final = Statement(sa.select(_columns.key_hash).where(*_EXPIRED).limit(1))
_AT_ONCE: Final = 1_000
_REMOVE_EXPIRED: Final = Statement(
    sa.delete(idempotency_keys)
    .where(
        _OURS,
        _columns.key_hash.in_(
            sa.select(_columns.key_hash)
            .where(*_EXPIRED)
            .limit(sa.literal_column(str(_AT_ONCE)))
            .scalar_subquery()
        ),
    )
    .returning(_columns.key_hash),
    of_the_business=False,
)


async def remove_expired(database: Database, tenant_id: UUID) -> int:
    """Remove what a business no longer needs to remember, and return how much that was.

    One round trip where there is nothing. Raises `OverloadedError`.
    """
    removed, last = 0, 0
    async with database.transaction(tenant_id, read_only=True) as transaction:
        due = await transaction.fetch_one(_ANY_EXPIRED) is not None
    while due:
        async with database.transaction(tenant_id) as transaction:
            last = len(await transaction.fetch_all(_REMOVE_EXPIRED))
        removed += last
        due = last == _AT_ONCE
    return removed
