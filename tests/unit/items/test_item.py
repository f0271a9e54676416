"""The rules of an item: its texts, each tried at its boundary."""

import unicodedata
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from sokho.core.domain.errors import InvalidError
from sokho.modules.items.domain.entities import Item, ItemStatus, sku_key
from tests.fakes.items import NOON, an_item
from tests.unit.faults import faults

A_CONTROL = "\x01"
LONE_SURROGATES = ["\ud800", "\udfff", "\udc00\ud800"]


class TestNewItem:
    def test_has_the_defaults_of_the_contract(self):
        item = Item.create(id=UUID(int=2), tenant_id=UUID(int=1), sku="A", name="B", now=NOON)
        assert item == Item(
            id=UUID(int=2),
            tenant_id=UUID(int=1),
            sku="A",
            name="B",
            description=None,
            unit="cái",
            barcode=None,
            status=ItemStatus.ACTIVE,
            tags=(),
            attributes={},
            version=1,
            created_at=NOON,
            updated_at=NOON,
        )

    def test_names_every_field_at_fault_at_once(self):
        with faults(
            ("/sku", "too_short"),
            ("/name", "too_short"),
            ("/unit", "too_short"),
            ("/description", "invalid_character"),
            ("/barcode", "invalid"),
            ("/tags/1", "too_short"),
            ("/attributes", "invalid_character"),
        ):
            an_item(
                " ",
                name="",
                unit="",
                description="\0",
                barcode="-",
                tags=["ok", ""],
                attributes={"a": "\0"},
            )

    def test_does_not_repeat_the_value_in_its_message(self):
        with pytest.raises(InvalidError) as caught:
            an_item("canary\0")
        assert "canary" not in str(caught.value)
        assert "canary" not in str(caught.value.errors)

    @pytest.mark.parametrize("name", [field.name for field in fields(Item)])
    def test_cannot_be_changed_in_place(self, name: str):
        with pytest.raises(AttributeError, match="immutable"):
            setattr(an_item(), name, None)

    def test_is_judged_again_when_asked(self):
        changed = replace(an_item(), name="")
        with faults(("/name", "too_short")):
            changed.validate()


class TestLengths:
    @pytest.mark.parametrize(
        ("field", "most"), [("sku", 64), ("name", 255), ("unit", 32), ("description", 4_000)]
    )
    @pytest.mark.parametrize("letter", ["a", "Ộ", "😀"])
    def test_are_counted_in_characters_up_to_the_limit(self, field: str, most: int, letter: str):
        assert getattr(an_item(**{field: letter * most}), field) == letter * most
        with faults((f"/{field}", "too_long")):
            an_item(**{field: letter * (most + 1)})

    @pytest.mark.parametrize("field", ["sku", "name", "unit"])
    @pytest.mark.parametrize("blank", ["", " ", "\u00a0\u3000"])
    def test_a_blank_text_is_too_short(self, field: str, blank: str):
        refused: dict[str, Any] = {"sku": "A", "name": "B"} | {field: blank}
        # `an_item` would take an empty SKU for none given.
        with faults((f"/{field}", "too_short")):
            Item.create(id=UUID(int=2), tenant_id=UUID(int=1), now=NOON, **refused)

    def test_a_description_may_be_empty(self):
        assert an_item(description="").description == ""

    def test_fifty_tags_fit(self):
        tags = [f"t{n}" for n in range(51)]
        assert an_item(tags=tags[:50]).tags == tuple(tags[:50])
        with faults(("/tags", "too_long")):
            an_item(tags=tags)

    def test_a_tag_of_sixty_four_characters_fits(self):
        assert an_item(tags=["a" * 64]).tags == ("a" * 64,)
        with faults(("/tags/1", "too_long")):
            an_item(tags=["b", "a" * 65])


class TestCharacters:
    @pytest.mark.parametrize("field", ["sku", "name", "unit"])
    @pytest.mark.parametrize("bad", ["\0", A_CONTROL, "\n", "\t", "\x7f", *LONE_SURROGATES])
    def test_a_line_takes_no_control_and_no_lone_surrogate(self, field: str, bad: str):
        with faults((f"/{field}", "invalid_character")):
            an_item(**{field: f"a{bad}b"})

    @pytest.mark.parametrize("bad", ["\0", A_CONTROL, "\n", *LONE_SURROGATES])
    def test_a_tag_is_a_line(self, bad: str):
        with faults(("/tags/0", "invalid_character")):
            an_item(tags=[f"a{bad}b"])

    def test_a_description_has_lines(self):
        text = "một\nhai\r\n\tba"
        assert an_item(description=text).description == text

    @pytest.mark.parametrize("bad", ["\0", *LONE_SURROGATES])
    def test_a_description_takes_neither_nul_nor_a_lone_surrogate(self, bad: str):
        with faults(("/description", "invalid_character")):
            an_item(description=f"a{bad}")

    def test_a_tag_given_twice_is_kept_once_in_order(self):
        assert an_item(tags=["b", "a", "b"]).tags == ("b", "a")


class TestSku:
    @pytest.mark.parametrize("given", [" A-1", "A-1 ", "\t\u00a0A-1\u3000\n"])
    def test_is_trimmed(self, given: str):
        assert an_item(given).sku == "A-1"

    def test_is_measured_after_trimming(self):
        assert an_item(f"  {'a' * 64}  ").sku == "a" * 64

    def test_is_measured_after_composition(self):
        decomposed = unicodedata.normalize("NFD", "Ộ" * 64)
        assert len(decomposed) == 192
        assert an_item(decomposed).sku == "Ộ" * 64

    def test_is_shown_as_given(self):
        assert an_item("aBc Đß").sku == "aBc Đß"

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("a-1", "A-1"),
            ("ĐINH", "đinh"),
            ("Straße", "STRASSE"),
            ("ẞ", "ß"),
            ("Ộ", unicodedata.normalize("NFD", "ộ")),
            ("\u212bNGSTRÖM", "ångström"),
            ("ΣΑΣ", "σας"),
            (" A", "a"),
        ],
    )
    def test_is_the_same_whatever_its_case_and_composition(self, one: str, other: str):
        assert sku_key(one) == sku_key(other)
        assert an_item(one).sku_key == sku_key(other)

    @pytest.mark.parametrize(
        ("one", "other"), [("Đ", "D"), ("đ", "d"), ("ơ", "o"), ("é", "e"), ("A1", "A-1")]
    )
    def test_is_another_with_another_letter(self, one: str, other: str):
        assert sku_key(one) != sku_key(other)

    @given(st.text())
    def test_has_one_key_in_every_normal_form(self, text: str):
        for form in ("NFC", "NFD"):
            assert sku_key(unicodedata.normalize(form, text)) == sku_key(text)

    @given(st.text())
    def test_key_of_a_key_is_the_key(self, text: str):
        assert sku_key(sku_key(text)) == sku_key(text)
