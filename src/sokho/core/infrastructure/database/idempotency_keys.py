"""The table of what requests with an Idempotency-Key were answered, and its statements."""

from datetime import timedelta
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import insert

from sokho.core.infrastructure.database.database import Database
from sokho.core.infrastructure.database.schema import metadata
from sokho.core.infrastructure.database.statements import TENANT, Statement

KEPT: Final = timedelta(days=7)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("key_hash", sa.LargeBinary, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("answer", sa.LargeBinary, nullable=False),
    sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    sa.Index(None, "tenant_id", "expires_at"),
)

_columns = idempotency_keys.c
_OURS = _columns.tenant_id == TENANT

# Whoever has the key's number, until the transaction ends, is the only one to use the key.
TAKE: Final = Statement(
    sa.select(sa.func.pg_try_advisory_xact_lock(p("number", type_=sa.BigInteger)).label("taken"))
)

# A statement of its own, behind TAKE: its snapshot has what the last one to use the key wrote.
FIND: Final = Statement(
    sa.select(_columns.fingerprint, _columns.answer).where(
        _OURS, _columns.key_hash == p("key_hash"), _columns.expires_at > sa.func.now()
    )
)

_kept = {
    "fingerprint": p("fingerprint"),
    "answer": p("answer"),
    "expires_at": sa.func.now() + sa.literal_column(f"interval '{KEPT.days} days'"),
}
KEEP: Final = Statement(
    insert(idempotency_keys)
    .values(_kept | {"tenant_id": TENANT, "key_hash": p("key_hash")})
    .on_conflict_do_update(
        index_elements=["tenant_id", "key_hash"],
        set_=_kept,
        where=_columns.expires_at <= sa.func.now(),
    )
    .returning(_columns.expires_at),
    of_the_business=False,
)

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
