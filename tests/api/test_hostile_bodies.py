"""Bodies that nobody can read, of every operation that takes one: refused before they are used."""

import json
from collections.abc import Iterator
from typing import Final

import pytest

from tests.api.documented import WITH_BODY, Documented, positions, sample, with_text
from tests.api.premises import Premises
from tests.api.problems import CANARY

MIB: Final = 1024 * 1024

NO_JSON: Final = [
    *("NaN", "Infinity", "-Infinity", "nan", "undefined", CANARY, f"'{CANARY}'"),
    *("0x10", "010", "+1", ".5", "1.", "1e", "1_000", "--1", "1 2", "٣", ","),
    *("[1,]", "[,1]", '{"k":1,}', "{k:1}", '{"k"}', "[1", '{"k":', "]", "/**/1", "1//"),
    *(f'"{CANARY}', f'"{CANARY}\n"', f'"{CANARY}\0"', r'"\x41"', r'"\u12"', r'"\u{41}"', '"\\'),
    *("[" * 70 + "]" * 70, '{"k":' * 70 + "1" + "}" * 70, '[{"k":' * 250 + "1" + "}]" * 250),
    *("[" * 10_000 + "]" * 10_000, '{"k":' * 10_000 + "1" + "}" * 10_000, "[" * 10_000),
]
"""What nests too deep counts among it."""

NO_UTF_8: Final = [b"\xff", b"\x80", b"\xc3", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"]

OTHER_ENCODINGS: Final = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"]

OTHER_TYPES: Final = [
    *("", "/", ";", "json", "text/json", "text/plain", "application/xml", "application/jsonl"),
    *("application/problem+json", "application/json-patch+json", "application/x-ndjson"),
    *("application/x-www-form-urlencoded", f"multipart/form-data; boundary={CANARY}"),
    *(f"{CANARY}/{CANARY}", f"application/{CANARY}+json", f"{CANARY}; charset={CANARY}"),
    *("application/json, text/plain", "application/json\0", "*/*", "\xff" * 1_000),
]


def malformed(operation: Documented) -> Iterator[bytes]:
    """Yield what no place of the body makes JSON of."""
    whole = sample(operation.body)
    for position in positions(operation.body, whole):
        for text in NO_JSON:
            yield with_text(whole, position.steps, text).encode()
        for raw in NO_UTF_8:
            text = with_text(whole, position.steps, f'"{CANARY}@"')
            yield text.encode().replace(b"@", raw)
    for encoding in OTHER_ENCODINGS:
        yield json.dumps(whole).encode(encoding)
    yield b" "


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
class TestEveryBody:
    async def test_as_the_document_shows_it_is_taken(
        self, premises: Premises, operation: Documented
    ):
        """The control: what the others are refused for is what they change."""
        whole = json.dumps(sample(operation.body))
        for media_type in operation.media_types:
            sent = [(b"content-type", f"{media_type}; charset=utf-8".encode())]
            answer = await premises.call(operation, whole, headers=sent)
            assert operation.succeeds_with(answer.status_code), answer.text
        is_elsewhere = operation.path == "/v1/admin/tenants"  # in a business of its own
        assert is_elsewhere or await premises.rows() != premises.stored

    async def test_is_malformed_wherever_it_is_no_json(
        self, premises: Premises, operation: Documented
    ):
        for body in malformed(operation):
            await premises.refuses(operation, 400, "malformed_json", body)

    async def test_is_too_large_beyond_one_mib(self, premises: Premises, operation: Documented):
        body = json.dumps(sample(operation.body)).encode().ljust(MIB + 1)
        chunks = [body[at : at + 65_536] for at in range(0, len(body), 65_536)]
        await premises.refuses(operation, 413, "body_too_large", body)
        await premises.refuses(operation, 413, "body_too_large", chunks=chunks)
        await premises.refuses(operation, 413, "body_too_large", chunks=[body[:MIB], b"", b" "])

    async def test_is_too_large_if_it_is_declared_so(
        self, premises: Premises, operation: Documented
    ):
        for length in (b"1048577", b"%d" % 2**31, b"%d" % 2**64, b"9" * 5_000):
            declared = [(b"content-length", length)]
            await premises.refuses(operation, 413, "body_too_large", headers=declared)

    async def test_is_of_another_type(self, premises: Premises, operation: Documented):
        for media_type in OTHER_TYPES:
            headers = [(b"content-type", media_type.encode("latin-1"))]
            await premises.refuses(operation, 415, "unsupported_media_type", headers=headers)
