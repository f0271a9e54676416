"""Two workers under a light load: who is withdrawn is refused by both within 5 seconds."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import httpx2
import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.infrastructure.authenticator import REMEMBERED_SECONDS
from tests.conftest import OPERATOR_KEY, SECRET, settings_for
from tests.integration.command_line import SOKHO
from tests.integration.test_serving import Service

CONNECTIONS: Final = 16
"""Opened at once and kept: with so many, each worker has some."""

PAUSE_SECONDS: Final = 0.3
ITEMS: Final = "/v1/items?limit=1"
TENANTS: Final = "/v1/admin/tenants"


@pytest.fixture
def environment(urls: DatabaseUrls, tmp_path: Path) -> dict[str, str]:
    """What a service on the database of the tests is set to."""
    settings = settings_for(urls)
    return {
        "SOKHO_DATABASE_URL": urls.app,
        "SOKHO_WORKER_DATABASE_URL": urls.worker,
        "SOKHO_SECRET": SECRET,
        "SOKHO_OPERATOR_KEY_HASH": str(settings.operator_hash()),
        "SOKHO_DATA_DIR": str(tmp_path),
    }


class Seen(NamedTuple):
    """An answer, and when its request was sent and when it came."""

    sent: float
    came: float
    status: int


class Load:
    """Asks with each key in turn, on every connection, until it is over."""

    def __init__(self, *keys: str) -> None:
        self.seen: dict[str, list[Seen]] = {key: [] for key in keys}
        self._rounds = [0] * CONNECTIONS
        self._over = False

    async def run(self, number: int, url: httpx2.URL) -> None:
        limits = httpx2.Limits(max_connections=1)
        async with httpx2.AsyncClient(base_url=url, limits=limits) as http:
            while not self._over:
                for key, seen in self.seen.items():
                    sent = time.monotonic()
                    answer = await http.get(ITEMS, headers=bearing(key))
                    seen.append(Seen(sent, time.monotonic(), answer.status_code))
                self._rounds[number] += 1
                await asyncio.sleep(PAUSE_SECONDS)

    async def have_asked(self, times: int) -> None:
        """Wait until so many more whole rounds are over on each connection."""
        goal = [rounds + times for rounds in self._rounds]
        while any(map(int.__lt__, self._rounds, goal)):  # noqa: ASYNC110 - many must have asked
            await asyncio.sleep(0.02)

    def stop(self) -> None:
        self._over = True


def bearing(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def service(tmp_path: Path, environment: dict[str, str]) -> Iterator[Service]:
    command = (str(SOKHO), "serve", "--workers", "2")
    # The load goes on with a key that has been withdrawn: each of its calls is a failure.
    unlimited = {"SOKHO_AUTH_FAILURES_PER_MINUTE": "0"}
    with Service(tmp_path, command=command, **environment, **unlimited) as service:
        yield service


class TestTwoWorkers:
    async def test_refuse_and_serve_within_five_seconds(self, service: Service):
        async with httpx2.AsyncClient(
            base_url=service.http.base_url, headers=bearing(OPERATOR_KEY)
        ) as http:
            opened = [
                (await http.post(TENANTS, json={"name": name})).json()
                for name in ("còn", "ngưng", "trở lại")
            ]
            ids = [each["id"] for each in opened]
            first = bearing(opened[0]["api_key"])
            body = {"name": "tạm", "role": "viewer"}
            key = (await http.post("/v1/api-keys", json=body, headers=first)).json()
            assert (await http.post(f"{TENANTS}/{ids[2]}/suspend")).is_success

            load = Load(key["api_key"], *(each["api_key"] for each in opened))
            url = service.http.base_url
            asking = [asyncio.create_task(load.run(n, url)) for n in range(CONNECTIONS)]
            await load.have_asked(2)
            changing = time.monotonic()
            for answer in (
                await http.delete(f"/v1/api-keys/{key['id']}", headers=first),
                await http.post(f"{TENANTS}/{ids[1]}/suspend"),
                await http.post(f"{TENANTS}/{ids[2]}/resume"),
            ):
                assert answer.is_success, answer.text
            late = time.monotonic() + REMEMBERED_SECONDS
            await asyncio.sleep(REMEMBERED_SECONDS)
            await load.have_asked(2)
            load.stop()
            await asyncio.gather(*asking)

        # In the order of the load's keys: revoked, of nobody who changed, suspended, resumed.
        expected = [(200, 401), (200, 200), (200, 403), (403, 200)]
        for seen, (before, after) in zip(load.seen.values(), expected, strict=True):
            assert {each.status for each in seen if each.came < changing} == {before}
            assert {each.status for each in seen} == {before, after}
            assert {each.status for each in seen if each.sent >= late} == {after}


class TestProxy:
    @pytest.mark.parametrize(
        ("trusted", "is_believed"), [("127.0.0.1", True), ("192.0.2.0/24", False), ("", False)]
    )
    def test_is_believed_where_it_is_trusted(
        self, tmp_path: Path, environment: dict[str, str], trusted: str, *, is_believed: bool
    ):
        """Each address that a proxy names has failures of its own."""
        limits = {"SOKHO_AUTH_FAILURES_PER_MINUTE": "2", "SOKHO_TRUSTED_PROXIES": trusted}
        with Service(tmp_path, command=(str(SOKHO), "serve"), **environment, **limits) as service:

            def status(address: str) -> int:
                headers = {"Authorization": "Bearer x", "X-Forwarded-For": address}
                return service.http.get(ITEMS, headers=headers).status_code

            assert [status("198.51.100.1") for _ in range(3)] == [401, 401, 429]
            assert status("198.51.100.2") == (401 if is_believed else 429)
            # What the caller itself wrote stands before what the proxy added.
            assert status("203.0.113.1, 198.51.100.1") == 429
