"""What may become of a business: its fields, and its settings by a merge patch (RFC 7396)."""

from datetime import timedelta
from typing import Any

import pytest

from sokho.modules.tenants.domain.entities import TenantState
from tests.fakes.tenants import NOON, a_tenant
from tests.unit.faults import faults

LATER = NOON + timedelta(hours=1)


class TestLocale:
    @pytest.mark.parametrize("tag", ["vi", "vi-VN", "en", "zh-Hant-TW", "es-419", "fil-PH"])
    def test_is_a_language_tag(self, tag: str):
        assert a_tenant(locale=tag).locale == tag

    @pytest.mark.parametrize(
        "tag",
        ["", "v", "VI", "vi_VN", "vi-vn", "vi-VN\n", " vi", "vi-VN-x", "vi-", "ví", "vi-VN\0"],
    )
    def test_that_is_none_is_refused(self, tag: str):
        with faults(("/locale", "invalid")):
            a_tenant(locale=tag)
        with faults(("/locale", "invalid")):
            a_tenant().patch(now=LATER, locale=tag)


class TestTimeZone:
    @pytest.mark.parametrize("name", ["Asia/Ho_Chi_Minh", "UTC", "Europe/Paris", "Etc/GMT-7"])
    def test_is_one_of_the_database_of_time_zones(self, name: str):
        assert a_tenant(time_zone=name).time_zone == name

    @pytest.mark.parametrize(
        "name",
        [
            *("", "Asia", "asia/ho_chi_minh", "Asia/Hanoi", "+07:00", "ICT", " UTC", "UTC\n"),
            *("../../etc/passwd", "/etc/localtime", "posix/UTC", "UTC\0", "a" * 300),
            *("localtime", "Factory", "posixrules"),  # files beside the zones, not zones
        ],
    )
    def test_that_is_none_is_refused(self, name: str):
        with faults(("/time_zone", "invalid")):
            a_tenant(time_zone=name)
        with faults(("/time_zone", "invalid")):
            a_tenant().patch(now=LATER, time_zone=name)


class TestFaults:
    def test_are_all_told(self):
        with faults(("/name", "invalid"), ("/locale", "invalid"), ("/time_zone", "invalid")):
            a_tenant(name="", locale="", time_zone="")
        with faults(
            *((f"/{name}", "invalid") for name in ("name", "locale", "time_zone")),
            ("/settings", "invalid_character"),
        ):
            a_tenant().patch(now=LATER, name="", locale="", time_zone="", settings={"a": "\0"})


class TestSettings:
    @pytest.mark.parametrize(
        ("before", "patch", "after"),
        [
            ({}, {"a": 1}, {"a": 1}),
            ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
            ({"a": 1, "b": 2}, {"a": None}, {"b": 2}),
            ({"a": {"b": 1, "c": 2}}, {"a": {"b": None}}, {"a": {"c": 2}}),
            ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
            ({"a": 1}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
            ({"a": 1}, {"z": None}, {"a": 1}),
            ({"a": 1}, {}, {"a": 1}),
            ({"a": 1}, None, {}),
        ],
    )
    def test_are_merged(self, before: dict[str, Any], patch: Any, after: dict[str, Any]):
        tenant = a_tenant().patch(now=NOON, settings=before)
        assert tenant.patch(now=LATER, settings=patch).settings == after
        assert tenant.settings == before

    @pytest.mark.parametrize(
        ("settings", "code"),
        [
            ({"a": {"b": {"c": {"d": {"e": {}}}}}}, "too_deep"),
            ({"a": "x" * 16_400}, "too_long"),
            ({"a\0": 1}, "invalid_character"),
            ({"a": ["\ud800"]}, "invalid_character"),
            ({"a": 2**63}, "out_of_range"),
        ],
    )
    def test_that_do_not_fit_are_refused(self, settings: dict[str, Any], code: str):
        with faults(("/settings", code)):
            a_tenant().patch(now=LATER, settings=settings)

    def test_may_not_grow_too_long_bit_by_bit(self):
        tenant = a_tenant().patch(now=LATER, settings={"a": "x" * 9_000})
        with faults(("/settings", "too_long")):
            tenant.patch(now=LATER, settings={"b": "x" * 9_000})


class TestVersion:
    @pytest.mark.parametrize(
        "changes",
        [
            {"name": "Quán"},
            {"locale": "en"},
            {"time_zone": "UTC"},
            {"settings": {"a": True}},
            {"settings": {"a": 1.0}},
            {"settings": None},
        ],
    )
    def test_is_the_next_where_something_differs(self, changes: Any):
        tenant = a_tenant().patch(now=NOON, settings={"a": 1})
        changed = tenant.patch(now=LATER, **changes)
        assert (changed.version, changed.updated_at) == (tenant.version + 1, LATER)
        assert (changed.id, changed.created_at) == (tenant.id, tenant.created_at)

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"name": " Tạp hóa Cô Ba "},
            {"locale": "vi-VN", "time_zone": "Asia/Ho_Chi_Minh"},
            {"settings": {}},
            {"settings": {"a": 1, "z": None}},
        ],
    )
    def test_stays_where_nothing_differs(self, changes: Any):
        tenant = a_tenant().patch(now=NOON, settings={"a": 1})
        assert tenant.patch(now=LATER, **changes) is tenant


class TestState:
    def test_is_brought_about_once(self):
        tenant = a_tenant()
        suspended = tenant.in_state(TenantState.SUSPENDED, now=LATER)
        assert (suspended.state, suspended.version) == (TenantState.SUSPENDED, 2)
        assert suspended.in_state(TenantState.SUSPENDED, now=LATER) is suspended
        assert tenant.in_state(TenantState.ACTIVE, now=LATER) is tenant
