"""Reading a policy: what lets the bound tenant's rows pass and nothing else, and what does not."""

import pytest

from sokho.core.infrastructure.database.isolation.expressions import (
    Fault,
    columns_compared,
    read_policy,
    reads_setting,
)

BOUND = "current_setting('app.t'::text)"

TIGHT = [
    f"(tenant_id = ( SELECT ({BOUND})::uuid AS current_setting))",
    "(tenant_id = (NULLIF(current_setting('app.t'::text, true), ''::text))::uuid)",
    f"((tenant_id)::text = {BOUND})",
    f"({BOUND} = (tenant_id)::text)",
    f"((items.tenant_id = ({BOUND})::uuid) AND (deleted_at IS NULL))",
    f"((deleted_at IS NULL) AND ((tenant_id = ({BOUND})::uuid) OR (tenant_id = ({BOUND})::uuid)))",
    f"(tenant_id OPERATOR(public.=) ({BOUND})::public.citext)",
    "(\"tenant_id\" = (pg_catalog.current_setting('APP.T'::text, false))::bigint)",
]

OPEN = [
    "true",
    "(tenant_id IS NOT NULL)",
    f"(tenant_id <> ({BOUND})::uuid)",
    f"(tenant_id OPERATOR(public.<>) ({BOUND})::public.citext)",
    f"(NOT (tenant_id = ({BOUND})::uuid))",
    f"((tenant_id = ({BOUND})::uuid) OR (name = 'x'::text))",
    f"(((tenant_id = ({BOUND})::uuid) AND (a = 1)) OR (b = 2))",
    f"(tenant_id = COALESCE(({BOUND})::uuid, tenant_id))",
    f"((tenant_id)::character varying(8) = {BOUND})",
    f"(lower((tenant_id)::text) = {BOUND})",
    f"CASE WHEN (a = 1) THEN (tenant_id = ({BOUND})::uuid) ELSE true END",
    f"(EXISTS ( SELECT FROM t WHERE (tenant_id = ({BOUND})::uuid)))",
    f"(tenant_id = ( SELECT ({BOUND})::uuid AS x FROM t))",
    f"('tenant_id = {BOUND.replace(chr(39), chr(39) * 2)}'::text = name)",
    "",
    "(((",
]


class TestReadPolicy:
    @pytest.mark.parametrize("text", TIGHT)
    def test_understands_what_is_tight(self, text: str):
        reading = read_policy(text, "tenant_id", "app.t")
        assert reading.fault is None
        assert reading.wrappers == []

    @pytest.mark.parametrize("text", OPEN)
    def test_takes_nothing_else_for_tight(self, text: str):
        assert read_policy(text, "tenant_id", "app.t").fault is Fault.OPEN

    @pytest.mark.parametrize("text", TIGHT)
    def test_of_another_setting_or_column_is_not_tight(self, text: str):
        assert read_policy(text, "tenant_id", "app.u").fault is Fault.OTHER_SETTING
        assert read_policy(text, "owner_id", "app.t").fault in {Fault.OTHER_COLUMN, Fault.OPEN}
        assert columns_compared(text, "app.t") == {"tenant_id"}

    def test_names_functions_that_stand_for_the_setting(self):
        reading = read_policy(
            "(tenant_id = ( SELECT auth.tenant() AS tenant))", "tenant_id", "app.t"
        )
        assert (reading.fault, reading.wrappers) == (None, ["auth.tenant"])


class TestReadsSetting:
    @pytest.mark.parametrize(
        "body",
        [
            " SELECT current_setting('app.t', true)::uuid; ",
            "BEGIN\n  RETURN NULLIF(current_setting('app.t', true), '')::uuid; -- nobody\nEND;",
            "BEGIN ATOMIC\n SELECT (current_setting('app.t'::text))::uuid AS current_setting;\nEND",
            "RETURN (current_setting('app.t'::text))::uuid",
        ],
    )
    def test_knows_a_body_that_says_no_more(self, body: str):
        assert reads_setting(body, "app.t")
        assert not reads_setting(body, "app.u")

    @pytest.mark.parametrize(
        "body",
        [
            "SELECT coalesce(current_setting('app.t', true), 'x')",
            "SELECT current_setting('app.t') FROM t",
            "SELECT current_setting('app.t')::uuid FROM t",
            "BEGIN IF true THEN RETURN 1; END IF; RETURN current_setting('app.t'); END",
            "SELECT tenant()",
            "",
        ],
    )
    def test_knows_no_other(self, body: str):
        assert not reads_setting(body, "app.t")
