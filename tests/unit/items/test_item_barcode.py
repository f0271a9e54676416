"""Barcodes: of twelve to fourteen digits the last is a check digit (GS1, section 7.9)."""

import random

import pytest
from stdnum import ean

from sokho.modules.items.domain.barcodes import barcode_faults
from tests.fakes.items import an_item
from tests.unit.faults import faults

GTINS = ["036000291452", "8934563138165", "18934563138162"]
"""One of twelve, of thirteen and of fourteen digits."""


class TestBarcode:
    @pytest.mark.parametrize("gtin", GTINS)
    def test_takes_a_gtin(self, gtin: str):
        assert an_item(barcode=gtin).barcode == gtin

    @pytest.mark.parametrize("gtin", GTINS)
    @pytest.mark.parametrize("by", range(1, 10))
    def test_refuses_every_other_check_digit(self, gtin: str, by: int):
        wrong = f"{gtin[:-1]}{(int(gtin[-1]) + by) % 10}"
        with faults(("/barcode", "invalid_check_digit")):
            an_item(barcode=wrong)

    @pytest.mark.parametrize("digits", ["12345670", "12345678", "1" * 11, "1" * 15, "7"])
    def test_checks_no_other_number_of_digits(self, digits: str):
        assert an_item(barcode=digits).barcode == digits

    @pytest.mark.parametrize("text", ["A8934563138160", "ABC123456789", "a" * 64, "Z"])
    def test_checks_nothing_with_a_letter_in_it(self, text: str):
        assert an_item(barcode=text).barcode == text

    @pytest.mark.parametrize(
        "text", ["", " ", "893 456", "A-1", "Đ1", "\uff11" * 13, "٣" * 12, "a\n", "\0", "a" * 65]
    )
    def test_takes_only_letters_and_digits(self, text: str):
        with faults(("/barcode", "invalid")):
            an_item(barcode=text)

    def test_agrees_with_the_library_of_such_numbers(self):
        """Of twelve, of thirteen and of fourteen digits, a hundred each."""
        chance = random.Random(0)
        for digits in (*range(12, 15),) * 100:
            text = "".join(chance.choices("0123456789", k=digits))
            assert (not list(barcode_faults(text))) == ean.is_valid(text), text
