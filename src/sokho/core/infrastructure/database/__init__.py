"""PostgreSQL: statements compiled once, tenant-bound transactions, row-level security."""

from sokho.core.infrastructure.database.database import Database
from sokho.core.infrastructure.database.pool import CollisionError, OverloadedError, PoolUsage
from sokho.core.infrastructure.database.schema import metadata
from sokho.core.infrastructure.database.statements import TENANT, Statement, insertion
from sokho.core.infrastructure.database.transaction import (
    ConstraintViolationError,
    RoundTripSpan,
    Row,
    Transaction,
)

__all__ = [
    "TENANT",
    "CollisionError",
    "ConstraintViolationError",
    "Database",
    "OverloadedError",
    "PoolUsage",
    "RoundTripSpan",
    "Row",
    "Statement",
    "Transaction",
    "insertion",
    "metadata",
]
