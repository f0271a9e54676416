"""Nobody hands on more than they hold, by whichever way."""

from itertools import combinations

import pytest
from fastapi import FastAPI

from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from tests.api.keyring import KEYS, HeldKey, a_key_of, bring_to, held, instant
from tests.api.problems import problem_of
from tests.conftest import Business, client_of

OTHERS = sorted(set(Scope) - {Scope.KEYS_MANAGE})


@pytest.fixture
async def weak(app: FastAPI, business: Business) -> HeldKey:
    """A key that manages keys, and may do nothing else."""
    return await a_key_of(app, business, Scope.KEYS_MANAGE, name="weak")


async def names(business: Business) -> list[str]:
    return [key["name"] for key in (await business.http.get(f"{KEYS}?limit=500")).json()]


class TestCreate:
    @pytest.mark.parametrize("scope", OTHERS)
    async def test_of_a_scope_that_one_lacks_is_refused_by_its_name(
        self, weak: HeldKey, business: Business, scope: Scope
    ):
        for scopes in ([scope], [scope, Scope.KEYS_MANAGE], [Scope.KEYS_MANAGE, scope, scope]):
            answer = await weak.http.post(KEYS, json={"name": "K", "scopes": scopes})
            assert str(scope) in problem_of(answer, 403, "permission_denied")["detail"]
        assert await names(business) == ["khóa đầu tiên", "weak"]

    @pytest.mark.parametrize("role", Role)
    async def test_of_a_role_beyond_ones_own_scopes_is_refused(
        self, weak: HeldKey, business: Business, role: Role
    ):
        answer = await weak.http.post(KEYS, json={"name": "K", "role": role})
        told = problem_of(answer, 403, "permission_denied")["detail"]
        assert any(str(scope) in told for scope in role.scopes - {Scope.KEYS_MANAGE})
        assert await names(business) == ["khóa đầu tiên", "weak"]

    @pytest.mark.parametrize("role", Role)
    async def test_of_a_role_is_allowed_exactly_from_its_scopes_on(
        self, app: FastAPI, business: Business, role: Role
    ):
        enough = await a_key_of(app, business, *(role.scopes | {Scope.KEYS_MANAGE}))
        answer = await enough.http.post(KEYS, json={"name": "K", "role": role})
        assert answer.status_code == 201
        for lacking in sorted(role.scopes - {Scope.KEYS_MANAGE}):
            held_scopes = (role.scopes | {Scope.KEYS_MANAGE}) - {lacking}
            short = await a_key_of(app, business, *held_scopes)
            answer = await short.http.post(KEYS, json={"name": "K", "role": role})
            assert str(lacking) in problem_of(answer, 403, "permission_denied")["detail"]

    async def test_of_what_one_holds_oneself_is_allowed_and_carries_no_further(
        self, app: FastAPI, business: Business
    ):
        mine = {Scope.KEYS_MANAGE, Scope.ITEMS_READ, Scope.STOCK_READ}
        key = await a_key_of(app, business, *mine)
        for scopes in combinations(sorted(mine), 2):
            child = held(app, await key.http.post(KEYS, json={"name": "K", "scopes": scopes}))
            answer = await child.http.post(KEYS, json={"name": "K", "scopes": sorted(mine)})
            problem_of(answer, 403, "permission_denied")

    async def test_is_refused_to_a_role_that_manages_no_keys(
        self, app: FastAPI, business: Business
    ):
        for role in set(Role) - {Role.OWNER}:
            key = await a_key_of(app, business, role=role)
            answer = await key.http.post(KEYS, json={"name": "K", "scopes": ["items:read"]})
            told = problem_of(answer, 403, "permission_denied")["detail"]
            assert str(Scope.KEYS_MANAGE) in told


class TestRotate:
    async def test_of_a_stronger_key_is_refused_and_leaves_it_as_it_was(
        self, app: FastAPI, weak: HeldKey, business: Business
    ):
        owner = await a_key_of(app, business, role="owner", name="owner")
        reader = await a_key_of(app, business, "items:read", name="reader")
        for key, scope in ((owner, Scope.AUDIT_READ), (reader, Scope.ITEMS_READ)):
            for overlap in (0, 60):
                answer = await weak.http.post(
                    f"{key.url}/rotate", json={"overlap_seconds": overlap}
                )
                assert str(scope) in problem_of(answer, 403, "permission_denied")["detail"]
            assert (await business.http.get(key.url)).json() == key.shown
        assert await names(business) == ["khóa đầu tiên", "weak", "owner", "reader"]

    @pytest.mark.parametrize("state", ["revoked_at", "expires_at"])
    async def test_of_a_stronger_key_that_has_ended_is_refused_in_the_same_words(
        self, app: FastAPI, weak: HeldKey, business: Business, state: str
    ):
        owner = await a_key_of(app, business, role="owner")
        await bring_to(app, business, owner.id, **{state: instant(days=-1)})
        answer = await weak.http.post(f"{owner.url}/rotate", json={})
        problem_of(answer, 403, "permission_denied")

    async def test_of_a_replaced_stronger_key_is_refused(
        self, app: FastAPI, weak: HeldKey, business: Business
    ):
        owner = await a_key_of(app, business, role="owner")
        await business.http.post(f"{owner.url}/rotate", json={"overlap_seconds": 60})
        answer = await weak.http.post(f"{owner.url}/rotate", json={"overlap_seconds": 60})
        problem_of(answer, 403, "permission_denied")

    async def test_of_ones_own_key_gains_nothing(self, app: FastAPI, weak: HeldKey):
        heir = held(app, await weak.http.post(f"{weak.url}/rotate", json={"overlap_seconds": 60}))
        assert heir.shown["scopes"] == [Scope.KEYS_MANAGE]
        problem_of(await heir.http.get("/v1/items"), 403, "permission_denied")


class TestExpiry:
    async def test_is_not_outlived_by_what_an_expired_key_asks_for(
        self, app: FastAPI, fresh_app: FastAPI, business: Business
    ):
        key = await a_key_of(app, business, role="owner")
        assert (await key.http.get(KEYS)).status_code == 200
        await bring_to(app, business, key.id, expires_at=instant(seconds=-1))
        fresh = client_of(fresh_app, key.token)
        for path, body in ((KEYS, {"name": "K", "role": "owner"}), (f"{key.url}/rotate", {})):
            answer = await fresh.post(path, json=body)
            problem_of(answer, 401, "unauthenticated")
        assert len(await names(business)) == 2
