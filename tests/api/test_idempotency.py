"""A POST that is sent again with its Idempotency-Key."""

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.idempotency import KEY_LENGTH, hash_of, id_from
from tests.api.conftest import ClientWith
from tests.api.documented import Documented
from tests.api.problems import problem_of
from tests.api.traced import CHANGING, TRACES, Shop, prepare
from tests.conftest import OPERATOR_KEY, Business, client_of
from tests.recorded import Recorded

ITEM = {"sku": "A", "name": "Bút"}


async def post(
    http: httpx2.AsyncClient, body: object, key: str = "k-1", path: str = "/v1/items"
) -> httpx2.Response:
    return await http.post(path, json=body, headers={"Idempotency-Key": key})


async def skus(business: Business) -> list[str]:
    return [item["sku"] for item in (await business.http.get("/v1/items")).json()]


class TestReplay:
    async def test_has_the_bytes_of_the_first_answer(self, business: Business):
        first = await post(business.http, ITEM)
        again = await post(business.http, ITEM)
        assert first.status_code == again.status_code == 201
        assert again.content == first.content
        for name in ("Content-Type", "Content-Length", "Location", "ETag"):
            assert again.headers[name] == first.headers[name]
        assert "Idempotent-Replayed" not in first.headers
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
        assert await skus(business) == ["A"]

    async def test_is_not_given_without_a_key(self, business: Business):
        assert (await business.http.post("/v1/items", json=ITEM)).status_code == 201
        again = await business.http.post("/v1/items", json=ITEM)
        problem_of(again, 409, "duplicate_sku")

    async def test_is_not_given_for_another_key(self, business: Business):
        await post(business.http, ITEM)
        problem_of(await post(business.http, ITEM, "k-2"), 409, "duplicate_sku")

    async def test_tells_what_was_though_the_thing_has_changed(self, business: Business):
        first = await post(business.http, ITEM)
        path = first.headers["Location"]
        await business.http.patch(path, json={"name": "Thước"}, headers={"If-Match": "*"})
        assert (await post(business.http, ITEM)).content == first.content

    async def test_leaves_one_event(self, app: FastAPI, business: Business):
        log = Recorded(app.state.database, business.tenant_id)
        await log.new()
        for _ in range(3):
            await post(business.http, ITEM)
        assert [event["type"] for event in await log.new()] == ["item.created"]

    async def test_is_given_to_a_batch(self, business: Business):
        body = {"items": [ITEM]}
        first, again = [await post(business.http, body, path="/v1/items/batch") for _ in range(2)]
        assert again.content == first.content
        assert first.json()["created"] == 1

    async def test_shows_a_secret_again_to_who_lost_the_answer(
        self, app: FastAPI, business: Business
    ):
        body = {"name": "quầy", "role": "viewer"}
        first, again = [await post(business.http, body, path="/v1/api-keys") for _ in range(2)]
        assert again.json()["api_key"] == first.json()["api_key"]
        async with client_of(app, again.json()["api_key"]) as teller:
            assert (await teller.get("/v1/items")).status_code == 200
        assert len((await business.http.get("/v1/api-keys")).json()) == 2

    async def test_of_a_secret_is_for_its_own_caller_alone(
        self, business: Business, client_with: ClientWith
    ):
        body = {"name": "chủ", "role": "owner"}
        made = await post(business.http, body, path="/v1/api-keys")
        async with await client_with(Scope.KEYS_MANAGE) as manager:
            other = await post(manager, body, path="/v1/api-keys")
        problem_of(other, 422, "idempotency_key_mismatch")
        assert made.json()["api_key"] not in other.text
        assert (await post(business.http, body, path="/v1/api-keys")).content == made.content

    async def test_is_for_any_key_of_the_business(
        self, business: Business, client_with: ClientWith
    ):
        first = await post(business.http, ITEM)
        async with await client_with(Scope.ITEMS_WRITE) as colleague:
            assert (await post(colleague, ITEM)).content == first.content

    async def test_needs_the_scope_of_the_operation(
        self, business: Business, client_with: ClientWith
    ):
        await post(business.http, ITEM)
        async with await client_with(Scope.ITEMS_READ) as reader:
            problem_of(await post(reader, ITEM), 403, "permission_denied")


