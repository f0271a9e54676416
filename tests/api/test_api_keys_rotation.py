"""Rotation: a successor with the same rights, and an end of the key before it."""

from typing import Any

import pytest
from fastapi import FastAPI

from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.entities import LONGEST_OVERLAP
from tests.api.keyring import (
    KEYS,
    a_key_of,
    bring_to,
    events_of,
    held,
    instant,
    seconds_until,
)
from tests.api.problems import faults_of, problem_of
from tests.conftest import Business, client_of

RIGHTS = ("tenant_id", "name", "scopes", "role", "expires_at")


class TestRotateApiKey:
    @pytest.mark.parametrize("granted", [{"role": "storekeeper"}, {"scopes": ["items:read"]}])
    async def test_makes_a_successor_with_the_same_rights(
        self, app: FastAPI, business: Business, granted: dict[str, Any]
    ):
        expiry = "2999-12-31T12:00:00Z"
        key = await a_key_of(app, business, name="quầy 1", expires_at=expiry, **granted)
        answer = await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": 60})
        heir = held(app, answer)
        assert answer.headers["location"] == heir.url != key.url
        assert {name: heir.shown[name] for name in RIGHTS} == {n: key.shown[n] for n in RIGHTS}
        assert heir.token != key.token
        for name in ("revoked_at", "replaced_at", "last_used_at"):
            assert heir.shown[name] is None
        for each in (key, heir):
            assert (await each.http.get("/v1/items")).status_code == 200

    async def test_without_overlap_ends_the_key_at_once(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        for body in ({}, {"overlap_seconds": 0}):
            key = await a_key_of(app, business, "items:read")
            heir = held(app, await business.http.post(f"{key.url}/rotate", json=body))
            old = (await business.http.get(key.url)).json()
            assert old["revoked_at"] == old["replaced_at"] == old["expires_at"] is not None
            gone = await client_of(fresh_app, key.token).get("/v1/items")
            problem_of(gone, 401, "unauthenticated")
            assert (await client_of(fresh_app, heir.token).get("/v1/items")).status_code == 200
            assert await events_of(app, business, key.id) == ["api_key.created", "api_key.rotated"]
            assert await events_of(app, business, heir.id) == ["api_key.created"]

    @pytest.mark.parametrize("overlap", [1, 60, LONGEST_OVERLAP])
    async def test_with_overlap_serves_the_key_for_so_long(
        self, app: FastAPI, fresh_app: FastAPI, business: Business, overlap: int
    ):
        key = await a_key_of(app, business, "items:read")
        await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": overlap})
        old = (await business.http.get(key.url)).json()
        assert old["revoked_at"] is None
        assert old["replaced_at"] is not None
        assert overlap - 1 <= seconds_until(old["expires_at"]) <= overlap
        await bring_to(app, business, key.id, expires_at=instant(seconds=-1))
        gone = await client_of(fresh_app, key.token).get("/v1/items")
        problem_of(gone, 401, "unauthenticated")

    async def test_lets_no_key_live_longer_than_it_would_have(
        self, app: FastAPI, business: Business
    ):
        expiry = instant(seconds=30).isoformat()
        key = await a_key_of(app, business, "items:read", expires_at=expiry)
        await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": 3600})
        old = (await business.http.get(key.url)).json()
        assert old["expires_at"] == key.shown["expires_at"]

    @pytest.mark.parametrize("overlap", [-1, LONGEST_OVERLAP + 1, 1.5, "60", True, None, [1]])
    async def test_refuses_an_overlap_that_does_not_fit(
        self, app: FastAPI, business: Business, overlap: Any
    ):
        key = await a_key_of(app, business, "items:read")
        answer = await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": overlap})
        [(pointer, _)] = faults_of(answer)
        assert pointer == "/overlap_seconds"
        assert (await business.http.get(key.url)).json() == key.shown

    @pytest.mark.parametrize(
        "state", [{"revoked_at": instant(seconds=-1)}, {"expires_at": instant(seconds=-1)}]
    )
    async def test_refuses_a_key_that_is_no_longer_served(
        self, app: FastAPI, business: Business, state: dict[str, Any]
    ):
        key = await a_key_of(app, business, "items:read")
        await bring_to(app, business, key.id, **state)
        answer = await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": 60})
        problem_of(answer, 409, "api_key_not_active")
        assert len((await business.http.get(KEYS)).json()) == 2

    @pytest.mark.parametrize("overlap", [0, 3600])
    async def test_refuses_a_key_that_has_a_successor(
        self, app: FastAPI, business: Business, overlap: int
    ):
        """Whoever holds a replaced key can neither stretch it nor make another of it."""
        key = await a_key_of(app, business, "items:read")
        await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": 60})
        before = (await business.http.get(KEYS)).json()
        answer = await business.http.post(f"{key.url}/rotate", json={"overlap_seconds": overlap})
        problem_of(answer, 409, "api_key_not_active")
        assert (await business.http.get(KEYS)).json() == before

    async def test_may_be_of_the_key_that_asks(self, app: FastAPI, business: Business):
        key = await a_key_of(app, business, Scope.KEYS_MANAGE)
        heir = held(app, await key.http.post(f"{key.url}/rotate", json={"overlap_seconds": 0}))
        assert (await heir.http.get(heir.url)).status_code == 200
