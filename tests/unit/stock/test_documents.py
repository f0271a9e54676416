"""What each of the four documents allows, as far as it shows without the books."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import product
from typing import Any, Final
from uuid import UUID

import pytest
from msgspec.structs import replace

from sokho.modules.stock.domain.documents import (
    AccountKind,
    Document,
    Line,
    Reason,
    TransactionType,
)

HERE, THERE = UUID(int=1), UUID(int=2)
RECEIPT, ISSUE, TRANSFER, ADJUSTMENT = TransactionType

ALLOWED: Final = {
    (RECEIPT, False, True),
    (ISSUE, True, False),
    (TRANSFER, True, True),
    (ADJUSTMENT, True, False),
    (ADJUSTMENT, False, True),
}
"""Type, and whether a line says where from and where to."""

SHAPES: Final = list(product(TransactionType, [False, True], [False, True]))


def a_line(*, source: bool = False, target: bool = False) -> Line:
    return Line(
        quantity=Decimal(1),
        sku="A",
        from_location_id=HERE if source else None,
        to_location_id=THERE if target else None,
    )


def a_document(type: TransactionType, *lines: Line, reason: Reason | None = None) -> Document:
    if type is ADJUSTMENT and reason is None:
        reason = Reason.COUNT
    return Document(type=type, lines=lines, reason=reason)


def faults_of(document: Document) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in document.faults()]


class TestSides:
    @pytest.mark.parametrize(("type", "source", "target"), SHAPES)
    def test_are_those_of_the_type(self, type: TransactionType, source: bool, target: bool):
        faults = faults_of(a_document(type, a_line(source=source, target=target)))
        assert (faults == []) == ((type, source, target) in ALLOWED)

    def test_are_named_line_by_line(self):
        lines = a_line(target=True), a_line(source=True), a_line(source=True, target=True)
        assert faults_of(a_document(RECEIPT, *lines)) == [
            ("/lines/1/from_location_id", "not_allowed"),
            ("/lines/1/to_location_id", "required"),
            ("/lines/2/from_location_id", "not_allowed"),
        ]

    def test_of_a_transfer_are_two_places(self):
        line = replace(a_line(source=True), to_location_id=HERE)
        assert faults_of(a_document(TRANSFER, line)) == [
            ("/lines/0/to_location_id", "same_account")
        ]


class TestReason:
    @pytest.mark.parametrize("type", [RECEIPT, ISSUE, TRANSFER])
    def test_is_of_an_adjustment_alone(self, type: TransactionType):
        line = a_line(source=type is not RECEIPT, target=type is not ISSUE)
        document = a_document(type, line, reason=Reason.DAMAGE)
        assert faults_of(document) == [("/reason", "not_allowed")]

    def test_is_needed_by_an_adjustment(self):
        document = Document(type=ADJUSTMENT, lines=(a_line(target=True),))
        assert faults_of(document) == [("/reason", "required")]


class TestKinds:
    def kinds(self) -> Iterator[tuple[AccountKind, AccountKind]]:
        for type, source, target in sorted(ALLOWED):
            line = a_line(source=source, target=target)
            yield a_document(type, line).kinds(line)

    def test_have_goods_at_a_location_on_exactly_the_sides_that_have_a_location(self):
        for (_, source, target), kinds in zip(sorted(ALLOWED), self.kinds(), strict=True):
            assert [kind is AccountKind.ON_HAND for kind in kinds] == [source, target]

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [(each, AccountKind.GAIN) for each in Reason if each is not Reason.OPENING]
        + [(Reason.OPENING, AccountKind.OPENING)],
    )
    def test_tell_an_opening_from_a_gain(self, reason: Reason, kind: AccountKind):
        line = a_line(target=True)
        found = a_document(ADJUSTMENT, line, reason=reason).kinds(line)
        assert found == (kind, AccountKind.ON_HAND)


class TestItem:
    @pytest.mark.parametrize(
        ("id", "sku", "fault"),
        [
            (None, None, ("/lines/0/item_id", "required")),
            (HERE, "A", ("/lines/0/sku", "not_allowed")),
        ],
    )
    def test_is_named_in_one_way(self, id: UUID | None, sku: str | None, fault: tuple[str, str]):
        line = replace(a_line(target=True), item_id=id, sku=sku)
        assert faults_of(a_document(RECEIPT, line)) == [fault]


class TestTexts:
    @pytest.mark.parametrize("text", ["\0", "a\ud800", "\udfff"])
    def test_are_such_as_can_be_stored(self, text: str):
        line = replace(a_line(target=True), sku=text, unit=text)
        document = Document(
            type=RECEIPT, lines=(line,), document_no=text, external_ref=text, note=text
        )
        assert faults_of(document) == [
            (pointer, "invalid_character")
            for pointer in (
                *("/document_no", "/external_ref", "/note"),
                *("/lines/0/sku", "/lines/0/unit"),
            )
        ]

    @pytest.mark.parametrize("name", ["document_no", "external_ref"])
    @pytest.mark.parametrize(
        ("text", "code"),
        [(" ", "too_short"), ("a\nb", "invalid_character"), ("x" * 256, "too_long")],
    )
    def test_of_a_number_and_a_reference_are_one_line(self, name: str, text: str, code: str):
        given: dict[str, Any] = {name: text}
        document = replace(a_document(RECEIPT, a_line(target=True)), **given)
        assert faults_of(document) == [(f"/{name}", code)]

    def test_of_a_note_may_be_several_lines(self):
        document = replace(a_document(RECEIPT, a_line(target=True)), note="a\n\tb")
        assert faults_of(document) == []