@pytest.mark.parametrize("operation", [one for one in CHANGING if one.method == "POST"], ids=repr)
class TestEveryPost:
    async def test_is_done_once_and_answered_the_same(
        self, fresh_app: FastAPI, operation: Documented
    ):
        shop = await Shop.opened(fresh_app.state.database, partial(client_of, fresh_app))
        await prepare(shop, repr(operation))
        body = TRACES[repr(operation)].body
        await shop.log.new()
        first, again = [
            await shop.call(operation.method, operation.path, body, **{"Idempotency-Key": "k-1"})
            for _ in range(2)
        ]
        assert operation.succeeds_with(first.status_code)
        assert (again.status_code, again.content) == (first.status_code, first.content)
        assert again.headers["Idempotent-Replayed"] == "true"
        if operation.path != "/v1/admin/tenants":
            types = [event["type"] for event in await shop.log.new()]
            assert types == [*TRACES[repr(operation)].types]

    async def test_says_so_in_the_document(self, operation: Documented):
        assert "Idempotency-Key" in operation.parameters("header")
        codes = operation.codes(409) | operation.codes(422)
        assert {"idempotency_key_in_use", "idempotency_key_mismatch"} <= codes


class TestKey:
    async def test_of_another_body_is_refused(self, business: Business):
        await post(business.http, ITEM)
        other = await post(business.http, ITEM | {"name": "Thước"})
        problem_of(other, 422, "idempotency_key_mismatch")

    async def test_of_the_same_json_in_other_bytes_is_refused(self, business: Business):
        headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
        for space, status in (("", 201), ("", 201), (" ", 422)):
            content = f'{{"sku":"A","name":{space}"B"}}'
            answer = await business.http.post("/v1/items", content=content, headers=headers)
            assert answer.status_code == status

    async def test_of_another_address_is_refused(self, business: Business):
        unit = {"code": "bó", "name": "Bó"}
        await post(business.http, unit, path="/v1/units")
        other = await post(business.http, {"sku": "bó", "name": "Bó"})
        problem_of(other, 422, "idempotency_key_mismatch")

    async def test_of_another_business_is_its_own(self, business: Business, other: Business):
        first, second = await post(business.http, ITEM), await post(other.http, ITEM)
        assert second.status_code == 201
        assert "Idempotent-Replayed" not in second.headers
        assert second.json()["id"] != first.json()["id"]

    @pytest.mark.parametrize(
        "body",
        [
            {"sku": "A"},
            {"sku": "TAKEN", "name": "B"},
            {"sku": "A", "name": "B", "unit": "không có"},
        ],
        ids=["unfit", "conflict", "unknown unit"],
    )
    async def test_is_free_after_a_refusal(self, business: Business, body: dict[str, str]):
        await business.http.post("/v1/items", json={"sku": "TAKEN", "name": "B"})
        assert (await post(business.http, body)).status_code in {409, 422}
        answer = await post(business.http, ITEM)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer.headers

    @pytest.mark.parametrize(
        "lines",
        [[""], ["k" * (KEY_LENGTH + 1)], ["a\tb"], ["a", "a"], ["\N{LINE SEPARATOR}"]],
        ids=["empty", "too long", "control", "twice", "separator"],
    )
    async def test_that_does_not_fit_is_refused(self, business: Business, lines: list[str]):
        headers = [(b"idempotency-key", line.encode()) for line in lines]
        answer = await business.http.post("/v1/items", json=ITEM, headers=headers)
        problem = problem_of(answer, 422, "validation_failed")
        assert [each["pointer"] for each in problem["errors"]] == ["/header/Idempotency-Key"]
        assert await skus(business) == []

    async def test_of_the_greatest_length_is_taken(self, business: Business):
        for _ in range(2):
            answer = await post(business.http, ITEM, "k" * KEY_LENGTH)
            assert answer.status_code == 201

    async def test_is_free_again_when_it_has_expired(self, business: Business, urls: DatabaseUrls):
        first = await post(business.http, ITEM)
        await business.http.delete(first.headers["Location"], headers={"If-Match": "*"})
        await expire(urls, business.tenant_id)
        second = await post(business.http, ITEM)
        assert second.status_code == 201
        assert second.json()["id"] != first.json()["id"]
        assert (await post(business.http, ITEM)).content == second.content


class TestTogether:
    async def test_one_works_and_the_others_are_told_at_once(self, business: Business):
        answers = await asyncio.gather(*(post(business.http, ITEM) for _ in range(20)))
        made = [answer for answer in answers if answer.status_code == 201]
        assert len({answer.content for answer in made}) == 1
        assert len([one for one in made if "Idempotent-Replayed" not in one.headers]) == 1
        for answer in answers:
            if answer not in made:
                problem_of(answer, 409, "idempotency_key_in_use")
        assert await skus(business) == ["A"]

    async def test_who_comes_while_another_works_is_told_so(
        self, business: Business, urls: DatabaseUrls
    ):
        key_hash = hash_of("k-1", business.tenant_id, operator=False)
        number = int.from_bytes(key_hash[:8], "big", signed=True)
        elsewhere = await asyncpg.connect(urls.app)
        async with elsewhere.transaction():
            await elsewhere.execute("SELECT pg_advisory_xact_lock($1)", number)
            answer = await post(business.http, ITEM)
            problem_of(answer, 409, "idempotency_key_in_use")
        await elsewhere.close()
        assert (await post(business.http, ITEM)).status_code == 201


