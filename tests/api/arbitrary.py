"""Strategies for what callers send: from the schemas of the document, and from nothing at all."""

import json
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.api.documented import EXAMPLES, Documented, Schema, is_free, without_both, without_null
from tests.api.problems import CANARY

# One business is enough for all examples: what they leave there is part of the trial.
TRIED: Final = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.filter_too_much,
        HealthCheck.data_too_large,
    ],
)

characters: Final = st.one_of(
    st.characters(exclude_categories=()),
    st.sampled_from(
        "\0\x1f\x7f\x85\ud800\udfff\ufeff\uffff\u0301\u1e9e\u2028\U0001f600/%?#.~\"'\\"
    ),
)
texts: Final = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40),
    st.text(characters, max_size=40),
    st.text(max_size=300),
    st.just(CANARY),
)
numbers: Final = st.one_of(
    st.integers(),
    st.integers(-(2**64), 2**64),
    st.floats(),
    st.sampled_from([-0.0, 1.0, 1, 0, 1e16, 1e17, 2**53 + 1, 2**63, 2**63 - 1, 1e-18, 5e-324]),
)
scalars: Final = st.one_of(st.none(), st.booleans(), numbers, texts)


def nested_in(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
        max_leaves=12,
    )


values: Final = nested_in(scalars)

plain_texts: Final = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
plain_numbers: Final = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(-1e15, 1e15).filter(lambda number: number == 0 or abs(number) > 1e-17),
    st.sampled_from([-0.0, 1.0, 1, True, 1e16, 123456789012345680.0, 0.1, 1e-18, 2**53 + 1]),
)
"""What attributes may hold."""

objects: Final = st.dictionaries(
    plain_texts,
    st.recursive(
        st.one_of(plain_texts, plain_numbers),
        lambda inner: (
            st.lists(inner | st.none(), max_size=3)
            | st.dictionaries(plain_texts, inner, max_size=3)
        ),
        max_leaves=4,
    ),
    max_size=4,
)


_OF_A_FEW: Final = {
    "unit": ["cái", "kg", " m²\n", "thùng"],
    "locale": ["vi-VN", "en", "zh-Hant-TW", "es-419"],
    "parent_id": [EXAMPLES["parent_id"]],
    "quantity": ["1", "0.5", "100000000000000", "0"],
    "effective_at": ["2020-02-29T12:00:00Z", "0001-01-01T00:00:01Z"],
    "expires_at": ["2999-12-31T12:00:00Z", "2999-12-31T23:59:59.999999+14:00"],
    "time_zone": ["Asia/Ho_Chi_Minh", "UTC", "America/Argentina/Ushuaia"],
}


def fitting(schema: Schema, name: str = "") -> st.SearchStrategy[Any]:
    """Return a strategy for what fits a schema, as far as a schema tells."""
    if (inner := without_null(schema)) is not schema:
        return fitting(inner, name) | st.none()
    if "properties" in schema:
        return objects_of(schema)
    if is_free(schema):
        return objects
    match schema["type"]:
        case "array":
            return st.lists(
                fitting(schema["items"]), min_size=schema.get("minItems", 0), max_size=3
            )
        case "integer":
            return st.integers(int(schema["minimum"]), int(schema["maximum"]))
    return st.sampled_from(schema["enum"]) if "enum" in schema else lines(name)


def objects_of(schema: Schema) -> st.SearchStrategy[Any]:
    needed = schema.get("required", ())
    fields = {name: fitting(inner, name) for name, inner in schema["properties"].items()}
    optional = {name: each for name, each in fields.items() if name not in needed}
    needed_fields = {name: fields[name] for name in needed}
    return st.fixed_dictionaries(needed_fields, optional=optional).map(without_both)


def lines(name: str) -> st.SearchStrategy[str]:
    """Return a strategy for a text of one line; some are one of a few, as only their rule tells."""
    if name in _OF_A_FEW:
        return st.sampled_from(_OF_A_FEW[name])
    if name == "barcode":
        return st.from_regex(r"[0-9A-Za-z]{1,11}", fullmatch=True)
    return st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=32)


@st.composite
def almost_fitting(draw: st.DrawFn, schema: Schema) -> Any:
    """Draw what fits, and put something arbitrary in its place here and there."""
    return draw(spoilt(draw(fitting(schema))))


@st.composite
def spoilt(draw: st.DrawFn, value: Any) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return draw(values)
    if isinstance(value, list):
        return [draw(spoilt(each)) for each in value]
    if isinstance(value, dict):
        copy = {name: draw(spoilt(each)) for name, each in value.items()}
        return copy | draw(st.just({}) | st.dictionaries(texts, values, max_size=1))
    return value


def queries(known: Iterable[str]) -> st.SearchStrategy[bytes]:
    """Return a strategy for queries: of known and unknown names with any values, or any bytes."""
    names = st.sampled_from([*known, CANARY]) | texts
    pairs = st.lists(st.tuples(names, texts | numbers.map(str)), max_size=3)
    return pairs.map(_urlencoded) | st.binary(max_size=60)


def paths() -> st.SearchStrategy[str]:
    """Return a strategy for paths, some of which begin as ours do."""
    known = st.sampled_from(
        ["", "v1", "items", "units", "kg", "batch", "conversions", "locations", "..", "%2F"]
    )
    step = st.one_of(known, known, known, st.just(str(UUID(int=7))), texts.map(_quoted))
    return st.lists(step, max_size=6).map(lambda steps: "/" + "/".join(steps))


def headers() -> st.SearchStrategy[list[tuple[bytes, bytes]]]:
    """Return a strategy for headers: what the service reads, and what it does not, of any bytes."""
    canary = CANARY.encode()
    read = ["authorization", "content-type", "content-length", "accept-language", "if-match"]
    unread = ["if-none-match", "host", "x-request-id", "idempotency-key", "sokho-actor", "expect"]
    name = st.sampled_from([*read, *unread, CANARY.lower()]).map(str.encode)
    value = st.one_of(
        st.binary(max_size=60),
        st.binary(max_size=10).map(lambda value: canary + value),
        st.text("0123456789", min_size=1, max_size=30).map(str.encode),
        st.sampled_from([b"*", b'"1"', b"Bearer ", b"Bearer " + canary, b"en;q=nan,vi;q=-1e999"]),
    )
    return st.lists(st.tuples(name, value), max_size=3)


def _urlencoded(pairs: Iterable[tuple[str, str]]) -> bytes:
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in pairs).encode()


def _quoted(text: str) -> str:
    return quote(text, safe="", errors="surrogatepass")


def bodies(operation: Documented) -> st.SearchStrategy[bytes]:
    """Return a strategy for bodies of all kinds: bytes, any JSON, and what almost fits."""
    found = st.one_of(almost_fitting(operation.body), values).map(written)
    twice = fitting(operation.body).map(doubled).map(written)
    return st.one_of(found, found, twice, cut(found), st.binary(max_size=200))


def doubled(body: Any) -> Any:
    """Return a body with the first of each of its lists there twice."""
    return {
        name: [*value, *value[:1]] if isinstance(value, list) else value
        for name, value in body.items()
    }


def cut(whole: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return bodies with a byte somewhere that does not belong there."""
    return st.builds(
        lambda body, at, byte: (
            body[: at % (len(body) or 1)] + byte + body[at % (len(body) or 1) + 1 :]
        ),
        whole,
        st.integers(0, 500),
        st.binary(max_size=2),
    )


def written(value: object) -> bytes:
    """Return a value as JSON; surrogates are escaped, and NaN stands as Python writes it."""
    return json.dumps(value).encode()
