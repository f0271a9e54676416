"""Statements: which parameters they take, which of them may run in one round trip."""

from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy import bindparam as p
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from sokho.core.infrastructure.database import TENANT, Statement

TENANT_ID = UUID(int=1)

things = sa.table(
    "things",
    sa.column("tenant_id", sa.Uuid),
    sa.column("name", sa.Text),
    sa.column("kind", sa.Text),
    sa.column("data", JSONB),
    sa.column("tags", ARRAY(sa.Text)),
)
OURS = things.c.tenant_id == TENANT
BY_NAME = sa.select(things).where(OURS, things.c.name == p("name"))


class TestArguments:
    def test_stand_in_the_order_of_the_text(self):
        statement = Statement(BY_NAME)
        assert "tenant_id = $1" in statement.text
        assert "name = $2" in statement.text
        assert statement.arguments(TENANT_ID, {"name": "a"}) == [TENANT_ID, "a"]

    def test_of_one_trip_end_in_the_tenant(self):
        statement = Statement(BY_NAME)
        assert statement.one_trip is not None
        assert "$2::uuid" in statement.one_trip
        assert "name = $1" in statement.one_trip
        assert statement.one_trip_arguments(TENANT_ID, {"name": "a"}) == ["a", TENANT_ID]

    def test_bring_the_constants_of_the_statement(self):
        statement = Statement(BY_NAME.where(things.c.kind == "x"))
        assert statement.arguments(TENANT_ID, {"name": "a"}) == [TENANT_ID, "a", "x"]
        assert statement.one_trip_arguments(TENANT_ID, {"name": "a"}) == ["a", "x", TENANT_ID]

    @pytest.mark.parametrize(
        ("values", "wrong"),
        [
            ({}, "name"),
            ({"name": "a", "nmae": "b"}, "nmae"),
            ({"nmae": "a"}, "name, nmae"),
            ({"name": "a", "current_tenant": UUID(int=2)}, "current_tenant"),
        ],
    )
    def test_missing_or_unknown_are_refused(self, values: dict[str, object], wrong: str):
        statement = Statement(BY_NAME)
        for arguments in (statement.arguments, statement.one_trip_arguments):
            with pytest.raises(TypeError, match=rf"missing or unknown: {wrong}$"):
                arguments(TENANT_ID, values)


class TestOneTrip:
    def test_is_a_select_of_the_tenants_rows(self):
        assert Statement(BY_NAME).one_trip is not None

    @pytest.mark.parametrize(
        "clause",
        [
            sa.insert(things).values(tenant_id=TENANT, name=p("name")).returning(things),
            sa.update(things).where(OURS).values(name=p("name")).returning(things),
            sa.delete(things).where(OURS).returning(things),
        ],
        ids=["insert", "update", "delete"],
    )
    def test_is_never_a_write(self, clause: sa.sql.dml.UpdateBase):
        assert Statement(clause).one_trip is None
        # PostgreSQL evaluates the binding of a CTE that writes when it likes, or never.
        written = clause.cte("written")
        assert Statement(sa.select(written).where(written.c.tenant_id == TENANT)).one_trip is None
        beside = sa.select(things).where(OURS).add_cte(written)
        assert Statement(beside).one_trip is None

    def test_is_never_a_select_that_names_no_tenant(self):
        assert Statement(sa.select(things)).one_trip is None

    def test_binds_the_tenant_before_it_reads(self):
        text = Statement(BY_NAME).one_trip
        assert text is not None
        assert text.index("set_config('app.current_tenant'") < text.index("FROM things")
        assert "CROSS JOIN LATERAL" in text
        assert "things.tenant_id = bound.tenant::uuid" in text


class TestPlannedOnce:
    def test_hides_its_values_from_the_planner(self):
        text = Statement(BY_NAME, planned_once=True).one_trip
        assert text is not None
        assert 'things.name = bound."name"' in text
        assert "things.tenant_id = bound.tenant::uuid" in text
        assert "$" not in text.partition("CROSS JOIN LATERAL")[2]

    def test_takes_the_same_values(self):
        statement = Statement(BY_NAME, planned_once=True)
        assert statement.one_trip_arguments(TENANT_ID, {"name": "a"}) == ["a", TENANT_ID]
        with pytest.raises(TypeError):
            statement.one_trip_arguments(TENANT_ID, {})

    def test_leaves_alone_what_is_written_into_the_statement(self):
        within = sa.select(things).where(OURS, things.c.name.in_([sa.literal("x")]))
        statement = Statement(within, planned_once=True)
        assert statement.one_trip_arguments(TENANT_ID, {}) == ["x", TENANT_ID]


class TestTypes:
    @pytest.mark.parametrize(
        "kind",
        [sa.Enum("a", "b", name="kind"), sa.PickleType()],
        ids=lambda kind: type(kind).__name__,
    )
    def test_that_sqlalchemy_would_encode_are_refused(self, kind: sa.types.TypeEngine[object]):
        """Its processors are never called: the driver would get the value as it is."""
        column: sa.ColumnClause[object] = sa.column("kind", kind)
        with pytest.raises(TypeError, match="kind"):
            Statement(sa.select(things).where(OURS, column == p("kind")))

    def test_that_the_driver_encodes_are_taken(self):
        clause = sa.insert(things).values(
            tenant_id=TENANT, name=p("name"), data=p("data"), tags=p("tags")
        )
        values = {"name": "a", "data": {"k": [1]}, "tags": ["x"]}
        assert Statement(clause).arguments(TENANT_ID, values)[2:] == [{"k": [1]}, ["x"]]
