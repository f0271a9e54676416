"""Keys that nobody was given: each is refused in the same words, at the same cost."""

import hmac
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.identity import UnauthenticatedError
from sokho.modules.api_keys.domain.tokens import KeyToken, make_operator_key
from tests.api.problems import problem_of, without_id
from tests.api.test_round_trips import Ledger
from tests.conftest import OPERATOR_KEY, Business

SECRET = b"\5" * 32
ITEMS = "/v1/items"


def forged(business: Business, other: Business) -> Iterator[str]:
    """Yield tokens with the right form and checksum, none of which was ever made."""
    key, theirs = KeyToken.parse(business.api_key), KeyToken.parse(other.api_key)
    assert key is not None
    assert theirs is not None
    for tenant_id in (key.tenant_id, theirs.tenant_id, uuid4()):
        for key_id in (key.key_id, theirs.key_id, uuid4()):
            yield KeyToken.make(tenant_id, key_id, SECRET).text
            for token in (business.api_key, other.api_key):
                secret = _number(token.rpartition("_")[2][:43])
                made = KeyToken.make(tenant_id, key_id, secret).text
                if made not in {business.api_key, other.api_key}:
                    yield made
    yield make_operator_key(SECRET)


def _number(digits: str) -> bytes:
    """Return the bytes that a secret's 43 digits stand for."""
    number = 0
    for digit in digits:
        number = (
            number * 62
            + "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".index(digit)
        )
    return number.to_bytes(32, "big")


def altered(token: str) -> Iterator[str]:
    """Yield a token with each of its letters changed, left out, doubled, and cut off there."""
    for at, letter in enumerate(token):
        for other in {"0", "z", "_", " ", "\u00e9", letter.swapcase()} - {letter}:
            yield token[:at] + other + token[at + 1 :]
        yield token[:at] + token[at + 1 :]
        yield token[:at] + letter + token[at:]
        if at:
            yield token[:at]


def ill_formed(token: str) -> Iterator[str]:
    yield from (token.upper(), token.lower(), token * 2, token + token[-1], f'"{token}"')
    yield from (token[::-1], token.replace("_", "-"), token.replace("sokho_", "sokhoop_"))
    yield from (f"{token},{token}", f"{token} {token}", f"{token};", f"{token}\t x", "Bearer")
    yield from (f"{token}\u0000", f"\ufeff{token}", token.replace("0", "\uff10"), "ộ" * 200)
    yield from ("a" * 100_000, "sokho_" + "0" * 50_000, f"sokho_{'0' * 32}_{'0' * 32}_{'z' * 49}")


class Refusals:
    """The one answer that every wrong key gets."""

    def __init__(self, http: httpx2.AsyncClient) -> None:
        self._http = http
        self._first: dict[str, Any] | None = None

    async def refuse(self, *headers: tuple[str, str]) -> None:
        sent = [(name.encode(), value.encode()) for name, value in headers]
        answer = await self._http.get(ITEMS, headers=sent)
        problem = without_id(problem_of(answer, 401, "unauthenticated"))
        told = {"problem": problem, "headers": _comparable(answer.headers)}
        self._first = self._first or told
        assert told == self._first, headers

    async def refuse_token(self, token: str) -> None:
        await self.refuse(("authorization", f"Bearer {token}"))


def _comparable(headers: httpx2.Headers) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name != "x-request-id"}


@pytest.fixture
async def refusals(anonymous: httpx2.AsyncClient) -> Refusals:
    found = Refusals(anonymous)
    await found.refuse()  # as of who shows no key at all
    return found


class TestForgedKey:
    async def test_with_a_valid_checksum_is_refused(
        self, refusals: Refusals, business: Business, other: Business
    ):
        tried = [*forged(business, other)]
        assert len(tried) == 26
        for token in tried:
            await refusals.refuse_token(token)

    @pytest.mark.parametrize("of_whom", ["business", "operator"])
    async def test_altered_in_any_place_is_refused(
        self, refusals: Refusals, business: Business, of_whom: str
    ):
        for token in altered(business.api_key if of_whom == "business" else OPERATOR_KEY):
            if token.strip() not in {business.api_key, OPERATOR_KEY}:
                await refusals.refuse_token(token)

    async def test_of_another_form_is_refused(self, refusals: Refusals, business: Business):
        for token in ill_formed(business.api_key):
            await refusals.refuse_token(token)

    async def test_beside_another_is_refused(
        self, refusals: Refusals, business: Business, other: Business
    ):
        """Of two, a proxy might have meant the other."""
        mine, theirs = (f"Bearer {each.api_key}" for each in (business, other))
        for two in ((mine, theirs), (mine, mine), (mine, ""), ("Basic eDp5", mine)):
            await refusals.refuse(*(("authorization", value) for value in two))

    async def test_leaves_the_right_one_as_good_as_before(
        self, refusals: Refusals, business: Business, other: Business
    ):
        for token in forged(business, other):
            await refusals.refuse_token(token)
            assert (await business.http.get(ITEMS)).status_code == 200


class Comparisons:
    """Counts how often digests are compared."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sizes: list[tuple[int, int]] = []
        monkeypatch.setattr(hmac, "compare_digest", self._compare)

    def _compare(self, one: bytes, other: bytes) -> bool:
        self.sizes.append((len(one), len(other)))
        return one == other


class TestCost:
    async def test_of_an_unknown_key_is_that_of_a_wrong_one(
        self,
        app: FastAPI,
        business: Business,
        other: Business,
        monkeypatch: pytest.MonkeyPatch,
    ):
        """By what is done, not by the clock: as many statements, and comparisons as long."""
        ledger = Ledger(app.state.database, monkeypatch)
        comparisons = Comparisons(monkeypatch)
        key = KeyToken.parse(business.api_key)
        assert key is not None
        wrong = {
            "secret": KeyToken.make(key.tenant_id, key.key_id, SECRET).text,
            "key": KeyToken.make(key.tenant_id, uuid4(), SECRET).text,
            "tenant": KeyToken.make(uuid4(), key.key_id, SECRET).text,
            "both": KeyToken.make(other.tenant_id, key.key_id, SECRET).text,
        }
        costs = {}
        for name, token in wrong.items():
            comparisons.sizes.clear()
            with pytest.raises(UnauthenticatedError):
                await app.state.authenticator.authenticate(token)
            costs[name] = (ledger.settle(), [*comparisons.sizes])
        assert costs == dict.fromkeys(wrong, (1, [(32, 32)]))


class TestSuspendedBusiness:
    async def test_is_told_to_its_own_keys_alone(
        self, fresh_app: FastAPI, refusals: Refusals, business: Business, other: Business
    ):
        transport = httpx2.ASGITransport(app=fresh_app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://sokho.test") as http:
            suspend = f"/v1/admin/tenants/{business.tenant_id}/suspend"
            operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
            assert (await http.post(suspend, headers=operator)).status_code == 200
            refusals._http = http
            for token in forged(business, other):
                await refusals.refuse_token(token)
            right = {"Authorization": f"Bearer {business.api_key}"}
            problem_of(await http.get(ITEMS, headers=right), 403, "tenant_suspended")
