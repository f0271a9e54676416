"""Locations, and a first warehouse for the businesses that there are."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.row_security import backfill, seal_table

revision = "0006"
down_revision = "0005"

# An id of version 7 (RFC 9562, section 5.7), which PostgreSQL makes by itself from 18 on: 48 bits
# of milliseconds over a random one of version 4, whose version's bits are then set to 7.
_NEW_ID = """
    encode(set_bit(set_bit(overlay(
        uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
        FROM 1 FOR 6
    ), 52, 1), 53, 1), 'hex')::uuid
"""


def upgrade() -> None:
    op.create_table(
        "locations",
        sa.Column("tenant_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("code_key", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("parent_id", sa.Uuid, nullable=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name="locations_pkey"),
        sa.UniqueConstraint("tenant_id", "code_key", name="locations_tenant_id_code_key_key"),
        sa.ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["locations.tenant_id", "locations.id"],
            name="locations_tenant_id_parent_id_fkey",
        ),
        sa.CheckConstraint("char_length(code) BETWEEN 1 AND 32", name="locations_code_check"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 255", name="locations_name_check"),
        sa.CheckConstraint("kind IN ('warehouse', 'bin', 'transit')", name="locations_kind_check"),
        # What can be judged by one row; the rest of the tree's rules are the service's.
        sa.CheckConstraint(
            "parent_id <> id AND (kind <> 'bin' OR parent_id IS NOT NULL)",
            name="locations_parent_check",
        ),
        sa.CheckConstraint("status IN ('active', 'archived')", name="locations_status_check"),
    )
    seal_table("locations")
    for columns, where in (
        (["created_at", "id"], None),
        (["updated_at", "id"], None),
        (["kind", "id"], None),
        (["parent_id", "id"], "parent_id IS NOT NULL"),
        (["id"], "status = 'archived'"),
    ):
        op.create_index(
            f"locations_tenant_id_{'_'.join(columns)}_idx",
            "locations",
            ["tenant_id", *columns],
            postgresql_where=None if where is None else sa.text(where),
        )
    backfill(
        "locations",
        "INSERT INTO locations "
        "(tenant_id, id, code, code_key, name, kind, status, version, created_at, updated_at) "
        f"SELECT id, {_NEW_ID}, 'KHO', 'kho', 'Kho chính', 'warehouse', 'active', 1, now(), now() "
        "FROM tenants",
        reads=["tenants"],
    )


def downgrade() -> None:
    op.drop_table("locations")
