"""The four documents: what is posted, how it is numbered and dated, and where it is found again."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.api.catalogue import an_item_of, id_of, shown
from tests.api.problems import faults_of, problem_of
from tests.api.stocked import TRANSACTIONS, Store, posted, sent
from tests.conftest import Business

FIELDS: Final = [
    *("id", "type", "document_no", "external_ref", "effective_at", "posted_at", "note", "reason"),
    *("actor", "reverses_id", "reversed_by_id", "lines"),
]
LINE_FIELDS: Final = [
    *("line_no", "item_id", "sku", "quantity", "unit", "base_quantity"),
    *("from_location_id", "to_location_id", "from_seq", "from_after", "to_seq", "to_after"),
]


@pytest.fixture
async def store(business: Business) -> Store:
    return await Store.opened(business)


class TestPost:
    async def test_answers_what_is_stored(self, store: Store):
        line = store.line("3.0", target=store.here)
        told = {"external_ref": "hd-12", "note": "dòng 1\ndòng 2"}
        answer = await sent(store.business, "receipt", line, **told)
        assert answer.status_code == 201
        document = answer.json()
        assert list(document) == FIELDS
        assert document.items() >= told.items()
        assert answer.headers["location"] == f"{TRANSACTIONS}/{document['id']}"
        assert document["actor"].startswith("api_key:")
        [moved] = document["lines"]
        assert list(moved) == LINE_FIELDS
        assert moved == {
            "line_no": 1,
            "item_id": store.item_id,
            "sku": "A",
            "quantity": "3",
            "unit": "cái",
            "base_quantity": "3",
            "from_location_id": None,
            "to_location_id": store.here,
            "from_seq": None,
            "from_after": None,
            "to_seq": 1,
            "to_after": "3",
        }
        assert await shown(store.business, answer.headers["location"]) == document

    async def test_of_each_type_moves_what_it_says(self, store: Store):
        receipt = await store.receive("10")
        issue = (await store.issue("2")).json()
        transfer = (await store.transfer("3")).json()
        loss = await posted(
            store.business, "adjustment", store.line("1", store.here), reason="damage"
        )
        gain = await posted(
            store.business, "adjustment", store.line("5", target=store.there), reason="count"
        )
        for document, prefix, before, after in (
            (receipt, "PN", (None, None), (1, "10")),
            (issue, "PX", (2, "8"), (None, None)),
            (transfer, "CK", (3, "5"), (1, "3")),
            (loss, "DC", (4, "4"), (None, None)),
            (gain, "DC", (None, None), (2, "8")),
        ):
            [line] = document["lines"]
            assert (line["from_seq"], line["from_after"]) == before
            assert (line["to_seq"], line["to_after"]) == after
            assert document["document_no"].startswith(f"{prefix}-")
        assert await store.levels() == {
            (store.item_id, store.here): "4",
            (store.item_id, store.there): "8",
        }

    async def test_names_the_item_by_its_sku_whatever_the_case(self, store: Store):
        line = {"sku": " a ", "quantity": "1", "to_location_id": store.here}
        [moved] = (await posted(store.business, "receipt", line))["lines"]
        assert (moved["item_id"], moved["sku"]) == (store.item_id, "A")

    async def test_keeps_what_was_entered_and_what_it_is_in_the_items_own_unit(self, store: Store):
        line = store.line("2", target=store.here, unit="thùng")
        document = await posted(store.business, "receipt", line)
        [moved] = document["lines"]
        told = (moved["quantity"], moved["unit"], moved["base_quantity"])
        assert told == ("2", "thùng", "24")
        assert await store.on_hand() == "24"
        assert await shown(store.business, f"{TRANSACTIONS}/{document['id']}") == document

    async def test_keeps_six_decimals_of_fourteen_digits(self, business: Business):
        await business.http.patch("/v1/units/kg", json={"decimals": 6}, headers={"If-Match": "*"})
        store = await Store.opened(business, unit="kg")
        await store.receive("99999999999999.999999")
        assert await store.on_hand() == "99999999999999.999999"
        assert (await store.issue("99999999999999.999998")).status_code == 201
        assert await store.on_hand() == "0.000001"

    async def test_takes_500_lines_and_no_more(self, store: Store):
        lines = [store.line("1", target=store.here)] * 501
        document = await posted(store.business, "receipt", *lines[:500])
        assert [line["to_seq"] for line in document["lines"]] == [*range(1, 501)]
        assert faults_of(await sent(store.business, "receipt", *lines)) == [("/lines", "too_long")]
        assert faults_of(await sent(store.business, "receipt")) == [("/lines", "too_short")]
        assert await store.on_hand() == "500"

    async def test_of_many_items_moves_each(self, store: Store):
        ids = [id_of(await an_item_of(store.business, f"S{n}")) for n in range(30)]
        lines = [store.line("2", target=store.here, item_id=id) for id in [*ids, *ids[::-1]]]
        await posted(store.business, "receipt", *lines)
        assert await store.levels() == {(id, store.here): "4" for id in ids}


class TestIdempotencyKey:
    async def test_is_required(self, store: Store):
        body = {"type": "receipt", "lines": [store.line("1", target=store.here)]}
        answer = await store.http.post(TRANSACTIONS, json=body)
        problem_of(answer, 400, "idempotency_key_required")
        answer = await store.http.post(f"{TRANSACTIONS}/{uuid4()}/reverse", json={})
        problem_of(answer, 400, "idempotency_key_required")
        assert await store.levels() == {}

    async def test_posts_once(self, store: Store):
        line = store.line("1", target=store.here)
        first, again = [await sent(store.business, "receipt", line, key="k") for _ in range(2)]
        assert again.content == first.content
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"
        assert await store.on_hand() == "1"

    async def test_posts_once_also_when_its_answer_is_no_longer_kept(
        self, store: Store, urls: DatabaseUrls
    ):
        line = store.line("1", target=store.here)
        await posted(store.business, "receipt", line, key="k")
        admin = await asyncpg.connect(urls.admin)
        forget = "DELETE FROM idempotency_keys WHERE tenant_id = $1"
        await admin.execute(forget, store.business.tenant_id)
        await admin.close()
        problem_of(await sent(store.business, "receipt", line, key="k"), 409, "duplicate_request")
        assert await store.on_hand() == "1"

    async def test_is_free_after_a_refusal(self, store: Store):
        problem_of(await store.issue("1", key="k"), 409, "insufficient_stock")
        await store.receive("1")
        assert (await store.issue("1", key="k")).status_code == 201


class TestDocumentNo:
    async def numbers(self, store: Store, *dates: str) -> list[str]:
        return [(await store.receive("1", effective_at=date))["document_no"] for date in dates]

    async def test_counts_by_type_and_year(self, store: Store):
        assert await self.numbers(store, *["2025-05-01T00:00:00Z"] * 2, "2024-05-01T00:00:00Z") == [
            *("PN-2025-000001", "PN-2025-000002", "PN-2024-000001")
        ]
        issue = await store.issue("1", effective_at="2025-05-02T00:00:00Z")
        assert issue.json()["document_no"] == "PX-2025-000001"

    async def test_is_of_the_year_where_the_business_is(self, store: Store):
        border = "2024-12-31T16:59:59.999999Z", "2024-12-31T17:00:00Z", "2025-01-01T00:30:00+07:00"
        assert await self.numbers(store, *border) == [
            *("PN-2024-000001", "PN-2025-000001", "PN-2025-000002")
        ]
        zone = {"time_zone": "America/Los_Angeles"}
        answer = await store.http.patch("/v1/tenant", json=zone, headers={"If-Match": "*"})
        assert answer.status_code == 200
        assert await self.numbers(store, "2025-01-01T07:59:59Z", "0001-01-01T00:00:01Z") == [
            *("PN-2024-000002", "PN-1-000001")
        ]

    async def test_leaves_no_gap_where_a_document_is_refused(self, store: Store):
        first = await store.receive("1")
        for _ in range(3):
            problem_of(await store.issue("5"), 409, "insufficient_stock")
            taken = {"document_no": first["document_no"]}
            line = store.line("1", target=store.here)
            answer = await sent(store.business, "receipt", line, **taken)
            problem_of(answer, 409, "duplicate_document_no")
        assert (await store.receive("1"))["document_no"][-6:] == "000002"
        assert (await store.issue("1")).json()["document_no"][-6:] == "000001"

    async def test_of_the_clients_own_is_kept_and_advances_nothing(self, store: Store):
        line = store.line("1", target=store.here)
        own = await posted(store.business, "receipt", line, document_no="số 7/A")
        assert own["document_no"] == "số 7/A"
        assert (await store.receive("1"))["document_no"][-6:] == "000001"
        answer = await sent(store.business, "receipt", line, document_no="số 7/A")
        problem_of(answer, 409, "duplicate_document_no")
        # Another type, and another year.
        assert (await store.issue("1", document_no="số 7/A")).status_code == 201
        old = {"effective_at": "2020-01-01T00:00:00Z"}
        await posted(store.business, "receipt", line, document_no="số 7/A", **old)

    async def test_is_counted_on_past_those_that_a_client_has_given(self, store: Store):
        date = {"effective_at": "2025-05-01T00:00:00Z"}
        for own in (1, 2, 4):
            await store.receive("1", document_no=f"PN-2025-{own:06}", **date)
        counted = await self.numbers(store, *[date["effective_at"]] * 3)
        assert counted == [f"PN-2025-{number:06}" for number in (3, 5, 6)]

    async def test_goes_on_beyond_six_digits(self, store: Store, urls: DatabaseUrls):
        date = "2025-05-01T00:00:00Z"
        await self.numbers(store, date)
        admin = await asyncpg.connect(urls.admin)
        count = "UPDATE stock_counters SET last = 999998 WHERE tenant_id = $1"
        await admin.execute(count, store.business.tenant_id)
        await admin.close()
        assert await self.numbers(store, date, date, date) == [
            *("PN-2025-999999", "PN-2025-1000000", "PN-2025-1000001")
        ]


class TestExternalRef:
    async def test_is_of_one_document(self, store: Store, other: Business):
        await store.receive("1", external_ref="HD-1")
        problem_of(await store.issue("1", external_ref="HD-1"), 409, "duplicate_external_ref")
        assert await store.on_hand() == "1"
        await (await Store.opened(other)).receive("1", external_ref="HD-1")


class TestEffectiveAt:
    async def test_is_now_where_none_is_told(self, store: Store):
        before = datetime.now(UTC)
        document = await store.receive("1")
        found = datetime.fromisoformat(document["effective_at"])
        assert before - timedelta(minutes=1) < found < before + timedelta(minutes=1)
        assert found <= datetime.fromisoformat(document["posted_at"])

    async def test_may_be_a_little_ahead_and_no_more(self, store: Store):
        ahead = [datetime.now(UTC) + timedelta(minutes=minutes) for minutes in (4, 6)]
        document = await store.receive("1", effective_at=ahead[0].isoformat())
        assert datetime.fromisoformat(document["effective_at"]) == ahead[0]
        line = store.line("1", target=store.here)
        answer = await sent(store.business, "receipt", line, effective_at=ahead[1].isoformat())
        assert codes_of(answer, "effective_at_in_future") == ["/effective_at"]
        assert await store.on_hand() == "1"

    async def test_leaves_the_order_of_posting(self, store: Store):
        dates = "2025-03-01T00:00:00+00:00", "2025-01-01T00:00:00+00:00"
        documents = [await store.receive("1", effective_at=date) for date in dates]
        assert [document["lines"][0]["to_seq"] for document in documents] == [1, 2]
        moments = [datetime.fromisoformat(each["posted_at"]) for each in documents]
        assert moments[0] <= moments[1]


class TestGet:
    async def test_is_known_by_its_content_until_it_is_reversed(self, store: Store):
        url = f"{TRANSACTIONS}/{(await store.receive('1'))['id']}"
        known = {"If-None-Match": (await store.http.get(url)).headers["etag"]}
        assert (await store.http.get(url, headers=known)).status_code == 304
        key = {"Idempotency-Key": "k"}
        assert (await store.http.post(f"{url}/reverse", json={}, headers=key)).status_code == 201
        assert (await store.http.get(url, headers=known)).status_code == 200

    async def test_finds_nothing_of_another_business(self, store: Store, other: Business):
        url = f"{TRANSACTIONS}/{(await store.receive('1'))['id']}"
        for path in (url, f"{TRANSACTIONS}/{UUID(int=7)}"):
            problem_of(await other.http.get(path), 404, "not_found")


class TestList:
    async def ids(self, store: Store, query: str) -> list[str]:
        found: list[dict[str, Any]] = await shown(store.business, f"{TRANSACTIONS}?{query}")
        return [each["id"] for each in found]

    async def test_filters_and_orders(self, store: Store):
        dates = [f"2025-0{month}-01T00:00:00Z" for month in (3, 1, 2)]
        made = [await store.receive("1", effective_at=date) for date in dates]
        issue = (await store.issue("1", external_ref="HD", document_no="X")).json()
        ids = [each["id"] for each in [*made, issue]]
        assert await self.ids(store, "") == ids
        assert await self.ids(store, "sort=-id") == ids[::-1]
        by_date = [ids[1], ids[2], ids[0], ids[3]]
        assert await self.ids(store, "sort=effective_at") == by_date
        assert await self.ids(store, "sort=-effective_at&limit=2") == by_date[:1:-1]
        assert await self.ids(store, "type=issue") == [issue["id"]]
        assert await self.ids(store, "external_ref=HD&document_no=X") == [issue["id"]]
        assert await self.ids(store, "external_ref=hd") == []

    async def test_is_paged_without_loss(self, store: Store):
        dates = [f"2025-01-0{day}T00:00:00Z" for day in (2, 1, 1, 1, 2)]
        made = [await store.receive("1", effective_at=date) for date in dates]
        url: str | None = f"{TRANSACTIONS}?limit=2&sort=effective_at"
        seen: list[Any] = []
        while url is not None:
            answer = await store.http.get(url)
            seen += answer.json()
            url = answer.links.get("next", {}).get("url")
        order = sorted(made, key=lambda each: (each["effective_at"], each["id"]))
        assert seen == order


def codes_of(answer: Any, code: str) -> list[str]:
    """Return where faults of one kind are told."""
    problem = problem_of(answer, 422, code)
    assert {error["code"] for error in problem["errors"]} == {code}
    return [error["pointer"] for error in problem["errors"]]
