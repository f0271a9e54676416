"""Settings tell the variable that does not fit, and never its value."""

from pathlib import Path

import pytest

from sokho.core.domain.errors import OperatorError
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.core.infrastructure.settings import Settings


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A default data folder would be made where the test runs."""
    monkeypatch.chdir(tmp_path)


def refused_text() -> str:
    with pytest.raises(OperatorError) as caught:
        Settings.load()
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    return f"{caught.value.text.vi}\n{caught.value.text.en}\n{caught.value}"


class TestLoad:
    def test_has_defaults_for_everything(self):
        settings = Settings.load()
        assert (settings.host, settings.port, settings.workers) == ("127.0.0.1", 8000, 1)
        assert settings.database_url is None

    def test_reads_the_environment(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_PORT", "9000")
        monkeypatch.setenv("SOKHO_HOST", "0.0.0.0")
        monkeypatch.setenv("SOKHO_PREPARED_STATEMENTS", "off")
        settings = Settings.load()
        assert (settings.port, settings.host) == (9000, "0.0.0.0")
        assert settings.prepared_statements is False

    def test_takes_an_empty_variable_for_none(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_DATABASE_URL", "")
        assert Settings.load().database_url is None

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("SOKHO_PORT", "canary"),
            ("SOKHO_PORT", "65536"),
            ("SOKHO_WORKERS", "0"),
            ("SOKHO_POOL_SIZE", "1001"),
            ("SOKHO_SECRET", "canary, too short"),
            ("SOKHO_LOG_LEVEL", "canary"),
            ("SOKHO_DOCS", "canary"),
            ("SOKHO_METRICS_PORT", "canary"),
            ("SOKHO_CORS_ORIGINS", "canary"),
            ("SOKHO_DATABASE_URL", "canary"),
            ("SOKHO_DATABASE_URL", "mysql://u:canary@h/d"),
            ("SOKHO_WORKER_DATABASE_URL", "postgresql://u:canary@h:port/d"),
            ("SOKHO_ADMIN_DATABASE_URL", "postgresql://h/canary"),
        ],
    )
    def test_names_the_variable_and_not_the_value(
        self, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
    ):
        monkeypatch.setenv(variable, value)
        text = refused_text()
        assert text.count(variable) == 3
        assert value not in text

    def test_names_every_variable_at_fault(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_WORKERS", "x")
        monkeypatch.setenv("SOKHO_PORT", "x")
        assert "SOKHO_PORT, SOKHO_WORKERS" in refused_text()


class TestOperator:
    """Who may list businesses needs the database role that can."""

    def test_needs_the_workers_database(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_DATABASE_URL", "postgresql://u:canary@h/d")
        monkeypatch.setenv("SOKHO_OPERATOR_KEY_HASH", "c0ffee00" * 8)
        text = refused_text()
        assert text.count("SOKHO_WORKER_DATABASE_URL") == 3
        assert "canary" not in text
        assert "c0ffee" not in text
        monkeypatch.setenv("SOKHO_WORKER_DATABASE_URL", "postgresql://w:canary@h/d")
        assert Settings.load().operator_hash() == "c0ffee00" * 8

    def test_needs_no_url_where_the_database_is_embedded(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_OPERATOR_KEY_HASH", "c0ffee00" * 8)
        assert Settings.load().worker_database_url is None

    def test_that_is_none_needs_none(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_DATABASE_URL", "postgresql://u:canary@h/d")
        assert Settings.load().operator_hash() is None

    @pytest.mark.parametrize("hash", ["c0ffee", "C0FFEE00" * 8, "g" * 64, "c0ffee00" * 8 + "\n"])
    def test_has_a_hash_of_64_digits(self, monkeypatch: pytest.MonkeyPatch, hash: str):
        monkeypatch.setenv("SOKHO_OPERATOR_KEY_HASH", hash)
        assert "SOKHO_OPERATOR_KEY_HASH" in refused_text()


class TestSecrets:
    def test_do_not_show_in_the_settings_text(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_SECRET", "canary" * 8)
        monkeypatch.setenv("SOKHO_OPERATOR_KEY_HASH", "c0ffee00" * 8)
        for name in ("DATABASE_URL", "WORKER_DATABASE_URL", "ADMIN_DATABASE_URL"):
            monkeypatch.setenv(f"SOKHO_{name}", "postgresql://u:canary@h/d")
        settings = Settings.load()
        assert "canary" not in f"{settings} {settings!r}"
        assert "c0ffee" not in f"{settings} {settings!r}"
        assert settings.operator_hash() == "c0ffee00" * 8

    def test_are_derived_from_the_one_that_is_set(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_SECRET", "s" * 32)
        assert Settings.load().derived_keys() == DerivedKeys.from_secret("s" * 32)

    def test_are_derived_from_the_one_in_the_data_folder(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ):
        monkeypatch.setenv("SOKHO_DATA_DIR", str(tmp_path))
        keys = Settings.load().derived_keys()
        assert keys == DerivedKeys.from_secret((tmp_path / "secret").read_text().strip())
        assert keys == Settings.load().derived_keys()


class TestUrl:
    def test_is_the_one_that_is_set(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("SOKHO_WORKER_DATABASE_URL", "postgresql://w@h/d")
        assert Settings.load().url("worker_database_url") == "postgresql://w@h/d"

    def test_that_is_missing_is_told_by_name(self):
        with pytest.raises(OperatorError, match="SOKHO_ADMIN_DATABASE_URL"):
            Settings.load().url("admin_database_url")


class TestAuthFailures:
    @pytest.mark.parametrize(
        ("per_minute", "workers", "of_each"), [(100, 1, 100), (100, 2, 50), (100, 3, 34), (0, 4, 0)]
    )
    def test_are_shared_out_among_the_workers(self, per_minute: int, workers: int, of_each: int):
        settings = Settings(auth_failures_per_minute=per_minute, workers=workers)
        assert settings.auth_failures_of_a_worker == of_each


class TestOrigins:
    @pytest.mark.parametrize(
        ("text", "origins"),
        [
            ("", ()),
            ("*", ("*",)),
            ("https://shop.example", ("https://shop.example",)),
            (
                "https://a.example:8443 , http://localhost:5173,",
                ("https://a.example:8443", "http://localhost:5173"),
            ),
            ("http://[::1]:3000", ("http://[::1]:3000",)),
            ("capacitor://localhost", ("capacitor://localhost",)),
            ("http://a.example:443", ("http://a.example:443",)),
        ],
    )
    def test_are_those_between_commas(
        self, monkeypatch: pytest.MonkeyPatch, text: str, origins: tuple[str, ...]
    ):
        monkeypatch.setenv("SOKHO_CORS_ORIGINS", text)
        assert Settings.load().origins == origins

    @pytest.mark.parametrize(
        "text",
        [
            "shop.example",
            "https://shop.example/",
            "https://Shop.example",
            "https://shop.example:443",
            "http://shop.example:80",
            "https://user@shop.example",
            "https://*.example",
            "https://shop.example?x",
            "https://",
            "https://.example",
            "https://shop.example:0",
            "null",
            "*,https://shop.example",
            "https://shop.example;http://shop.example",
        ],
    )
    def test_that_no_browser_would_send_are_refused(
        self, monkeypatch: pytest.MonkeyPatch, text: str
    ):
        monkeypatch.setenv("SOKHO_CORS_ORIGINS", f"https://good.example,{text}")
        assert "SOKHO_CORS_ORIGINS" in refused_text()
