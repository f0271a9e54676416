"""Turns: what the transactions of one tenant do one after another, by advisory locks."""

from enum import IntEnum

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
