"""The demo catalogue obeys the rules of an item and looks like two real Vietnamese shops."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator

import pytest
from stdnum import ean

from sokho.demo.businesses import demo_businesses
from sokho.demo.catalogue import DemoBusiness, DemoItem, axis
from sokho.modules.locations.domain.entities import LocationKind
from sokho.modules.locations.domain.service import FIRST_CODE

PIECES = {"cái", "chiếc", "bộ", "đôi"}
MEASURES = {"kg", "g", "lít", "ml", "m", "m²"}
PACKS = {"thùng", "hộp", "gói", "túi", "bao", "chai", "lon", "cuộn"}


@pytest.fixture(params=[0, 1], ids=["hardware_shop", "cafe"])
def business(request: pytest.FixtureRequest) -> DemoBusiness:
    place: int = request.param
    return demo_businesses()[place]


def sku_key(sku: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", sku).casefold())


def has_vietnamese_letter(text: str) -> bool:
    return any(
        letter in "đĐ" or unicodedata.combining(letter)
        for letter in unicodedata.normalize("NFD", text)
    )


def texts_of(item: DemoItem) -> Iterator[str]:
    yield from (item.sku, item.name, item.unit, *item.tags)
    yield item.description or ""
    yield json.dumps(dict(item.attributes), ensure_ascii=False)


class TestBusinesses:
    def test_are_the_hardware_shop_then_the_cafe(self) -> None:
        names = [business.name for business in demo_businesses()]
        assert names == ["Cửa hàng kim khí Hồng Phát", "Cà phê Mộc Miên"]

    def test_are_equal_at_every_call(self) -> None:
        assert demo_businesses() == demo_businesses()

    @pytest.mark.parametrize("hash_seed", ["1", "2"])
    def test_are_equal_in_another_process(self, hash_seed: str) -> None:
        code = "from sokho.demo.businesses import *; print(ascii(demo_businesses()))"
        path = os.pathsep.join(sys.path)
        env = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": path}
        run = [sys.executable, "-c", code]
        printed = subprocess.run(run, env=env, capture_output=True, text=True, check=True).stdout
        assert printed.strip() == ascii(demo_businesses())

    def test_have_at_least_two_hundred_items_each(self, business: DemoBusiness) -> None:
        assert len(business.items) >= 200


class TestSku:
    def test_is_unique_ignoring_case(self, business: DemoBusiness) -> None:
        keys = [sku_key(item.sku) for item in business.items]
        assert len(set(keys)) == len(keys)

    def test_is_trimmed_and_of_allowed_length(self, business: DemoBusiness) -> None:
        for item in business.items:
            assert item.sku == item.sku.strip()
            assert 1 <= len(item.sku) <= 64

    def test_has_vietnamese_letters_in_some_items(self, business: DemoBusiness) -> None:
        assert any(has_vietnamese_letter(item.sku) for item in business.items)


class TestName:
    def test_is_unique_and_of_allowed_length(self, business: DemoBusiness) -> None:
        names = [item.name for item in business.items]
        assert len({name.casefold() for name in names}) == len(names)
        assert all(1 <= len(name) <= 255 for name in names)

    def test_is_mostly_vietnamese(self, business: DemoBusiness) -> None:
        vietnamese = [item for item in business.items if has_vietnamese_letter(item.name)]
        assert len(vietnamese) * 2 >= len(business.items)

    def test_check_for_vietnamese_refuses_plain_latin(self) -> None:
        assert not has_vietnamese_letter("Son nuoc noi that M8×40 Ø27")


class TestBarcode:
    def test_is_a_valid_vietnamese_ean_13(self, business: DemoBusiness) -> None:
        for barcode in barcodes_of(business):
            assert len(barcode) == 13
            assert barcode.startswith("893")
            assert ean.is_valid(barcode)

    def test_with_any_digit_changed_is_refused(self, business: DemoBusiness) -> None:
        barcode = barcodes_of(business)[0]
        for place, digit in enumerate(barcode):
            changed = f"{barcode[:place]}{(int(digit) + 1) % 10}{barcode[place + 1 :]}"
            assert not ean.is_valid(changed)

    def test_is_unique_and_on_most_items_but_not_all(self, business: DemoBusiness) -> None:
        barcodes = barcodes_of(business)
        assert len(set(barcodes)) == len(barcodes)
        assert len(business.items) / 2 < len(barcodes) < len(business.items)


class TestOtherFields:
    def test_texts_are_in_nfc_and_filled(self, business: DemoBusiness) -> None:
        for item in business.items:
            for text in texts_of(item):
                assert unicodedata.is_normalized("NFC", text)
                assert "{_" not in text

    def test_check_for_nfc_refuses_nfd(self) -> None:
        assert not unicodedata.is_normalized("NFC", unicodedata.normalize("NFD", "Cà phê"))

    def test_units_are_known(self, business: DemoBusiness) -> None:
        assert {item.unit for item in business.items} <= PIECES | MEASURES | PACKS

    def test_tags_are_three_at_most_and_distinct(self, business: DemoBusiness) -> None:
        for item in business.items:
            assert len(set(item.tags)) == len(item.tags) <= 3

    def test_attributes_are_flat_and_few(self, business: DemoBusiness) -> None:
        for item in business.items:
            assert len(item.attributes) <= 5
            assert all(isinstance(value, str | int | float) for value in item.attributes.values())
            assert not any(key.startswith("_") for key in item.attributes)

    def test_descriptions_are_on_about_a_third(self, business: DemoBusiness) -> None:
        described = [item for item in business.items if item.description is not None]
        assert 0.25 <= len(described) / len(business.items) <= 0.45


class TestLocations:
    def test_stand_behind_what_they_lie_in(self, business: DemoBusiness) -> None:
        known = {FIRST_CODE}
        for location in business.locations:
            assert location.parent is None or location.parent in known
            assert location.code.casefold() not in {code.casefold() for code in known}
            known.add(location.code)

    def test_have_names_in_nfc(self, business: DemoBusiness) -> None:
        for location in business.locations:
            assert unicodedata.is_normalized("NFC", location.name)
            assert has_vietnamese_letter(location.name)

    def test_are_a_second_warehouse_with_shelves_and_a_store_room(self) -> None:
        shop, cafe = demo_businesses()
        kinds = [LocationKind(each.kind) for each in shop.locations]
        assert kinds.count(LocationKind.WAREHOUSE) == 1
        assert kinds.count(LocationKind.BIN) > 3
        assert cafe.locations[0].parent == FIRST_CODE


class TestAxis:
    def test_refuses_a_row_of_another_length(self) -> None:
        with pytest.raises(ValueError, match="argument 2"):
            axis("đường kính mm, dài mm", (6, 20), (8,))


def barcodes_of(business: DemoBusiness) -> list[str]:
    return [item.barcode for item in business.items if item.barcode is not None]
