"""The log, as a process of its own writes it: one JSON object a line, and never a secret."""

import json
import subprocess
import sys
from typing import Any

import pytest

KEY = "sokho_" + "a" * 32 + "_" + "b" * 32 + "_" + "Z" * 49
OPERATOR_KEY = "sokhoop_" + "Y" * 49
PASSWORD = "hunter2-canary"
URL = f"postgresql://sokho_app:{PASSWORD}@db.example:5432/sokho"

PROGRAM = f"""
import logging, sys
from sokho.core.infrastructure.logging import configure_logging, logger

KEY, OPERATOR_KEY, URL = {KEY!r}, {OPERATOR_KEY!r}, {URL!r}
configure_logging(sys.argv[1])
logger.debug("case-debug")
logger.info("case-event " + KEY + " " + OPERATOR_KEY)
logger.info("case-value", header="Bearer " + KEY, dsn=URL)
logger.info("case-nested", headers={{"authorization": ["Bearer " + KEY]}}, urls=[URL])
logger.info("case-object", error=ValueError(KEY), url=ValueError(URL))
logger.info("case-no-user", url="redis://:{PASSWORD}@cache.example")
logger.info("case-at-sign", url="postgresql://u:{PASSWORD}@{PASSWORD}@db.example/x")
logger.info("case-parameter", url="postgresql:///sokho?user=u&password={PASSWORD}&host=/run")
try:
    raise ConnectionError("cannot reach " + URL + " with " + KEY)
except ConnectionError:
    logger.exception("case-exception")
    logging.getLogger("asyncpg").exception("case-library-exception")
logging.getLogger("asyncpg").warning("case-library %s %s", KEY, URL)
logging.getLogger("asyncpg").info("case-library-chatter")
logging.getLogger("uvicorn.error").info("case-uvicorn")
logger.info("case-plain", route="/v1/items/{{item_id}}", status=200, tenant=None, text="đinh")
"""


@pytest.fixture(scope="module")
def output() -> str:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, "info"], capture_output=True, text=True, check=True
    )
    assert run.stdout == ""
    return run.stderr


@pytest.fixture(scope="module")
def lines(output: str) -> dict[str, dict[str, Any]]:
    """The lines by their case."""
    read = [json.loads(line) for line in output.splitlines()]
    return {line["event"].split()[0]: line for line in read}


class TestLine:
    def test_is_a_json_object_with_level_and_instant(self, lines: dict[str, dict[str, Any]]):
        line = lines["case-plain"]
        assert line.pop("timestamp").endswith("Z")
        assert line == {
            "event": "case-plain",
            "level": "info",
            "route": "/v1/items/{item_id}",
            "status": 200,
            "tenant": None,
            "text": "đinh",
        }

    def test_of_an_exception_tells_where_it_was_raised(self, lines: dict[str, dict[str, Any]]):
        line = lines["case-exception"]
        assert line["level"] == "error"
        assert "ConnectionError: cannot reach" in line["exception"]
        assert "Traceback" in line["exception"]

    def test_of_a_library_names_it(self, lines: dict[str, dict[str, Any]]):
        assert lines["case-library"]["logger"] == "asyncpg"
        assert "Traceback" in lines["case-library-exception"]["exception"]

    def test_below_the_threshold_is_not_written(self, lines: dict[str, dict[str, Any]]):
        assert "case-debug" not in lines
        assert "case-library-chatter" not in lines
        assert "case-uvicorn" in lines


class TestSecret:
    @pytest.mark.parametrize(
        "case",
        [
            "case-event",
            "case-value",
            "case-nested",
            "case-object",
            "case-no-user",
            "case-at-sign",
            "case-parameter",
            "case-exception",
            "case-library",
            "case-library-exception",
        ],
    )
    def test_never_reaches_the_output(self, lines: dict[str, dict[str, Any]], case: str):
        line = json.dumps(lines[case])
        assert "Z" * 20 not in line
        assert "Y" * 20 not in line
        assert PASSWORD not in line

    def test_leaves_the_rest_readable(self, lines: dict[str, dict[str, Any]]):
        assert lines["case-event"]["event"] == "case-event [secret] [secret]"
        assert lines["case-value"]["header"] == "Bearer [secret]"
        assert "db.example:5432/sokho" in lines["case-value"]["dsn"]
