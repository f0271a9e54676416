"""The table of units, as Core sees it; a migration makes it."""

import sqlalchemy as sa

from sokho.core.infrastructure.database import metadata

units = sa.Table(
    "units",
    metadata,
    sa.Column("tenant_id", sa.Uuid, primary_key=True),
    sa.Column("code", sa.Text(collation="C"), primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("decimals", sa.SmallInteger, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="code"),
    sa.CheckConstraint("decimals BETWEEN 0 AND 6", name="decimals"),
)
