"""The checker finds each kind of leak: the controls of the suite."""

from dataclasses import replace
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Security
from starlette.responses import Response

from sokho.core.infrastructure.http.credentials import OPERATOR_KEY
from sokho.core.infrastructure.http.cursors import CursorCodec
from sokho.core.infrastructure.http.routing import PreparedRoute
from tests.sealing.checker import SealError, check, check_every_operation
from tests.sealing.document import operations_of
from tests.sealing.placement import CannotPlace
from tests.sealing.test_placement import an_endpoint
from tests.sealing.world import UnseededError, World, tenant_tables

UNIQUE_FOR_ALL = "CREATE UNIQUE INDEX ON items (sku_key)"

WRITES_FOR_OTHERS = """
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    UPDATE items SET version = version + 1 WHERE tenant_id <> NEW.tenant_id;
    RETURN NULL;
END $$;
CREATE TRIGGER meddles AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION meddle();
"""


async def codes(world: World, name: str) -> set[str]:
    """Return the codes of what is found when one operation is checked."""
    operations = [each for each in operations_of(await world.document()) if str(each) == name]
    assert operations
    with pytest.raises(SealError) as found:
        await check(world, operations)
    return {finding.code for finding in found.value.findings}


def add_route(world: World, path: str, endpoint: Any) -> None:
    canary = APIRouter(route_class=PreparedRoute)
    canary.add_api_route(path, endpoint, response_model=None)
    world.app.router.routes.extend(canary.routes)
    world.app.openapi_schema = None


class TestLeak:
    async def test_of_a_number_that_is_unique_for_all_is_found(self, world: World):
        """Whoever is refused a SKU learns that somebody has it."""
        await world.admin.execute(UNIQUE_FOR_ALL)
        assert "differs" in await codes(world, "POST /v1/items")

    async def test_of_a_write_into_anothers_rows_is_found(self, world: World):
        await world.admin.execute(WRITES_FOR_OTHERS)
        assert "changed" in await codes(world, "POST /v1/items")

    async def test_of_a_cursor_that_forgets_its_tenant_is_found(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        mac = CursorCodec._mac
        monkeypatch.setattr(CursorCodec, "_mac", lambda self, payload, _: mac(self, payload, b""))
        assert "differs" in await codes(world, "GET /v1/items")

    async def test_of_what_an_answer_says_of_others_is_found(self, world: World):
        """What is kept beside the database is sealed by nothing."""

        async def names() -> Response:
            rows = await world.admin.fetch("SELECT name FROM items")
            return Response(" ".join(row["name"] for row in rows))

        add_route(world, "/v1/names", names)
        assert await codes(world, "GET /v1/names") == {"told", "differs"}

    async def test_of_an_operation_of_the_operator_to_any_key_is_found(self, world: World):
        """It is documented as the operator's, and verifies nobody."""

        async def door(_: Annotated[str | None, Security(OPERATOR_KEY)]) -> Response:
            return Response("canary7q")

        add_route(world, "/v1/admin/door", door)
        assert await codes(world, "GET /v1/admin/door") == {"let_in", "told"}

    async def test_of_a_number_that_counts_for_all_is_found(self, world: World):
        async def count() -> Response:
            return Response(str(await world.admin.fetchval("SELECT count(*) FROM items")))

        add_route(world, "/v1/count", count)
        assert await codes(world, "GET /v1/count") == {"differs"}


class TestCheck:
    async def test_that_shows_nothing_is_found(self, world: World):
        """An operation that refuses its own business would refuse everybody alike."""

        async def refuse() -> Response:
            return Response(status_code=404)

        add_route(world, "/v1/refused", refuse)
        assert await codes(world, "GET /v1/refused") == {"not_shown"}

    async def test_fails_on_a_route_that_it_cannot_place(self, world: World):
        add_route(world, "/v1/shelves/{shelf}", an_endpoint(str))
        with pytest.raises(CannotPlace, match=r"GET /v1/shelves/{shelf}: .* path shelf"):
            await check_every_operation(world)

    async def test_fails_on_a_table_without_rows_of_the_sealed_business(self, world: World):
        await world.admin.execute("CREATE TABLE shelves (tenant_id uuid NOT NULL, label text)")
        tables = await tenant_tables(world.admin)
        with pytest.raises(UnseededError, match=r"no row in shelves: .*tests/sealing/stock\.py"):
            await check_every_operation(replace(world, tables=tables))
