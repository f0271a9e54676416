"""The operations on a business: what is stored of each, and what is told of it."""

from datetime import datetime
from typing import Final
from uuid import UUID

import pytest

from sokho.core.domain.errors import InvalidError, PreconditionFailedError
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.modules.tenants.domain.entities import TenantState
from sokho.modules.tenants.domain.errors import TenantNotFoundError
from sokho.modules.tenants.domain.service import TenantService
from tests.fakes.events import FakeEventLog
from tests.fakes.tenants import NOON, FakeTenantRepo, TenantStore

ID: Final = UUID(int=7)


def noon() -> datetime:
    return NOON


@pytest.fixture
def log() -> FakeEventLog:
    return FakeEventLog()


@pytest.fixture
def service(log: FakeEventLog) -> TenantService:
    return TenantService(FakeTenantRepo(ID, TenantStore()), log, clock=noon)


class TestCreate:
    async def test_stores_and_tells_of_it(self, service: TenantService, log: FakeEventLog):
        tenant = await service.create(ID, " Quán ", locale="en", time_zone="UTC")
        assert await service.get(ID) == tenant
        [event] = log.events
        assert (event.type, event.resource_id) == ("tenant.created", str(ID))
        assert event.changes == {
            "name": {"after": "Quán"},
            "state": {"after": TenantState.ACTIVE},
            "locale": {"after": "en"},
            "time_zone": {"after": "UTC"},
            "settings": {"after": {}},
            "version": {"after": 1},
        }

    async def test_tells_of_none_that_is_refused(self, service: TenantService, log: FakeEventLog):
        with pytest.raises(InvalidError):
            await service.create(ID, " ")
        assert log.events == []


class TestPatch:
    async def test_tells_what_differs(self, service: TenantService, log: FakeEventLog):
        await service.create(ID, "Quán")
        changed = await service.patch(ID, ExpectedVersion({1}), settings={"a": 1}, name="Quán")
        assert (changed.version, changed.settings) == (2, {"a": 1})
        assert log.types == ["tenant.created", "tenant.updated"]
        assert log.events[-1].changes == {
            "settings": {"before": {}, "after": {"a": 1}},
            "version": {"before": 1, "after": 2},
        }

    async def test_that_changes_nothing_tells_nothing(
        self, service: TenantService, log: FakeEventLog
    ):
        made = await service.create(ID, "Quán")
        assert await service.patch(ID, ANY_VERSION, name=" Quán ") == made
        assert log.types == ["tenant.created"]

    async def test_of_another_version_is_refused(self, service: TenantService, log: FakeEventLog):
        await service.create(ID, "Quán")
        with pytest.raises(PreconditionFailedError):
            await service.patch(ID, ExpectedVersion({2}), name="Tiệm")
        assert log.types == ["tenant.created"]


class TestSuspendAndResume:
    async def test_happen_once_each(self, service: TenantService, log: FakeEventLog):
        await service.create(ID, "Quán")
        versions = [
            (await change(ID)).version
            for change in (service.resume, service.suspend, service.suspend, service.resume)
        ]
        assert versions == [1, 2, 2, 3]
        assert log.types == ["tenant.created", "tenant.suspended", "tenant.resumed"]
        assert log.events[1].changes == {
            "state": {"before": TenantState.ACTIVE, "after": TenantState.SUSPENDED},
            "version": {"before": 1, "after": 2},
        }

    async def test_of_nobody_are_refused(self, service: TenantService, log: FakeEventLog):
        for change in (service.resume, service.suspend, service.get):
            with pytest.raises(TenantNotFoundError):
                await change(ID)
        assert log.events == []
