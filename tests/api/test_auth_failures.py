"""Wrong keys are counted by address: too many are answered 429, and a right one always served."""

from collections.abc import Callable
from typing import Final

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.infrastructure.http.auth_failures import AuthFailures
from sokho.core.infrastructure.http.errors import RateLimitedError
from sokho.core.infrastructure.settings import Settings
from tests.api.problems import problem_of
from tests.conftest import OPERATOR_KEY, Business
from tests.fakes.ticks import Ticks

LIMIT: Final = 100
ITEMS: Final = "/v1/items"


class Counter:
    """The count behind the service, without the service."""

    def __init__(self, per_minute: int = 3) -> None:
        self.ticks = Ticks()
        self.failures = AuthFailures(per_minute, ticks=self.ticks)

    def fail(self, address: str, times: int = 1) -> None:
        for _ in range(times):
            self.failures.note(address)

    def is_refused(self, address: str) -> int:
        """Return for how long one more failure is refused; 0 where it is not."""
        try:
            self.failures.note(address)
        except RateLimitedError as error:
            return error.retry_after
        return 0


@pytest.fixture
def ticks(fresh_app: FastAPI) -> Ticks:
    """The clock of a service that takes a hundred wrong keys a minute."""
    ticks = Ticks()
    fresh_app.state.auth_failures = AuthFailures(LIMIT, ticks=ticks)
    return ticks


@pytest.fixture
def at(fresh_app: FastAPI) -> Callable[[str], httpx2.AsyncClient]:
    """Return the maker of clients that call from some address."""

    def make(address: str) -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app=fresh_app, client=(address, 50_000))
        return httpx2.AsyncClient(transport=transport, base_url="http://sokho.test")

    return make


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def guess(http: httpx2.AsyncClient, times: int = LIMIT) -> None:
    for number in range(times):
        answer = await http.get(ITEMS, headers=bearing(f"guess-{number}"))
        problem_of(answer, 401, "unauthenticated")


class TestService:
    async def test_refuses_the_first_failure_beyond_the_limit(
        self, at: Callable[[str], httpx2.AsyncClient], ticks: Ticks, business: Business
    ):
        http = at("192.0.2.1")
        await guess(http)
        ticks.seconds += 20.5
        for token in ("guess", business.api_key + "x"):
            answer = await http.get(ITEMS, headers=bearing(token))
            problem_of(answer, 429, "rate_limited")
            assert answer.headers["retry-after"] == "40"
            assert "www-authenticate" not in answer.headers

    async def test_serves_a_right_key_from_the_same_address(
        self, at: Callable[[str], httpx2.AsyncClient], ticks: Ticks, business: Business
    ):
        http = at("192.0.2.1")
        await guess(http)
        for _ in range(3):
            problem_of(await http.get(ITEMS, headers=bearing("x")), 429, "rate_limited")
            answer = await http.get(ITEMS, headers=bearing(business.api_key))
            assert answer.status_code == 200
            answer = await http.get("/v1/admin/tenants", headers=bearing(OPERATOR_KEY))
            assert answer.status_code == 200
        assert ticks.seconds == 1000.0

    @pytest.mark.usefixtures("ticks")
    async def test_counts_neither_right_keys_nor_missing_ones(
        self, at: Callable[[str], httpx2.AsyncClient], business: Business
    ):
        http = at("192.0.2.1")
        for _ in range(LIMIT + 1):
            assert (await http.get(ITEMS, headers=bearing(business.api_key))).status_code == 200
            answer = await http.get("/v1/tenants")
            assert answer.status_code == 404
        for _ in range(LIMIT + 1):
            problem_of(await http.get(ITEMS), 401, "unauthenticated")
        await guess(http)

    @pytest.mark.usefixtures("ticks")
    async def test_leaves_another_address_alone(self, at: Callable[[str], httpx2.AsyncClient]):
        await guess(at("192.0.2.1"), LIMIT)
        answer = await at("192.0.2.1").get(ITEMS, headers=bearing("x"))
        problem_of(answer, 429, "rate_limited")
        await guess(at("192.0.2.2"), 1)

    async def test_forgets_after_a_minute(
        self, at: Callable[[str], httpx2.AsyncClient], ticks: Ticks
    ):
        http = at("192.0.2.1")
        await guess(http)
        ticks.seconds += 59.9
        answer = await http.get(ITEMS, headers=bearing("x"))
        assert problem_of(answer, 429, "rate_limited")
        assert answer.headers["retry-after"] == "1"
        ticks.seconds += 0.1
        await guess(http)

    async def test_believes_no_header_that_names_another_address(
        self, at: Callable[[str], httpx2.AsyncClient], ticks: Ticks
    ):
        """Those of a proxy that is trusted, the server reads, before the service does."""
        http = at("192.0.2.1")
        await guess(http)
        for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"):
            answer = await http.get(ITEMS, headers=bearing("x") | {name: "192.0.2.9"})
            problem_of(answer, 429, "rate_limited")
        assert ticks.seconds == 1000.0


class TestAddress:
    @pytest.mark.parametrize(
        ("one", "other", "is_the_same"),
        [
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", True),
            ("2001:db8:1:2::1", "2001:0DB8:0001:0002::99", True),
            ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
            ("192.0.2.1", "192.0.2.2", False),
            ("192.0.2.1", "::c000:201", False),
            ("", "", True),
            ("no address", "another", False),
        ],
    )
    def test_of_ipv6_is_its_network(self, one: str, other: str, *, is_the_same: bool):
        counter = Counter()
        counter.fail(one, 3)
        assert bool(counter.is_refused(other)) is is_the_same

    def test_of_ipv4_is_the_same_however_a_socket_writes_it(self):
        counter = Counter()
        counter.fail("192.0.2.1", 3)
        assert counter.is_refused("::ffff:192.0.2.1")


class TestCount:
    def test_of_none_is_any_number(self):
        counter = Counter(per_minute=0)
        counter.fail("192.0.2.1", 10_000)
        assert not counter.failures._windows

    def test_begins_with_the_first_failure_of_a_minute(self):
        counter = Counter()
        for _ in range(3):
            counter.fail("192.0.2.1")
            counter.ticks.seconds += 10
        assert counter.is_refused("192.0.2.1") == 30
        counter.ticks.seconds += 30
        assert not counter.is_refused("192.0.2.1")

    def test_is_bounded_and_forgets_who_failed_longest_ago(self):
        counter = Counter()
        counter.fail("192.0.2.1", 3)
        for number in range(9_999):
            counter.fail(f"198.51.{number // 256}.{number % 256}")
        assert counter.is_refused("192.0.2.1")
        for number in range(20_000):
            counter.fail(f"203.0.{number // 256}.{number % 256}")
        assert len(counter.failures._windows) == 10_000
        assert not counter.is_refused("192.0.2.1")

    def test_is_a_hundred_unless_it_is_set(self):
        assert Settings.model_validate({}).auth_failures_per_minute == LIMIT
