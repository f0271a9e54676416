"""Two workers under a light load: who is withdrawn is refused by both within 5 seconds."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx2
import pytest

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.modules.api_keys.infrastructure.authenticator import REMEMBERED_SECONDS
from tests.conftest import OPERATOR_KEY, SECRET, settings_for
from tests.integration.command_line import SOKHO
from tests.integration.test_serving import Service

CONNECTIONS: Final = 16
"""Opened at once and kept: with so many, each worker has some."""

WARM_SECONDS: Final = 0.8
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


class Seen:
    """Every answer to a key: when its request was sent, and its status."""

    def __init__(self, key: str) -> None:
        self.header = {"Authorization": f"Bearer {key}"}
        self.answers: list[tuple[float, int]] = []

    def between(self, since: float, until: float) -> set[int]:
        return {status for sent, status in self.answers if since <= sent < until}


async def keep_asking(url: httpx2.URL, keys: list[Seen], until: float) -> None:
    """Ask with each key in turn, on a connection of one's own."""
    limits = httpx2.Limits(max_connections=1)
    async with httpx2.AsyncClient(base_url=url, limits=limits) as http:
        while (sent := time.monotonic()) < until:
            for seen in keys:
                answer = await http.get(ITEMS, headers=seen.header)
                seen.answers.append((sent, answer.status_code))
            await asyncio.sleep(PAUSE_SECONDS)


@pytest.fixture
def service(tmp_path: Path, environment: dict[str, str]) -> Iterator[Service]:
    command = (str(SOKHO), "serve", "--workers", "2")
    with Service(tmp_path, command=command, **environment) as service:
        yield service


class TestTwoWorkers:
    async def test_refuse_and_serve_within_five_seconds(self, service: Service):
        operator = {"Authorization": f"Bearer {OPERATOR_KEY}"}
        async with httpx2.AsyncClient(base_url=service.http.base_url, headers=operator) as http:
            opened = [
                (await http.post(TENANTS, json={"name": name})).json()
                for name in ("còn", "ngưng", "trở lại")
            ]
            ids = [each["id"] for each in opened]
            first = {"Authorization": f"Bearer {opened[0]['api_key']}"}
            body = {"name": "tạm", "role": "viewer"}
            key = (await http.post("/v1/api-keys", json=body, headers=first)).json()
            revoked, kept, suspended, resumed = map(
                Seen, (key["api_key"], *(each["api_key"] for each in opened))
            )
            await http.post(f"{TENANTS}/{ids[2]}/suspend")

            began = time.monotonic()
            end = began + WARM_SECONDS + REMEMBERED_SECONDS + 4 * PAUSE_SECONDS
            everybody = [revoked, kept, suspended, resumed]
            load = [
                asyncio.create_task(keep_asking(service.http.base_url, everybody, end))
                for _ in range(CONNECTIONS)
            ]
            await asyncio.sleep(WARM_SECONDS)
            changing = time.monotonic()
            for answer in (
                await http.delete(f"/v1/api-keys/{key['id']}", headers=first),
                await http.post(f"{TENANTS}/{ids[1]}/suspend"),
                await http.post(f"{TENANTS}/{ids[2]}/resume"),
            ):
                assert answer.is_success, answer.text
            late = time.monotonic() + REMEMBERED_SECONDS
            await asyncio.gather(*load)

        for seen, before, after in (
            (revoked, 200, 401),
            (kept, 200, 200),
            (suspended, 200, 403),
            (resumed, 403, 200),
        ):
            assert seen.between(0, changing - PAUSE_SECONDS) == {before}
            assert seen.between(changing - PAUSE_SECONDS, late) <= {before, after}
            assert seen.between(late, end) == {after}


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
