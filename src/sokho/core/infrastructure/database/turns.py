"""Turns: what the transactions of one tenant do one after another, by advisory locks."""

from enum import IntEnum
from functools import lru_cache
from uuid import UUID

import sqlalchemy as sa

from sokho.core.infrastructure.database.statements import TENANT, Statement


class Turn(IntEnum):
    """What is done in turns. The number tells its lock from the tenant's other ones."""

    ITEM_BATCHES = 1
    LOCATION_TREE = 2
    PERIODS = 3  # shared by `enter_stock_document`


def taking(turn: Turn) -> Statement:
    """Return the statement that waits for the turn and keeps it until the transaction ends.

    A statement of its own: what others did in their turn shows to the next one, not to itself.
    """
    number = sa.func.hashtextextended(sa.cast(TENANT, sa.Text), turn.value)
    return Statement(sa.select(sa.func.pg_advisory_xact_lock(number)))


@lru_cache(maxsize=1024)
def sharing(turn: Turn, tenant_id: UUID) -> str:
    """Return the SQL that keeps a turn from others, and shares it with who asks for no more.

    A text without parameters, to go along with BEGIN: before any read, and any lock of a row.
    """
    number = f"hashtextextended('{UUID(int=tenant_id.int)}', {turn.value})"
    return f"SELECT pg_advisory_xact_lock_shared({number})"
