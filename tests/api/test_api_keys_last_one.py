"""The last key that can manage keys stays, whoever asks and however many ask at once."""

import asyncio
from typing import Any

import pytest
from fastapi import FastAPI

from sokho.core.domain.scopes import Scope
from tests.api.keyring import KEYS, HeldKey, a_key_of, bring_to, events_of, held, instant
from tests.api.problems import problem_of
from tests.conftest import Business

ROUNDS = 15


@pytest.fixture
async def first(business: Business) -> str:
    """The address of the first key of a business."""
    [key] = (await business.http.get(KEYS)).json()
    return f"{KEYS}/{key['id']}"


class TestLastManagingKey:
    async def test_cannot_be_revoked_also_by_itself(
        self, app: FastAPI, business: Business, first: str
    ):
        await a_key_of(app, business, role="manager")
        for _ in range(2):
            problem_of(await business.http.delete(first), 409, "last_managing_key")
        assert (await business.http.get(first)).json()["revoked_at"] is None
        assert await events_of(app, business, first.rpartition("/")[2]) == ["api_key.created"]

    async def test_is_no_longer_the_last_beside_another(
        self, app: FastAPI, business: Business, first: str
    ):
        key = await a_key_of(app, business, Scope.KEYS_MANAGE)
        assert (await business.http.delete(first)).status_code == 204
        problem_of(await key.http.delete(key.url), 409, "last_managing_key")

    @pytest.mark.parametrize(
        "state",
        [
            {"revoked_at": instant(seconds=-1)},
            {"expires_at": instant(seconds=-1)},
            {"replaced_at": instant(seconds=-1), "expires_at": instant(seconds=60)},
        ],
        ids=["revoked", "expired", "replaced"],
    )
    async def test_is_the_last_though_another_is_there_that_will_not_go_on(
        self, app: FastAPI, business: Business, first: str, state: dict[str, Any]
    ):
        key = await a_key_of(app, business, role="owner")
        await bring_to(app, business, key.id, **state)
        problem_of(await business.http.delete(first), 409, "last_managing_key")
        assert (await business.http.delete(key.url)).status_code == 204

    async def test_is_not_the_last_because_of_another_business(
        self, app: FastAPI, business: Business, other: Business, first: str
    ):
        await a_key_of(app, other, role="owner")
        problem_of(await business.http.delete(first), 409, "last_managing_key")

    @pytest.mark.parametrize("overlap", [0, 60])
    async def test_can_always_be_rotated(
        self, app: FastAPI, business: Business, first: str, overlap: int
    ):
        url, http = first, business.http
        for _ in range(3):
            answer = await http.post(f"{url}/rotate", json={"overlap_seconds": overlap})
            key = held(app, answer)
            problem_of(await key.http.delete(key.url), 409, "last_managing_key")
            url, http = key.url, key.http

    async def test_that_was_replaced_can_be_revoked(self, business: Business, first: str):
        await business.http.post(f"{first}/rotate", json={"overlap_seconds": 60})
        assert (await business.http.delete(first)).status_code == 204


class TestManagersWhoRevokeEachOther:
    async def test_are_not_both_revoked(self, app: FastAPI, business: Business, first: str):
        one = HeldKey(first.rpartition("/")[2], business.api_key, business.http, {})
        for _ in range(ROUNDS):
            other = held(app, await one.http.post(KEYS, json={"name": "K", "role": "owner"}))
            assert (await other.http.get(KEYS)).status_code == 200  # both are warm
            answers = await asyncio.gather(one.http.delete(other.url), other.http.delete(one.url))
            assert sorted(answer.status_code for answer in answers) == [204, 409]
            one = one if answers[0].status_code == 204 else other
            assert (await one.http.get(one.url)).json()["revoked_at"] is None

    async def test_leave_one_also_when_they_are_many(self, app: FastAPI, business: Business):
        keys = [await a_key_of(app, business, Scope.KEYS_MANAGE) for _ in range(5)]
        for key in keys:
            assert (await key.http.get(KEYS)).status_code == 200
        targets = [key["id"] for key in (await business.http.get(KEYS)).json()]
        answers = await asyncio.gather(
            *(keys[n % 5].http.delete(f"{KEYS}/{id}") for n, id in enumerate(targets))
        )
        # Whoever is revoked before their turn comes may revoke nobody.
        assert {answer.status_code for answer in answers} <= {204, 401, 409}
        kept = [key for key in (await business.http.get(KEYS)).json() if not key["revoked_at"]]
        assert len(kept) == len(targets) - [a.status_code for a in answers].count(204) >= 1

    async def test_leave_one_when_one_of_them_rotates(self, app: FastAPI, business: Business):
        """The first revokes the second, which makes a successor of itself meanwhile."""
        for _ in range(ROUNDS):
            two = await a_key_of(app, business, role="owner")
            assert (await two.http.get(KEYS)).status_code == 200
            revoked, rotated = await asyncio.gather(
                business.http.delete(two.url),
                two.http.post(f"{two.url}/rotate", json={"overlap_seconds": 0}),
            )
            assert revoked.status_code == 204
            assert rotated.status_code in {201, 401, 409}


class TestRevokedManager:
    async def test_does_away_with_no_other(self, app: FastAPI, business: Business):
        """A stolen key is rotated away: while it is remembered it must not win the race."""
        stolen = await a_key_of(app, business, role="owner")
        kept = await a_key_of(app, business, role="owner")
        assert (await stolen.http.get(KEYS)).status_code == 200
        rotated = await business.http.post(f"{stolen.url}/rotate", json={"overlap_seconds": 0})
        assert rotated.status_code == 201
        problem_of(await stolen.http.delete(kept.url), 401, "unauthenticated")
        assert (await business.http.get(kept.url)).json()["revoked_at"] is None

    async def test_makes_no_key_that_outlives_it(self, app: FastAPI, business: Business):
        """Also while it is still remembered: else a stolen key would outlive its end."""
        key = await a_key_of(app, business, role="owner")
        assert (await key.http.get(KEYS)).status_code == 200
        await business.http.delete(key.url)
        answer = await key.http.post(KEYS, json={"name": "K", "role": "owner"})
        problem_of(answer, 401, "unauthenticated")
        [first] = [each for each in (await business.http.get(KEYS)).json() if each["id"] < key.id]
        answer = await key.http.post(f"{KEYS}/{first['id']}/rotate", json={"overlap_seconds": 60})
        problem_of(answer, 401, "unauthenticated")
