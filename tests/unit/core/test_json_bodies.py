"""A body is read as Python's own parser reads it, only faster."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sokho.core.domain.json_objects import object_faults
from sokho.core.infrastructure.http.body import _parsed_by_python, parsed
from sokho.core.infrastructure.http.errors import MalformedJsonError


def values(most: int) -> st.SearchStrategy[Any]:
    """Return JSON of any form, with integers up to `most`."""
    scalars = (
        st.none()
        | st.booleans()
        | st.integers(-most, most)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters())
    )
    return st.recursive(
        scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20
    )


def read(by: Any, body: bytes) -> str:
    """Return what a body says, with the types of its numbers; or that it is refused."""
    try:
        return repr(by(body))
    except MalformedJsonError:
        return "refused"


@given(value=values(2**63 - 1), escaped=st.booleans())
def test_what_is_json_is_read_the_same(value: Any, *, escaped: bool):
    body = json.dumps(value, ensure_ascii=escaped).encode("utf-8", "surrogatepass")
    assert read(parsed, body) == read(_parsed_by_python, body)


@given(values(10**8), st.data())
def test_what_is_nearly_json_too(value: Any, data: st.DataObject):
    body = bytearray(json.dumps(value).encode())
    place = data.draw(st.integers(0, len(body) - 1))
    body[place : place + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    assert read(parsed, bytes(body)) == read(_parsed_by_python, bytes(body))


@pytest.mark.parametrize("body", [b'"\\ud800"', b"1e-400", b"-3e-999"])
def test_what_msgspec_alone_reads_otherwise(body: bytes):
    """The control: without the hook and what stands in for it, these would differ."""
    assert read(parsed, body) == read(_parsed_by_python, body) != "refused"
    with pytest.raises((msgspec.DecodeError, AssertionError)):
        assert repr(msgspec.json.decode(body)) == read(parsed, body)


@pytest.mark.parametrize("digits", [21, 400, 4000, 10_000])
def test_an_integer_that_no_64_bits_hold_is_out_of_range_either_way(digits: int):
    body = b'{"n":%b}' % (b"9" * digits)
    for by in (parsed, _parsed_by_python):
        (fault,) = object_faults("/attributes", by(body))
        assert fault.code == "out_of_range"
