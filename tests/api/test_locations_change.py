"""``/v1/locations/{location_id}``: changed, moved, archived and deleted."""

import asyncio
from collections import Counter
from typing import Any, Final

import pytest

from tests.api.catalogue import MERGE_PATCH, a_location_of, id_of, shown
from tests.api.problems import faults_of, problem_of
from tests.conftest import Business

ANY: Final = {"If-Match": "*"}


class TestPatchLocation:
    @pytest.mark.parametrize("media_type", [MERGE_PATCH, "application/json"])
    async def test_answers_what_is_stored(self, business: Business, media_type: str):
        url = await a_location_of(business, "A")
        headers = {"If-Match": '"1"', "Content-Type": media_type}
        answer = await business.http.patch(
            url, json={"code": " B ", "name": "Kho hai"}, headers=headers
        )
        assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
        assert answer.json().items() >= {"code": "B", "name": "Kho hai", "version": 2}.items()
        assert await shown(business, url) == answer.json()

    async def test_that_changes_nothing_makes_no_version(self, business: Business):
        url = await a_location_of(business, "A")
        for same in ({}, {"code": "A "}, {"parent_id": None, "status": "active"}):
            answer = await business.http.patch(url, json=same, headers={"If-Match": '"1"'})
            assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')

    async def test_needs_the_version_that_was_seen(self, business: Business):
        url = await a_location_of(business, "A")
        problem_of(await business.http.patch(url, json={}), 428, "precondition_required")
        for stale in ('"2"', 'W/"1"', ""):
            answer = await business.http.patch(url, json={"name": "x"}, headers={"If-Match": stale})
            problem_of(answer, 412, "precondition_failed")

    @pytest.mark.parametrize(
        "change",
        [
            *({"kind": "bin"}, {"id": "x"}, {"version": 2}, {"code": None}, {"name": None}),
            *({"status": None}, {"status": "gone"}, {"parent_id": "x"}, {"parent_id": ""}),
        ],
        ids=str,
    )
    async def test_refuses_what_cannot_become_so(self, business: Business, change: dict[str, Any]):
        url = await a_location_of(business, "A")
        answer = await business.http.patch(url, json=change, headers=ANY)
        problem_of(answer, 422, "validation_failed")
        assert (await shown(business, url))["version"] == 1

    async def test_refuses_a_code_that_is_taken(self, business: Business):
        url = await a_location_of(business, "A")
        await a_location_of(business, "B")
        answer = await business.http.patch(url, json={"code": "b"}, headers=ANY)
        problem_of(answer, 409, "duplicate_location")

    async def test_moves_it(self, business: Business):
        one, other = await a_location_of(business, "A"), await a_location_of(business, "B")
        shelf = await a_location_of(business, "C", one)
        answer = await business.http.patch(shelf, json={"parent_id": id_of(other)}, headers=ANY)
        assert answer.json()["parent_id"] == id_of(other)
        moved = await business.http.patch(other, json={"parent_id": id_of(one)}, headers=ANY)
        assert moved.status_code == 200
        answer = await business.http.patch(shelf, json={"parent_id": None}, headers=ANY)
        assert faults_of(answer) == [("/parent_id", "required")]

    async def test_moves_nothing_below_itself(self, business: Business):
        top = await a_location_of(business, "A")
        below = await a_location_of(business, "B", top, kind="warehouse")
        for target in (top, below):
            answer = await business.http.patch(top, json={"parent_id": id_of(target)}, headers=ANY)
            assert faults_of(answer) == [("/parent_id", "cycle")]

    async def test_of_all_in_a_ring_at_once_refuses_the_one_that_would_close_it(
        self, business: Business
    ):
        urls = [await a_location_of(business, str(number)) for number in range(6)]
        answers = await asyncio.gather(
            *(
                business.http.patch(url, json={"parent_id": id_of(urls[place - 1])}, headers=ANY)
                for place, url in enumerate(urls)
            )
        )
        assert Counter(answer.status_code for answer in answers) == {200: 5, 422: 1}
        [refused] = [answer for answer in answers if answer.status_code == 422]
        assert faults_of(refused) == [("/parent_id", "cycle")]

    async def test_archives_what_nothing_active_lies_in(self, business: Business):
        warehouse = await a_location_of(business, "A")
        shelf = await a_location_of(business, "B", warehouse)
        gone = {"status": "archived"}
        answer = await business.http.patch(warehouse, json=gone, headers=ANY)
        problem_of(answer, 409, "location_in_use")
        for url in (shelf, warehouse):
            answer = await business.http.patch(url, json=gone, headers=ANY)
            assert answer.json()["status"] == "archived"
        answer = await business.http.patch(shelf, json={"status": "active"}, headers=ANY)
        assert faults_of(answer) == [("/parent_id", "archived")]


class TestDeleteLocation:
    async def test_answers_nothing_and_then_finds_nothing(self, business: Business):
        url = await a_location_of(business, "A")
        answer = await business.http.delete(url, headers={"If-Match": '"1"'})
        assert (answer.status_code, answer.content) == (204, b"")
        problem_of(await business.http.get(url), 404, "not_found")
        problem_of(await business.http.delete(url, headers=ANY), 404, "not_found")
        assert await a_location_of(business, "a") != url

    async def test_needs_the_version_that_was_seen(self, business: Business):
        url = await a_location_of(business, "A")
        problem_of(await business.http.delete(url), 428, "precondition_required")
        answer = await business.http.delete(url, headers={"If-Match": '"2"'})
        problem_of(answer, 412, "precondition_failed")
        assert (await shown(business, url))["version"] == 1

    async def test_refuses_what_others_lie_in(self, business: Business):
        warehouse = await a_location_of(business, "A")
        shelf = await a_location_of(business, "B", warehouse)
        for language, word in (("vi", "Vị trí"), ("en", "location")):
            answer = await business.http.delete(
                warehouse, headers={"If-Match": "*", "Accept-Language": language}
            )
            assert word in problem_of(answer, 409, "location_in_use")["title"]
        for url in (shelf, warehouse):
            assert (await business.http.delete(url, headers=ANY)).status_code == 204
