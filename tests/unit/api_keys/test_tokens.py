"""The text of keys, exactly as the contract has it."""

import string
import zlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sokho.modules.api_keys.domain.tokens import (
    SECRET_BYTES,
    KeyToken,
    is_operator_key,
    make_operator_key,
)

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase

TENANT, KEY = UUID("0198c0de-0000-7000-8000-000000000001"), UUID(int=2**128 - 1)

tokens = st.builds(
    KeyToken.make,
    st.uuids(),
    st.uuids(),
    st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES),
)
operator_keys = st.builds(
    make_operator_key, st.binary(min_size=SECRET_BYTES, max_size=SECRET_BYTES)
)


def number_of(base62: str) -> int:
    number = 0
    for digit in base62:
        number = number * 62 + BASE62.index(digit)
    return number


def with_checksum(text: str) -> str:
    """Return `text` with six digits of CRC32 behind it, as anybody can compute them."""
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return text + digits


class TestKeyOfABusiness:
    def test_has_the_form_of_the_contract(self):
        text = KeyToken.make(TENANT, KEY, bytes(range(32))).text
        assert text.startswith("sokho_0198c0de000070008000000000000001_" + "f" * 32 + "_")
        assert len(text) == len("sokho_") + 32 + 1 + 32 + 1 + 43 + 6

    def test_is_what_it_always_was(self):
        """Keys live for years at customers: another alphabet or checksum would lock them out."""
        assert KeyToken.make(TENANT, KEY, b"\1" * 32).text == (
            "sokho_0198c0de000070008000000000000001_ffffffffffffffffffffffffffffffff_"
            "0El6XFXwsUFD8J2vGxsaboW7rZYnQRBP5d9erwRwd2909NPG8"
        )

    def test_is_read_with_a_checksum_of_anybodys(self):
        text = KeyToken.make(TENANT, KEY, b"\1" * 32).text
        assert with_checksum(text[:-6]) == text

    @given(tokens)
    def test_ends_in_the_checksum_of_all_before(self, token: KeyToken):
        text, checksum = token.text[:-6], token.text[-6:]
        assert number_of(checksum) == zlib.crc32(text.encode())

    @given(st.binary(min_size=32, max_size=32))
    def test_holds_all_of_the_secret(self, secret: bytes):
        text = KeyToken.make(TENANT, KEY, secret).text
        assert number_of(text[-49:-6]) == int.from_bytes(secret, "big")

    @given(tokens)
    def test_is_read_back(self, token: KeyToken):
        assert KeyToken.parse(token.text) == token

    @given(tokens, st.data())
    def test_with_any_character_changed_is_refused(self, token: KeyToken, data: st.DataObject):
        place = data.draw(st.integers(0, len(token.text) - 1))
        other = data.draw(st.characters().filter(lambda c: c != token.text[place]))
        assert KeyToken.parse(token.text[:place] + other + token.text[place + 1 :]) is None

    def test_with_any_digit_changed_for_any_other_is_refused(self):
        text = KeyToken.make(TENANT, KEY, b"\5" * 32).text
        for place, digit in enumerate(text):
            for other in set(BASE62) - {digit}:
                assert KeyToken.parse(text[:place] + other + text[place + 1 :]) is None

    @given(tokens)
    def test_with_anything_around_it_is_refused(self, token: KeyToken):
        text = token.text
        for changed in (f" {text}", f"{text}\n", text[:-1], text[1:], text.upper(), text * 2):
            assert KeyToken.parse(changed) is None

    @pytest.mark.parametrize(
        ("tenant", "key", "secret"),
        [
            (TENANT.hex.upper(), KEY.hex, "0" * 43),
            (str(TENANT), KEY.hex, "0" * 43),
            (TENANT.hex[1:], KEY.hex, "0" * 43),
            (TENANT.hex, KEY.hex, "0" * 42),
            (TENANT.hex, KEY.hex, "0" * 44),
            (TENANT.hex, KEY.hex, "0" * 42 + "-"),
            (TENANT.hex, KEY.hex, "0" * 42 + "٣"),
        ],
    )
    def test_of_another_form_is_refused_though_its_checksum_is_right(
        self, tenant: str, key: str, secret: str
    ):
        assert KeyToken.parse(with_checksum(f"sokho_{tenant}_{key}_{secret}")) is None

    @given(st.text())
    def test_any_other_text_is_refused(self, text: str):
        assert KeyToken.parse(text) is None
        assert not is_operator_key(text)


class TestKeyOfAnOperator:
    @given(operator_keys)
    def test_has_the_form_of_the_contract(self, text: str):
        assert text.startswith("sokhoop_")
        assert len(text) == len("sokhoop_") + 43 + 6
        assert number_of(text[-6:]) == zlib.crc32(text[:-6].encode())
        assert is_operator_key(text)

    @given(operator_keys, st.data())
    def test_with_any_character_changed_is_refused(self, text: str, data: st.DataObject):
        place = data.draw(st.integers(0, len(text) - 1))
        other = data.draw(st.characters().filter(lambda c: c != text[place]))
        assert not is_operator_key(text[:place] + other + text[place + 1 :])

    @pytest.mark.parametrize("secret", ["0" * 42, "0" * 44, "0" * 42 + "-", "0" * 42 + "٣"])
    def test_of_another_form_is_refused_though_its_checksum_is_right(self, secret: str):
        assert is_operator_key(with_checksum(f"sokhoop_{'0' * 43}"))
        assert not is_operator_key(with_checksum(f"sokhoop_{secret}"))

    @given(operator_keys, tokens)
    def test_is_never_taken_for_a_business_nor_the_other_way(self, text: str, token: KeyToken):
        assert KeyToken.parse(text) is None
        assert not is_operator_key(token.text)


@pytest.mark.parametrize("secret", [bytes(32), b"\xff" * 32])
def test_the_extremes_of_a_secret_fit(secret: bytes):
    assert KeyToken.parse(KeyToken.make(TENANT, KEY, secret).text)
    assert is_operator_key(make_operator_key(secret))
