"""Every change leaves its trace, and nothing else does: each operation of the document."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.documented import Documented
from tests.api.problems import problem_of
from tests.api.traced import (
    ACTOR,
    CHANGING,
    TRACES,
    Shop,
    created_changes,
    deleted_changes,
    filled,
    prepare,
    state_of,
    updated_changes,
)
from tests.conftest import client_of
from tests.recorded import Recorded
from tests.sealing.world import tenant_tables

every_change = pytest.mark.parametrize("operation", CHANGING, ids=repr)


@pytest.fixture
async def shop(fresh_app: FastAPI) -> Shop:
    return await Shop.opened(fresh_app.state.database, partial(client_of, fresh_app))


@pytest.fixture
async def admin(urls: DatabaseUrls) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(urls.admin)
    yield connection
    await connection.close()


async def performed(shop: Shop, operation: Documented) -> tuple[Any, Recorded]:
    """Call an operation so that it changes something; return the answer and the log."""
    await prepare(shop, repr(operation))
    answer = await shop.call(operation.method, operation.path, TRACES[repr(operation)].body)
    assert operation.succeeds_with(answer.status_code), answer.text
    if operation.path == "/v1/admin/tenants":
        return answer, Recorded(shop.database, UUID(answer.json()["id"]))
    return answer, shop.log


def test_the_table_has_every_operation_that_changes_something():
    assert {*map(repr, CHANGING)} == TRACES.keys()


@every_change
class TestEveryChange:
    async def test_is_told_with_who_made_it_and_in_which_request(
        self, shop: Shop, operation: Documented
    ):
        answer, log = await performed(shop, operation)
        rows = await log.new()
        assert tuple(row["type"] for row in rows) == TRACES[repr(operation)].types
        by_operator = operation.path.startswith("/v1/admin")
        for row in rows:
            assert str(row["request_id"]) == answer.headers["x-request-id"]
            assert row["actor"] == ("operator" if by_operator else shop.actor)
            assert row["name"] == ACTOR

    async def test_is_told_in_its_own_transaction(
        self,
        shop: Shop,
        operation: Documented,
        admin: "asyncpg.Connection[asyncpg.Record]",
    ):
        before = await versions_of_rows(admin, shop.tenant_id)
        answer, log = await performed(shop, operation)
        [xid] = {row["xid"] for row in await log.new()}
        tenant_id = shop.tenant_id
        if operation.path == "/v1/admin/tenants":
            tenant_id, before = UUID(answer.json()["id"]), set()
        written = await versions_of_rows(admin, tenant_id) - before
        numbers = {number for table, number in written if table not in {"events", "actors"}}
        gone = operation.method == "DELETE" and not numbers
        assert gone or xid % 2**32 in numbers

    async def test_is_told_with_exactly_the_fields_that_differ(
        self, shop: Shop, operation: Documented
    ):
        trace = TRACES[repr(operation)]
        await prepare(shop, repr(operation))
        before = await shop.get(trace.resource) if trace.resource else {}
        answer, log = await performed(shop, operation)
        row, *others = await log.new()
        if trace.changes is not None:
            assert row["changes"] == filled(trace.changes(state_of(answer)), shop.places)
        elif row["type"].endswith(".created"):
            assert row["changes"] == created_changes(state_of(answer), trace.hidden)
        elif row["type"].endswith(".deleted"):
            assert row["changes"] == deleted_changes(before)
        else:
            assert trace.resource is not None
            after = await shop.get(trace.resource)
            assert row["changes"] == updated_changes(before, after)
            assert row["changes"]
        for other in others:
            hidden = {"name", "secret_hash", "pepper_id"}
            if other["type"] == "location.created":
                assert other["changes"]["code"] == {"after": "KHO"}
                continue
            if other["type"] == "stock.posted":
                assert other["changes"] == {"type": {"after": "issue"}, "lines": {"after": 1}}
                continue
            assert other["type"] == "api_key.created"
            assert not hidden & other["changes"].keys()
            assert other["changes"]["scopes"]["after"]

    async def test_names_what_was_changed(self, shop: Shop, operation: Documented):
        answer, log = await performed(shop, operation)
        row, *others = await log.new()
        _, _, kind = operation.path.partition("{")
        body = state_of(answer)
        expected = {
            "item.batch": None,
            "unit.created": body.get("code"),
            "stock.posted": body.get("id"),
        }.get(row["type"], shop.places.get(kind.partition("}")[0], body.get("id")))
        assert row["resource_id"] == expected
        for other in others:
            assert str(UUID(other["resource_id"])) != expected

    async def test_that_is_none_leaves_no_trace(self, shop: Shop, operation: Documented):
        trace = TRACES[repr(operation)]
        await performed(shop, operation)
        await shop.log.new()
        before = await shop.log.all()
        again = await shop.call(operation.method, operation.path, trace.body)
        if trace.idles:
            assert operation.succeeds_with(again.status_code), again.text
        elif again.status_code < 400:
            return  # it has made another one
        assert await shop.log.all() == before

    async def test_that_is_refused_leaves_no_trace(self, shop: Shop, operation: Documented):
        trace = TRACES[repr(operation)]
        await prepare(shop, repr(operation))
        before, actors = await shop.log.all(), await shop.log.actors()
        method, path, body = operation.method, operation.path, trace.body
        refused = [
            await shop.call(method, path, body, Authorization="Bearer x"),
            await shop.call(method, path, body, actor="x" * 129),
        ]
        if operation.media_types:
            refused += [
                await shop.call(method, path, trace.refused, actor="ai khác"),
                await shop.call(method, path, {"surprise": 1}, actor="ai khác"),
                await shop.call(method, path, [], actor="ai khác"),
            ]
        if "If-Match" in operation.parameters("header"):
            refused.append(await shop.call(method, path, body, **{"If-Match": '"99"'}))
        for name in operation.parameters("path"):
            unknown = "xyz" if name in {"code", "unit"} else str(UUID(int=7))
            refused.append(await shop.call(method, path.replace(f"{{{name}}}", unknown), body))
        for answer in refused:
            assert 400 <= answer.status_code < 500, answer.text
        assert await shop.log.all() == before
        assert await shop.log.actors() == actors


@every_change
class TestSokhoActor:
    @pytest.mark.parametrize("actor", ["x" * 129, "", " ", "a\tb", "a\u200bb", "\x7f"])
    async def test_that_is_no_name_is_refused(self, shop: Shop, operation: Documented, actor: str):
        before = await shop.log.all()
        body = TRACES[repr(operation)].body
        answer = await shop.call(operation.method, operation.path, body, actor=actor)
        problem = problem_of(answer, 422, "validation_failed")
        assert [e["pointer"] for e in problem["errors"]] == ["/header/Sokho-Actor"]
        assert await shop.log.all() == before

    async def test_may_be_128_of_any_letters(self, shop: Shop, operation: Documented):
        await prepare(shop, repr(operation))
        body = TRACES[repr(operation)].body
        answer = await shop.call(operation.method, operation.path, body, actor="ộ" * 128)
        assert operation.succeeds_with(answer.status_code), answer.text


async def versions_of_rows(
    admin: "asyncpg.Connection[asyncpg.Record]", tenant_id: UUID
) -> set[tuple[str, int]]:
    """Return which transactions wrote the rows of a business, by table."""
    return {
        (table, int(row["xmin"]))
        for table, column in (await tenant_tables(admin)).items()
        for row in await admin.fetch(
            f"SELECT xmin::text FROM {table} WHERE {column} = $1", tenant_id
        )
    }
