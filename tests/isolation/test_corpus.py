"""The check on databases of other people: clean ones are clean, each broken one is named."""

import pytest

from sokho.core.infrastructure.database.isolation import (
    CODES,
    Level,
    Report,
    Target,
    check_isolation,
)
from tests.isolation.corpus import BROKEN, SHOP, STILL_CLEAN, STYLES, Style
from tests.isolation.foreign import Foreign

_NO_TEAM = """
DO $$BEGIN
    IF to_regrole('shop_team') IS NOT NULL THEN
        DROP OWNED BY shop_team; DROP ROLE shop_team;
    END IF;
END$$
"""

# Found by nobody's mistake: what stands for a fault of the check or of a pooler.
_NOT_BROUGHT_ABOUT = {"binding_stays", "control_missed"}


async def check(dsn: str, style: Style, *, probe_writes: bool = True) -> Report:
    target = Target(
        app_role=style.app_role,
        tenant_column=style.tenant_column,
        tenant_setting=style.tenant_setting,
        shared_tables=frozenset(style.shared_tables),
        probe_writes=probe_writes,
    )
    return await check_isolation(dsn, target)


class TestCleanDatabases:
    @pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
    async def test_have_no_finding(self, foreign: Foreign, style: Style):
        with foreign.database(style) as dsn:
            report = await check(dsn, style)
        assert report.findings == []
        assert report.tenant_tables > 3

    @pytest.mark.parametrize("name", STILL_CLEAN)
    async def test_stay_clean(self, foreign: Foreign, name: str):
        with foreign.database(SHOP, STILL_CLEAN[name], _NO_TEAM) as dsn:
            report = await check(dsn, SHOP)
        assert report.findings == []

    async def test_are_exercised(self, foreign: Foreign):
        with foreign.database(SHOP) as dsn:
            report = await check(dsn, SHOP)
        assert report.not_exercised == []

    async def test_are_not_written_to(self, foreign: Foreign):
        read_only = (
            "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on',"
            " current_database()); END$$"
        )
        with foreign.database(SHOP, read_only) as dsn:
            report = await check(dsn, SHOP, probe_writes=False)
        assert report.findings == []
        assert report.not_exercised == []


class TestBrokenDatabases:
    @pytest.mark.parametrize("name", BROKEN)
    async def test_are_named(self, foreign: Foreign, name: str):
        broken = BROKEN[name]
        with foreign.database(broken.style, broken.sql, broken.undo) as dsn:
            report = await check(dsn, broken.style)
        told = {(finding.code, finding.object) for finding in report.findings}
        assert (broken.code, broken.object) in told
        assert all(finding.reason.vi and finding.reason.en for finding in report.found)

    def test_show_every_code(self):
        findings = {name for name, code in CODES.items() if code.level is Level.FINDING}
        assert {broken.code for broken in BROKEN.values()} >= findings - _NOT_BROUGHT_ABOUT
