"""Quantities are exact: nothing is rounded, however many digits are sent."""

from decimal import Decimal

import pytest

from sokho.modules.stock.domain.posting import plain
from sokho.modules.stock.domain.quantities import LIMIT, converted, decimals_of


class TestDecimalsOf:
    @pytest.mark.parametrize(
        ("quantity", "decimals"),
        [
            *(("0", 0), ("1", 0), ("100", 0), ("2.00", 0), ("0.5", 1), ("0.50", 1)),
            *(("1.000001", 6), ("1.0000001", 7), ("-0.25", 2), ("1E+3", 0), ("1E-3", 3)),
            ("99999999999999.999999", 6),
        ],
    )
    def test_counts_what_the_quantity_needs(self, quantity: str, decimals: int):
        assert decimals_of(Decimal(quantity)) == decimals

    def test_sees_a_digit_beyond_those_of_the_context(self):
        assert decimals_of(Decimal("1." + "0" * 40 + "1")) == 41
        assert decimals_of(Decimal("9" * 14 + "." + "9" * 60)) == 60


class TestConverted:
    @pytest.mark.parametrize(
        ("quantity", "numerator", "denominator", "own"),
        [
            *(("2", 24, 1, "48"), ("0.5", 24, 1, "12"), ("1", 1, 4, "0.25"), ("3", 1, 3, "1")),
            *(("0.000001", 1, 1, "0.000001"), ("1", 1, 1_000_000, "0.000001")),
            ("99999999999999.999999", 1, 1, "99999999999999.999999"),
        ],
    )
    def test_is_exact(self, quantity: str, numerator: int, denominator: int, own: str):
        assert converted(Decimal(quantity), numerator, denominator) == Decimal(own)

    @pytest.mark.parametrize(
        ("quantity", "numerator", "denominator"),
        [("1", 1, 3), ("0.000001", 1, 2), ("1", 2, 7), ("1", 1, 10_000_000)],
    )
    def test_is_none_where_it_would_have_to_be_rounded(
        self, quantity: str, numerator: int, denominator: int
    ):
        assert converted(Decimal(quantity), numerator, denominator) is None

    def test_does_not_lose_what_is_too_much(self):
        exact = converted(LIMIT - Decimal("0.000001"), 999_999_999_999, 1)
        assert exact is not None
        assert exact > LIMIT


class TestPlain:
    @pytest.mark.parametrize(
        ("quantity", "text"),
        [
            *(("0", "0"), ("0.000000", "0"), ("100", "100"), ("100.000000", "100")),
            *(("0.100000", "0.1"), ("1E+3", "1000"), ("1E-6", "0.000001"), ("-5.50", "-5.5")),
            ("99999999999999.999999", "99999999999999.999999"),
        ],
    )
    def test_has_neither_exponent_nor_idle_zeros(self, quantity: str, text: str):
        assert plain(Decimal(quantity)) == text