class TestOfTheOperator:
    async def test_of_another_body_is_refused_where_none_is_read(
        self, app: FastAPI, business: Business
    ):
        path = f"/v1/admin/tenants/{business.tenant_id}/resume"
        async with client_of(app, OPERATOR_KEY) as operator:
            assert (await post(operator, {"a": 1}, path=path)).status_code == 200
            problem_of(await post(operator, {"a": 2}, path=path), 422, "idempotency_key_mismatch")

    async def test_is_refused_at_another_address(self, app: FastAPI, business: Business):
        path = f"/v1/admin/tenants/{business.tenant_id}"
        async with client_of(app, OPERATOR_KEY) as operator:
            assert (await post(operator, None, path=f"{path}/suspend")).status_code == 200
            resumed = await post(operator, None, path=f"{path}/resume")
        problem_of(resumed, 422, "idempotency_key_mismatch")

    async def test_is_kept_where_nothing_was_to_be_done(self, app: FastAPI, business: Business):
        path = f"/v1/admin/tenants/{business.tenant_id}/resume"
        async with client_of(app, OPERATOR_KEY) as operator:
            first, again = [await post(operator, None, path=path) for _ in range(2)]
        assert first.status_code == 200
        assert again.headers["Idempotent-Replayed"] == "true"

    async def test_one_business_is_opened(self, app: FastAPI):
        key = "mở quán số 1"
        async with client_of(app, OPERATOR_KEY) as operator:
            path = "/v1/admin/tenants"
            first, again = [
                await operator.post(
                    path, json={"name": "Quán"}, headers=[(b"idempotency-key", key.encode())]
                )
                for _ in range(2)
            ]
            assert first.status_code == again.status_code == 201
            assert again.content == first.content
            assert again.headers["Idempotent-Replayed"] == "true"
            assert UUID(first.json()["id"]) == id_from(key)
            assert id_from(key).version == 8

    async def test_a_business_whose_answer_is_forgotten_is_not_opened_anew(
        self, app: FastAPI, urls: DatabaseUrls
    ):
        async with client_of(app, OPERATOR_KEY) as operator:
            first = await post(operator, {"name": "Quán"}, "quan-2", "/v1/admin/tenants")
            await expire(urls, UUID(first.json()["id"]))
            again = await post(operator, {"name": "Quán"}, "quan-2", "/v1/admin/tenants")
        problem_of(again, 409, "tenant_exists")

    async def test_a_business_and_the_operator_have_keys_of_their_own(
        self, app: FastAPI, business: Business
    ):
        await post(business.http, ITEM)
        async with client_of(app, OPERATOR_KEY) as operator:
            path = f"/v1/admin/tenants/{business.tenant_id}"
            suspended = await post(operator, None, path=f"{path}/suspend")
            assert suspended.status_code == 200
            await post(operator, None, "k-2", f"{path}/resume")
            again = await post(operator, None, path=f"{path}/suspend")
            assert again.headers["Idempotent-Replayed"] == "true"
            assert (await operator.get(path)).json()["state"] == "active"


class TestStored:
    async def test_answers_cannot_be_read(self, business: Business, urls: DatabaseUrls):
        made = await post(business.http, {"name": "quầy", "role": "viewer"}, path="/v1/api-keys")
        kept = await rows(urls, business.tenant_id)
        assert len(kept) == 1
        for word in (made.json()["api_key"], made.json()["id"], "quầy", "k-1"):
            assert word.encode() not in b"".join(bytes(value) for value in kept[0].values())

    async def test_an_answer_moved_to_another_key_is_not_told(
        self, business: Business, urls: DatabaseUrls
    ):
        await post(business.http, ITEM)
        await change(
            urls,
            "UPDATE idempotency_keys SET key_hash = $2 WHERE tenant_id = $1",
            business.tenant_id,
            hash_of("k-2", business.tenant_id, operator=False),
        )
        other = await post(business.http, ITEM, "k-2")
        problem_of(other, 422, "idempotency_key_mismatch")


async def expire(urls: DatabaseUrls, tenant_id: UUID) -> None:
    await change(
        urls, "UPDATE idempotency_keys SET expires_at = now() WHERE tenant_id = $1", tenant_id
    )


async def change(urls: DatabaseUrls, command: str, *values: Any) -> None:
    admin = await asyncpg.connect(urls.admin)
    await admin.execute(command, *values)
    await admin.close()


async def rows(urls: DatabaseUrls, tenant_id: UUID) -> list[asyncpg.Record]:
    admin = await asyncpg.connect(urls.admin)
    found = await admin.fetch(
        "SELECT key_hash, fingerprint, answer FROM idempotency_keys WHERE tenant_id = $1",
        tenant_id,
    )
    await admin.close()
    return found
