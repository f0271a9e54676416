"""A business and its one rule so far: its name."""

from uuid import UUID

import pytest

from sokho.modules.tenants.domain.entities import Tenant, TenantState
from tests.fakes.items import NOON
from tests.unit.faults import faults


def a_tenant(name: str) -> Tenant:
    return Tenant.create(id=UUID(int=1), name=name, now=NOON)


class TestNewTenant:
    def test_is_active_and_its_name_trimmed(self):
        tenant = a_tenant(" Cà phê Đầu Ngõ ")
        assert (tenant.name, tenant.state) == ("Cà phê Đầu Ngõ", TenantState.ACTIVE)
        assert (tenant.version, tenant.created_at, tenant.updated_at) == (1, NOON, NOON)

    def test_is_vietnamese_unless_told_otherwise(self):
        tenant = a_tenant("Quán")
        assert (tenant.locale, tenant.time_zone) == ("vi-VN", "Asia/Ho_Chi_Minh")

    def test_may_have_a_name_of_255_characters(self):
        assert a_tenant("ộ" * 255).name == "ộ" * 255

    @pytest.mark.parametrize("name", ["", " ", "ộ" * 256, "a\nb", "\0", "\ud800"])
    def test_refuses_a_name_that_does_not_fit(self, name: str):
        with faults(("/name", "invalid")):
            a_tenant(name)
