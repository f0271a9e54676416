"""A query is read as Python's own library reads it."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sokho.core.infrastructure.http.inputs import query_pairs

queries = st.lists(
    st.text(max_size=5) | st.sampled_from(["&", "=", "%", "%41", "%C3", "+", ";", "?", "limit=5"]),
    max_size=12,
).map("".join)


@given(queries)
@example("limit=50&cursor=AbC-_0")
@example("a&&b=&=c&d==e")
def test_is_what_the_library_reads(text: str):
    try:
        expected = parse_qsl(text, keep_blank_values=True, errors="strict")
    except ValueError:
        with pytest.raises(ValueError, match="can't decode"):
            query_pairs(text)
    else:
        assert query_pairs(text) == expected


@pytest.mark.parametrize("part", ["a", "%41"])
def test_has_fifty_parameters_at_most(part: str):
    assert len(query_pairs("&".join([part] * 50))) == 50
    with pytest.raises(ValueError, match="too many"):
        query_pairs("&".join([part] * 51))
