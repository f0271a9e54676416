"""The probes themselves: one that sees nothing, or a pooler that keeps the binding, is told."""

import pytest

from sokho.core.infrastructure.database.isolation import Target, check_isolation, probes
from sokho.core.infrastructure.database.isolation.sessions import Answer, Prober, literal
from sokho.core.infrastructure.database.policies import APP_ROLE
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls

TARGET = Target(APP_ROLE, probe_writes=True)


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every probe of the service's role see and write nothing."""

    async def nothing(*_: object) -> Answer:
        return Answer.NOTHING

    monkeypatch.setattr(Prober, "as_app", nothing)


class TestBlindProbe:
    @pytest.mark.usefixtures("blind")
    async def test_is_not_taken_for_a_seal(self, scratch: DatabaseUrls):
        report = await check_isolation(scratch.admin, TARGET)
        untried = {(each.code, each.object) for each in report.not_exercised}
        assert untried >= {("reads_not_exercised", APP_ROLE), ("writes_not_exercised", APP_ROLE)}

    async def test_of_writing_is_told(self, scratch: DatabaseUrls, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(probes, "_take", lambda *_: "SELECT WHERE false")
        report = await check_isolation(scratch.admin, TARGET)
        assert [each.code for each in report.findings] == ["control_missed"]


class TestBinding:
    async def test_that_stays_is_told(self, scratch: DatabaseUrls, monkeypatch: pytest.MonkeyPatch):
        """As behind a pooler that ends no transaction, or a hook that binds the session."""
        monkeypatch.setattr(probes, "BIND", probes.BIND.replace("true", "false"))
        report = await check_isolation(scratch.admin, TARGET)
        assert {each.code for each in report.findings} == {"binding_stays"}


class TestLiteral:
    @pytest.mark.parametrize("text", ["plain", "it's", "back\\slash", "'; DROP TABLE t; --", "\\'"])
    async def test_says_what_it_was_given(self, urls: DatabaseUrls, text: str):
        import asyncpg

        connection = await asyncpg.connect(urls.app)
        try:
            assert await connection.fetchval(f"SELECT {literal(text)}") == text
        finally:
            await connection.close()
