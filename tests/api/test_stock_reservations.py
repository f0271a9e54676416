"""``/v1/stock/reservations``: what is promised is nobody else's, until it is issued or free."""

from uuid import uuid4

import pytest

from tests.api.catalogue import an_item_of, id_of, shown
from tests.api.problems import problem_of
from tests.api.reserved import HOUR, RESERVATIONS, a_line, act, asked, level, reserved
from tests.api.stocked import TRANSACTIONS, Store, posted, reversed_, sent
from tests.conftest import Business


@pytest.fixture
async def store(business: Business) -> Store:
    store = await Store.opened(business)
    await store.receive("10")
    return store


class TestReserve:
    async def test_leaves_goods_on_hand_and_no_longer_available(self, store: Store):
        made = await reserved(store, "4")
        assert await level(store) == ("10", "4", "6")
        assert (made["state"], made["transaction_id"]) == ("open", None)
        [line] = made["lines"]
        assert line == {
            "line_no": 1,
            "item_id": store.item_id,
            "sku": "A",
            "location_id": store.here,
            "quantity": "4",
            "unit": "cái",
            "base_quantity": "4",
        }
        assert await shown(store.business, f"{RESERVATIONS}/{made['id']}") == made

    async def test_is_of_all_lines_or_of_none(self, store: Store):
        other = id_of(await an_item_of(store.business, "B"))
        lines = a_line(store, "4"), a_line(store, "1", item_id=other)
        problem = problem_of(await asked(store.business, *lines), 409, "insufficient_stock")
        [error] = problem["errors"]
        assert (error["pointer"], error["requested"], error["available"]) == ("/lines/1", "1", "0")
        assert await level(store) == ("10", "0", "10")

    async def test_counts_lines_of_one_item_together(self, store: Store):
        lines = [a_line(store, "4")] * 3
        problem = problem_of(await asked(store.business, *lines), 409, "insufficient_stock")
        assert {error["requested"] for error in problem["errors"]} == {"12"}
        await asked(store.business, *lines[:2])
        assert await level(store) == ("10", "8", "2")

    async def test_is_told_in_any_unit_of_the_item(self, store: Store):
        await store.receive("20")
        made = await reserved(store, "2", unit="thùng")
        assert [(x["quantity"], x["unit"], x["base_quantity"]) for x in made["lines"]] == [
            ("2", "thùng", "24")
        ]
        assert await level(store) == ("30", "24", "6")

    async def test_sees_what_others_have_reserved(self, store: Store):
        await reserved(store, "7")
        problem = problem_of(
            await asked(store.business, a_line(store, "4")), 409, "insufficient_stock"
        )
        assert problem["errors"][0]["available"] == "3"
        await reserved(store, "3")
        assert await level(store) == ("10", "10", "0")

    async def test_sent_again_reserves_once(self, store: Store):
        answers = [await asked(store.business, a_line(store, "4"), key="k") for _ in range(2)]
        assert answers[0].json() == answers[1].json()
        assert answers[1].headers["idempotent-replayed"] == "true"
        assert await level(store) == ("10", "4", "6")


class TestWhatIsReserved:
    @pytest.mark.parametrize(
        ("type", "code"),
        [
            ("issue", "insufficient_stock"),
            ("transfer", "insufficient_stock"),
            ("adjustment", "stock_reserved"),
        ],
    )
    async def test_stays(self, store: Store, type: str, code: str):
        await reserved(store, "4")
        target = store.there if type == "transfer" else None
        more = {"reason": "damage"} if type == "adjustment" else {}
        for quantity, status in (("7", 409), ("6", 201), ("1", 409)):
            line = store.line(quantity, store.here, target)
            answer = await sent(store.business, type, line, **more)
            assert answer.status_code == status, answer.text
            if status == 409:
                [error] = problem_of(answer, 409, code)["errors"]
                assert (error["pointer"], error["requested"]) == ("/lines/0", quantity)
                assert error["available"] == ("6" if quantity == "7" else "0")
        assert await level(store) == ("4", "4", "0")

    async def test_is_no_reason_where_the_goods_are_not_there_at_all(self, store: Store):
        await reserved(store, "4")
        line = store.line("11", store.here)
        answer = await sent(store.business, "adjustment", line, reason="damage")
        problem_of(answer, 409, "insufficient_stock")

    async def test_stays_when_what_brought_it_is_reversed(self, store: Store):
        receipt = await store.receive("5")
        gain = await posted(
            store.business, "adjustment", store.line("5", target=store.here), reason="count"
        )
        await reserved(store, "16")
        problem_of(await reversed_(store.business, receipt["id"]), 409, "insufficient_stock")
        problem_of(await reversed_(store.business, gain["id"]), 409, "stock_reserved")
        assert await level(store) == ("20", "16", "4")


