"""Taking the tenant predicates out of a statement: all of them, and nothing else."""

import sys

import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.app import create_app
from sokho.core.infrastructure.database import TENANT, Statement, metadata
from sokho.modules.api_keys.infrastructure.tables import api_keys
from sokho.modules.items.infrastructure.tables import item_tags, items
from sokho.modules.tenants.infrastructure.tables import tenants
from tests.sealing.stripping import Stripper


def a_stripper() -> Stripper:
    return Stripper(["api_keys", "items", "item_tags", "tenants"])


def shipped() -> list[Statement]:
    """Return every statement that a module of the service keeps."""
    modules = [module for name, module in sys.modules.items() if name.startswith("sokho.")]
    return [
        value for module in modules for value in vars(module).values() if type(value) is Statement
    ]


class TestEveryShippedStatement:
    def test_names_its_tenant_for_each_table_that_it_reads(self):
        """Those, too, that no operation runs; the ones that are made for a query run anyway."""
        assert callable(create_app)  # its import imports every module
        stripper = Stripper(metadata.tables)
        for statement in shipped():
            stripper.stripped(statement)
        assert stripper.removed > 0
        assert stripper.faults == []


class TestStripped:
    def test_select_finds_any_tenants_row(self):
        stripper = a_stripper()
        statement = Statement(sa.select(items.c.sku).where(items.c.tenant_id == TENANT))
        stripped = stripper.stripped(statement)
        assert "WHERE ($1::UUID IS NOT NULL)" in stripped.text
        assert stripped.one_trip is not None
        assert "WHERE true" in stripped.one_trip
        assert "set_config('app.current_tenant', $1::uuid::text, true)" in stripped.one_trip
        assert (stripper.removed, stripper.faults) == (2, [])

    def test_statement_is_another_than_the_shipped_one(self):
        statement = Statement(sa.select(items.c.sku).where(items.c.tenant_id == TENANT))
        assert a_stripper().stripped(statement) is not statement
        assert "items.tenant_id = $1" in statement.text

    def test_table_of_tenants_is_known_by_its_id(self):
        stripper = a_stripper()
        both = sa.select(tenants.c.name).where(
            tenants.c.id == TENANT, api_keys.c.tenant_id == TENANT, api_keys.c.id == p("id")
        )
        stripped = stripper.stripped(Statement(both))
        assert "tenants.id =" not in stripped.text
        assert "api_keys.id = $2::UUID" in stripped.text
        assert stripper.faults == []

    def test_writes_and_joins_of_columns_stay(self):
        stripper = a_stripper()
        changed = sa.update(items).where(items.c.tenant_id == TENANT).values(tenant_id=TENANT)
        row = changed.returning(items.c.tenant_id).cte("changed")
        gone = sa.delete(item_tags).where(
            item_tags.c.tenant_id == TENANT, item_tags.c.tenant_id == row.c.tenant_id
        )
        stripped = stripper.stripped(Statement(sa.select(row).add_cte(gone.cte("gone"))))
        assert "SET tenant_id=$1::UUID" in stripped.text
        assert "item_tags.tenant_id = changed.tenant_id" in stripped.text
        assert (stripper.removed, stripper.faults) == (2, [])


class TestFault:
    def test_is_a_table_that_is_read_without_its_tenant(self):
        stripper = a_stripper()
        stripper.stripped(Statement(sa.select(items.c.sku).where(items.c.id == p("id"))))
        [fault] = stripper.faults
        assert fault.startswith("items is read without a tenant predicate")

    def test_is_a_subquery_that_leaves_it_to_the_outer_one(self):
        stripper = a_stripper()
        tagged = sa.exists().where(item_tags.c.item_id == items.c.id)
        stripper.stripped(
            Statement(sa.select(items.c.sku).where(items.c.tenant_id == TENANT, tagged))
        )
        assert {fault.partition(" ")[0] for fault in stripper.faults} == {"item_tags"}

    def test_is_an_alias_without_its_own(self):
        stripper = a_stripper()
        twin = items.alias("twin")
        stripper.stripped(
            Statement(
                sa.select(twin.c.sku).where(items.c.tenant_id == TENANT, items.c.id == twin.c.id)
            )
        )
        assert {fault.partition(" ")[0] for fault in stripper.faults} == {"twin"}

    def test_is_a_predicate_that_is_written_in_another_way(self):
        stripper = a_stripper()
        stripper.stripped(
            Statement(sa.select(items.c.sku).where(items.c.tenant_id == sa.func.coalesce(TENANT)))
        )
        assert stripper.faults
