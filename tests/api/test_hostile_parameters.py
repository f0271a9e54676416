"""Parameters of every operation, in the query, the path and the headers, as nobody means them."""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.api.documented import DOCUMENTED, Documented, Schema
from tests.api.premises import Premises
from tests.api.problems import CANARY, problem_of

every_operation = pytest.mark.parametrize("operation", DOCUMENTED, ids=str)

NO_TEXT: Final = ["%00", f"{CANARY}%00", "%FF", "%C0%AF", "%ED%A0%80", "%C3", "%F4%90%80%80"]

NO_INTEGER: Final = [
    *("", CANARY, "1_0", "%201", "1%20", "%2B1", "+1", "1.0", "1e2", "0x10", "1,2", "1;2", "--1"),
    *("%D9%A3", "%EF%BC%91", "%C2%B2", "NaN", "Infinity", "true", "null", "[1]", "1%0A", "-"),
]
OUT_OF_RANGE: Final = ["-1", "7777777", str(2**63), str(2**64), "9" * 4_300, "9" * 50_000]

NO_INSTANT: Final = [
    *("", CANARY, "0", "1e5", "-1", "1704067200", "NaN", "Infinity", "-infinity", "now", "today"),
    *("2026-01-01", "2026-01-01T00:00:00", "00:00:00Z", "2026-02-30T00:00:00Z"),
    *("2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00%2B99:99"),
    *("0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "2026-01-01T00:00:00ZZ"),
    *("0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", "1e999"),
]

NO_UUID: Final = [
    *("x", CANARY, "0", "null", "undefined", "%20", "%0A", "*", "1e999", "%F0%9F%98%80"),
    *("0" * 31, "0" * 33, "{" + "0" * 32, "g" * 32, "9" * 10_000, "%D9%A3" * 32),
]

NO_TAG: Final = [
    *(b"", b"1", b'"', b'"1', b'"0"', b'"01"', b'"-1"', b'"1.0"', b'"1e0"', b'W/"1"', b'w/"1"'),
    *(b'x"1"', b'"1"x', b'"1" "1"', b'"1""1"', b'"x""1"', b'*"1"'),
    *(b'"9223372036854775808"', b'"' + b"9" * 5_000 + b'"', b'"' * 5_000, b"\0", b'"\0"', b"\xff"),
    *(b'"\xff"', b"* *", b"null", f'"{CANARY}"'.encode(), CANARY.encode(), b'"1 "', b'"\xb2"'),
    '"٣"'.encode(),
]
"""Of none of these is a stored version."""

NO_ACTOR: Final = [
    *(b"", b" ", b"\t", b"\0", CANARY.encode() + b"\0", b"\xff", b"\xc3", b"a\xe2\x80\xa8b"),
    *(b"\xed\xa0\x80", b"\xc2\x85", CANARY.encode() * 17, "ộ".encode() * 129, b"a" * 50_000),
    *(b"a\r\nb", b"a\tb", "\ufeff".encode(), "\ufffd".encode(), "a\u200bb".encode()),
]
"""Nobody is called by any of these."""


def wrong_values(schema: Schema) -> Iterator[str]:
    """Yield what a parameter of the query cannot be, as a URL has it."""
    yield from NO_TEXT
    if schema.get("type") == "integer":
        yield from NO_INTEGER
        yield from OUT_OF_RANGE
    if schema.get("format") == "date-time":
        yield from NO_INSTANT
    if "enum" in schema:
        yield from ("", CANARY, schema["enum"][0].upper(), schema["enum"][0] + "%20")


@every_operation
class TestQuery:
    async def test_takes_no_parameter_that_it_does_not_know(
        self, premises: Premises, operation: Documented
    ):
        known = operation.parameters("query")
        unknown = [CANARY, "q", "tenant_id", "", "%20", "%F0%9F%98%80", "limit[]", "k" * 10_000]
        for name in [*unknown, *(name.upper() for name in known)]:
            for query in (f"{name}={CANARY}", f"{name}=", name or "=", f"{name}=&&"):
                await premises.refuses(operation, 422, "validation_failed", query=query)

    async def test_takes_nothing_that_is_no_text(self, premises: Premises, operation: Documented):
        for wrong in NO_TEXT:
            for query in (f"{CANARY}={wrong}", f"{wrong}={CANARY}", wrong):
                await premises.refuses(operation, 422, "validation_failed", query=query)
        for raw in (b"\xff", b"\0", b"k=\xed\xa0\x80", CANARY.encode() + b"=\x80"):
            await premises.refuses(operation, 422, "validation_failed", query=raw)

    async def test_takes_no_value_that_does_not_fit(
        self, premises: Premises, operation: Documented
    ):
        for name, schema in operation.parameters("query").items():
            for wrong in wrong_values(schema):
                status, code = 422, "validation_failed"
                await premises.refuses(operation, status, code, query=f"{name}={wrong}")

    async def test_takes_nothing_twice(self, premises: Premises, operation: Documented):
        for name, schema in (operation.parameters("query") | {CANARY: {}}).items():
            value = schema.get("enum", [schema.get("default", CANARY)])[0:1][0] if schema else "1"
            query = f"{name}={value}&{name}={value}"
            await premises.refuses(operation, 422, "validation_failed", query=query)

    async def test_takes_no_flood(self, premises: Premises, operation: Documented):
        flood = "&".join(f"{CANARY}{n}=1" for n in range(10_000))
        for query in (flood, "limit=1" + "&" * 10_000 + CANARY):
            await premises.refuses(operation, 422, "validation_failed", query=query)

    async def test_takes_no_cursor_of_another_maker(
        self, premises: Premises, operation: Documented
    ):
        if "cursor" in operation.parameters("query"):
            for wrong in (
                "",
                CANARY,
                "A",
                "=",
                "AA==",
                "A" * 10_000,
                "%F0%9F%98%80",
                "a b",
                "-_" * 20,
            ):
                await premises.refuses(operation, 400, "invalid_cursor", query=f"cursor={wrong}")


@every_operation
class TestPath:
    async def test_takes_no_parameter_that_does_not_fit(
        self, premises: Premises, operation: Documented
    ):
        for name, schema in operation.parameters("path").items():
            wrong = (
                NO_UUID if schema.get("format") == "uuid" else ["a" * 33, "%FF" * 33, CANARY * 9]
            )
            for value in (*wrong, "%00", f"{CANARY}%00"):
                given = {name: value}
                await premises.refuses(operation, 422, "validation_failed", **given)

    async def test_finds_nothing_at_a_path_that_is_almost_its_own(
        self, premises: Premises, operation: Documented
    ):
        path = premises.path_of(operation)
        for wrong in (f"{path}/", f"/{path}", f"{path}%2F", f"{path}%0A/{CANARY}", path.upper()):
            problem_of(await premises.send(operation.method, wrong), 404, "not_found")
        assert await premises.rows() == premises.stored

    async def test_has_no_method_that_it_does_not_tell(
        self, premises: Premises, operation: Documented
    ):
        for method in (CANARY, "get", "TRACE", "CONNECT", "PROPFIND", "", "\xff", "A" * 10_000):
            answer = await premises.send(method, premises.path_of(operation))
            problem_of(answer, 405, "method_not_allowed")
            assert operation.method in answer.headers["allow"]
        assert await premises.rows() == premises.stored


@every_operation
class TestPreconditions:
    async def test_hold_for_no_version_that_there_is_not(
        self, premises: Premises, operation: Documented
    ):
        headers = operation.parameters("header")
        for wrong in NO_TAG if "If-Match" in headers else ():
            sent = [(b"if-match", wrong)]
            await premises.refuses(operation, 412, "precondition_failed", headers=sent)
        for wrong in NO_TAG if "If-None-Match" in headers else ():
            if wrong != b'W/"1"':  # to a read it is as good as the strong one
                answer = await premises.call(operation, headers=[(b"if-none-match", wrong)])
                assert answer.status_code == 200

    async def test_name_nobody_whom_no_name_fits(self, premises: Premises, operation: Documented):
        for wrong in NO_ACTOR:
            sent = [(b"sokho-actor", wrong)]
            if operation.method == "GET":  # a read tells nobody for whom it is
                assert (await premises.call(operation, headers=sent)).status_code == 200
                continue
            assert "Sokho-Actor" in operation.parameters("header")
            refusal = (operation, 422, "validation_failed")
            problem = await premises.refuses(*refusal, headers=sent)
            assert [each["pointer"] for each in problem["errors"]] == ["/header/Sokho-Actor"]