class TestConfirm:
    async def test_becomes_one_issue(self, store: Store):
        made = await reserved(store, "4")
        confirmed = await act(store.business, made["id"], "confirm", {})
        assert confirmed.status_code == 200, confirmed.text
        after = confirmed.json()
        assert after["state"] == "confirmed"
        assert await shown(store.business, f"{RESERVATIONS}/{made['id']}") == after
        issue = await shown(store.business, f"{TRANSACTIONS}/{after['transaction_id']}")
        assert issue["type"] == "issue"
        assert issue["document_no"].startswith("PX-")
        [line] = issue["lines"]
        assert (line["quantity"], line["from_location_id"], line["from_after"]) == (
            *("4", store.here),
            "6",
        )
        assert await level(store) == ("6", "0", "6")

    async def test_needs_no_body(self, store: Store):
        made = await reserved(store, "4")
        url = f"{RESERVATIONS}/{made['id']}/confirm"
        key = {"Idempotency-Key": "k"}
        untyped = await store.http.post(url, content=b"{}", headers=key)
        problem_of(untyped, 415, "unsupported_media_type")
        confirmed = await store.http.post(url, headers=key)
        assert (confirmed.status_code, confirmed.json()["state"]) == (200, "confirmed")

    async def test_takes_the_rest_of_the_document_from_the_call(self, store: Store):
        await store.receive("4", effective_at="2026-01-05T01:00:00Z")
        made = await reserved(store, "4")
        header = {
            "effective_at": "2026-01-05T01:30:00Z",
            "document_no": "XK-1",
            "external_ref": "ĐH-77",
            "note": "Giao anh Ba",
        }
        confirmed = await act(store.business, made["id"], "confirm", header)
        id = confirmed.json()["transaction_id"]
        issue = await shown(store.business, f"{TRANSACTIONS}/{id}")
        assert {name: issue[name] for name in header} == header | {
            "effective_at": "2026-01-05T01:30:00Z"
        }

    async def test_is_refused_at_a_date_at_which_it_was_not_there(self, store: Store):
        made = await reserved(store, "4")
        header = {"effective_at": "2026-01-05T01:30:00Z"}
        answer = await act(store.business, made["id"], "confirm", header)
        [error] = problem_of(answer, 409, "insufficient_stock")["errors"]
        assert (error["available"], error["short_at"]) == ("0", header["effective_at"])
        assert (await act(store.business, made["id"], "confirm")).status_code == 200

    async def test_issues_a_part_and_frees_the_rest(self, store: Store):
        await store.receive("30")
        lines = a_line(store, "2", unit="thùng"), a_line(store, "5"), a_line(store, "3")
        made = (await asked(store.business, *lines)).json()
        assert await level(store) == ("40", "32", "8")
        part = [{"line_no": 2, "quantity": "4"}, {"line_no": 1, "quantity": "1"}]
        confirmed = await act(store.business, made["id"], "confirm", {"lines": part})
        assert confirmed.status_code == 200, confirmed.text
        id = confirmed.json()["transaction_id"]
        issue = await shown(store.business, f"{TRANSACTIONS}/{id}")
        assert [(x["quantity"], x["unit"], x["base_quantity"]) for x in issue["lines"]] == [
            ("4", "cái", "4"),
            ("1", "thùng", "12"),
        ]
        assert await level(store) == ("24", "0", "24")

    async def test_keeps_the_conversion_that_was_promised(self, store: Store):
        await store.receive("20")
        made = await reserved(store, "2", unit="thùng")
        url = f"/v1/items/{store.item_id}/conversions/thùng"
        await store.http.put(url, json={"numerator": 20})
        await act(store.business, made["id"], "confirm")
        assert await level(store) == ("6", "0", "6")

    async def test_issues_what_its_unit_has_no_decimals_for_any_more(self, store: Store):
        url = f"/v1/items/{store.item_id}/conversions/khay"
        await store.http.post("/v1/units", json={"code": "khay", "name": "khay", "decimals": 1})
        await store.http.put(url, json={"numerator": 6})
        made = await reserved(store, "0.5", unit="khay")
        assert (await store.http.delete(url)).status_code == 204
        coarser = await store.http.patch(
            "/v1/units/khay", json={"decimals": 0}, headers={"If-Match": "*"}
        )
        assert coarser.status_code == 200
        confirmed = await act(store.business, made["id"], "confirm")
        assert confirmed.status_code == 200, confirmed.text
        assert await level(store) == ("7", "0", "7")

    async def test_is_of_what_was_archived_meanwhile(self, store: Store):
        made = await reserved(store, "4")
        answer = await store.http.patch(
            f"/v1/items/{store.item_id}", json={"status": "archived"}, headers={"If-Match": "*"}
        )
        assert answer.status_code == 200
        assert (await act(store.business, made["id"], "confirm")).status_code == 200

    async def test_is_done_once(self, store: Store):
        made = await reserved(store, "4")
        again = [await act(store.business, made["id"], "confirm", key="k") for _ in range(2)]
        assert again[0].json() == again[1].json()
        for action in ("confirm", "release"):
            answer = await act(store.business, made["id"], action)
            problem_of(answer, 409, "reservation_closed")
        answer = await act(store.business, made["id"], "extend", {"expires_in_seconds": 5})
        problem_of(answer, 409, "reservation_closed")
        assert await level(store) == ("6", "0", "6")

    async def test_that_is_refused_leaves_the_reservation(self, store: Store):
        await posted(store.business, "issue", store.line("1", store.here), external_ref="taken")
        made = await reserved(store, "4")
        body = {"external_ref": "taken"}
        answer = await act(store.business, made["id"], "confirm", body)
        problem_of(answer, 409, "duplicate_external_ref")
        assert await level(store) == ("9", "4", "5")
        assert (await act(store.business, made["id"], "confirm")).status_code == 200

    async def test_can_be_reversed_as_any_issue(self, store: Store):
        made = await reserved(store, "4")
        confirmed = (await act(store.business, made["id"], "confirm")).json()
        answer = await reversed_(store.business, confirmed["transaction_id"])
        assert answer.status_code == 201
        assert await level(store) == ("10", "0", "10")


