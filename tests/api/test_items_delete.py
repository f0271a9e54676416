"""``DELETE /v1/items/{item_id}``: of the version that was seen, unless something refers to it."""

from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import asyncpg
import pytest

from sokho.app import create_app
from sokho.core.infrastructure.database.policies import tenant_predicate
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.api.catalogue import an_item_of, shown
from tests.api.problems import problem_of, without_id
from tests.conftest import Business, client_of, close, settings_for

ANY: Final = {"If-Match": "*"}

# As a later revision would make them: whatever refers to an item, sealed like every table.
_LINES: Final = f"""
SET ROLE sokho_owner;
CREATE TABLE lines (
    tenant_id uuid NOT NULL, id int NOT NULL, item_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, id), FOREIGN KEY (tenant_id, item_id) REFERENCES items (tenant_id, id)
);
ALTER TABLE lines ENABLE ROW LEVEL SECURITY;
ALTER TABLE lines FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant_access ON lines TO sokho_app, sokho_owner
    USING ({tenant_predicate()}) WITH CHECK ({tenant_predicate()});
GRANT SELECT, INSERT, UPDATE, DELETE ON lines TO sokho_app;
RESET ROLE
"""


class TestDeleteItem:
    @pytest.mark.parametrize("if_match", ['"1"', "*", '"7","1"'])
    async def test_answers_nothing_and_then_finds_nothing(self, business: Business, if_match: str):
        url = await an_item_of(business, tags=["x"])
        kept = await an_item_of(business, "B", tags=["x"])
        await business.http.put(f"{url}/conversions/thùng", json={"numerator": 24})
        answer = await business.http.delete(url, headers={"If-Match": if_match})
        assert (answer.status_code, answer.content) == (204, b"")
        assert "content-type" not in answer.headers
        for again in (
            await business.http.delete(url, headers={"If-Match": if_match}),
            await business.http.get(url),
            await business.http.get(f"{url}/conversions"),
        ):
            problem_of(again, 404, "item_not_found")
        assert await shown(business, "/v1/items?tag=x") == [await shown(business, kept)]

    async def test_frees_the_sku(self, business: Business):
        url = await an_item_of(business, "ĐINH")
        await business.http.delete(url, headers=ANY)
        assert await an_item_of(business, "đinh") != url

    async def test_needs_the_version_that_was_seen(self, business: Business):
        url = await an_item_of(business)
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = language
            problem_of(await business.http.delete(url), 428, "precondition_required")
            for stale in ('"2"', 'W/"1"', "1", "", '"x"'):
                answer = await business.http.delete(url, headers={"If-Match": stale})
                problem = problem_of(answer, 412, "precondition_failed")
                assert problem["title"].isascii() is (language == "en")
        assert (await shown(business, url))["version"] == 1

    async def test_does_not_find_an_unknown_id(self, business: Business):
        for if_match in ("*", '"1"'):
            answer = await business.http.delete(
                f"/v1/items/{uuid4()}", headers={"If-Match": if_match}
            )
            problem_of(answer, 404, "item_not_found")


class TestItemInUse:
    @pytest.fixture
    async def trading(
        self, scratch: DatabaseUrls, derived_keys: DerivedKeys
    ) -> AsyncIterator[tuple[Business, asyncpg.Connection]]:
        """A business whose items may stand in lines, and who may write those."""
        admin = await asyncpg.connect(scratch.admin)
        await admin.execute(_LINES)
        app = create_app(settings_for(scratch, pool_size=2))
        opened = await open_business(app.state.database, derived_keys, "Kho thử")
        async with client_of(app, opened.api_key) as http:
            yield Business(opened.tenant.id, opened.api_key, http), admin
        await close(app)
        await admin.close()

    async def test_stays_and_can_be_archived(
        self,
        trading: tuple[Business, asyncpg.Connection],
    ):
        business, admin = trading
        url = await an_item_of(business, tags=["x"])
        before = await shown(business, url)
        await admin.execute(
            "INSERT INTO lines VALUES ($1, 1, $2)", business.tenant_id, before["id"]
        )
        for language, word in (("vi", "ngừng kinh doanh"), ("en", "archive")):
            answer = await business.http.delete(
                url, headers={"If-Match": '"1"', "Accept-Language": language}
            )
            assert word in problem_of(answer, 409, "item_in_use")["title"]
        assert await shown(business, "/v1/items?tag=x") == [before]
        answer = await business.http.patch(url, json={"status": "archived"}, headers=ANY)
        assert answer.json()["status"] == "archived"
        await admin.execute("DELETE FROM lines")
        assert (await business.http.delete(url, headers=ANY)).status_code == 204


class TestAnotherTenant:
    async def test_is_answered_as_for_an_unknown_id(self, business: Business, other: Business):
        url = await an_item_of(business)
        for if_match in ("*", '"1"', '"2"'):
            stolen, unknown = [
                problem_of(
                    await other.http.delete(path, headers={"If-Match": if_match}),
                    404,
                    "item_not_found",
                )
                for path in (url, f"/v1/items/{uuid4()}")
            ]
            assert without_id(stolen) == without_id(unknown)
        assert (await shown(business, url))["version"] == 1
