"""Cursors come back whole, to the query they were made for, or not at all."""

import string
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sokho.core.domain.paging import Position
from sokho.core.infrastructure.http.cursors import CursorCodec
from sokho.core.infrastructure.http.errors import InvalidCursorError

CODEC = CursorCodec(b"a key for tests, and nothing else")
QUERY = b"tenant\n/v1/items\nsort=id"

values = st.uuids() | st.text() | st.integers(-(2**63), 2**64 - 1)
positions = st.lists(values | st.datetimes(timezones=st.just(UTC)), min_size=1, max_size=3).map(
    tuple
)
# What may stand in a query string and be taken for a cursor.
URL_SAFE = string.ascii_letters + string.digits + "-_"


def refuse(cursor: str, query: bytes = QUERY) -> None:
    with pytest.raises(InvalidCursorError):
        CODEC.decode(cursor, query=query)


class TestCursor:
    @given(positions)
    def test_brings_the_position_back(self, position: Position):
        assert CODEC.decode(CODEC.encode(position, query=QUERY), query=QUERY) == position

    @pytest.mark.parametrize(
        "position",
        [
            (UUID(int=5),),
            ("",),
            ("đinh", UUID(int=5)),
            (datetime(2026, 3, 1, 12, 0, 0, 123456, UTC), UUID(int=5)),
            (UUID(int=2**128 - 1), -(2**63), 2**64 - 1),
        ],
    )
    def test_keeps_the_kind_of_its_values(self, position: Position):
        assert CODEC.decode(CODEC.encode(position, query=QUERY), query=QUERY) == position

    @given(positions)
    def test_needs_no_escaping_in_a_url(self, position: Position):
        assert set(CODEC.encode(position, query=QUERY)) <= set(URL_SAFE)

    def test_of_the_longest_sku_key_stays_short(self):
        longest = ("\U0001f600" * 64, UUID(int=5))
        assert len(CODEC.encode(longest, query=QUERY)) <= 1024


class TestForgedCursor:
    @given(positions, st.data())
    def test_with_any_character_changed_is_refused(self, position: Position, data: st.DataObject):
        cursor = CODEC.encode(position, query=QUERY)
        place = data.draw(st.integers(0, len(cursor) - 1))
        other = data.draw(
            (st.sampled_from(URL_SAFE) | st.characters()).filter(lambda c: c != cursor[place])
        )
        refuse(cursor[:place] + other + cursor[place + 1 :])

    def test_with_any_character_changed_for_any_other_is_refused(self):
        for value in ("", "a", "ab"):  # of every remainder: unused bits in the last character
            cursor = CODEC.encode((value, UUID(int=5)), query=QUERY)
            for place, character in enumerate(cursor):
                for other in set(URL_SAFE + "=.%+/ ") - {character}:
                    refuse(cursor[:place] + other + cursor[place + 1 :])

    @given(positions, st.text(min_size=1))
    def test_with_anything_added_or_cut_is_refused(self, position: Position, more: str):
        cursor = CODEC.encode(position, query=QUERY)
        for changed in (cursor + more, more + cursor, cursor[:-1], cursor[1:], cursor + "="):
            refuse(changed)

    @given(st.text())
    def test_made_up_is_refused(self, cursor: str):
        refuse(cursor)

    def test_unsigned_is_refused(self):
        cursor = CODEC.encode((UUID(int=5),), query=QUERY)
        payload = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))[16:]
        for mac in (b"", bytes(16)):
            refuse(urlsafe_b64encode(mac + payload).rstrip(b"=").decode())

    def test_of_another_key_is_refused(self):
        other = CursorCodec(b"another key, of another service")
        refuse(other.encode((UUID(int=5),), query=QUERY))


class TestBorrowedCursor:
    @given(positions, st.binary())
    def test_for_another_query_is_refused(self, position: Position, query: bytes):
        refuse(CODEC.encode(position, query=query + b"x"), query)

    @given(positions, st.binary(min_size=1), st.data())
    def test_cannot_pass_a_part_of_itself_for_the_query(
        self, position: Position, query: bytes, data: st.DataObject
    ):
        """The border between query and position is part of what is signed."""
        cursor = CODEC.encode(position, query=query)
        raw = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        border = data.draw(st.integers(0, len(query) - 1))
        moved = raw[:16] + query[border:] + raw[16:]
        refuse(urlsafe_b64encode(moved).rstrip(b"=").decode(), query[:border])