class TestRelease:
    async def test_makes_goods_available_again(self, store: Store):
        made = await reserved(store, "4")
        released = await act(store.business, made["id"], "release")
        assert (released.status_code, released.json()["state"]) == (200, "released")
        assert await level(store) == ("10", "0", "10")
        problem_of(await act(store.business, made["id"], "confirm"), 409, "reservation_closed")


class TestExtend:
    async def test_lets_it_last_from_now(self, store: Store):
        made = await reserved(store, "4", seconds=60)
        answer = await act(store.business, made["id"], "extend", {"expires_in_seconds": HOUR})
        assert answer.json()["expires_at"] > made["expires_at"]
        kept = await act(store.business, made["id"], "extend", {"expires_in_seconds": 1})
        assert kept.json() == answer.json()


class TestList:
    async def test_shows_those_of_a_state(self, store: Store):
        ids = [(await reserved(store, "1"))["id"] for _ in range(4)]
        await act(store.business, ids[0], "confirm")
        await act(store.business, ids[1], "release")
        for state, expected in (
            *(("open", ids[2:]), ("confirmed", ids[:1]), ("released", ids[1:2]), ("expired", [])),
        ):
            found = await store.http.get(RESERVATIONS, params={"state": state})
            assert [row["id"] for row in found.json()] == expected
        everything = await store.http.get(f"{RESERVATIONS}?sort=-id&limit=3")
        assert [row["id"] for row in everything.json()] == ids[:0:-1]
        following = everything.links["next"]["url"]
        assert [row["id"] for row in (await store.http.get(following)).json()] == ids[:1]


class TestOfAnotherBusiness:
    async def test_is_not_there(self, store: Store, other: Business):
        made = await reserved(store, "4")
        problem_of(await other.http.get(f"{RESERVATIONS}/{made['id']}"), 404, "not_found")
        for action, body in (
            *(("confirm", {}), ("release", None), ("extend", {"expires_in_seconds": 9})),
        ):
            problem_of(await act(other, made["id"], action, body), 404, "not_found")
            problem_of(await act(other, str(uuid4()), action, body), 404, "not_found")
        assert (await other.http.get(RESERVATIONS)).json() == []
        theirs = a_line(store, "1")
        problem_of(await asked(other, theirs), 422, "validation_failed")
        assert await level(store) == ("10", "4", "6")
