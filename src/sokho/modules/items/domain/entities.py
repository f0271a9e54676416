"""An item, and when it is valid."""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final, Self
from uuid import UUID

from stdnum import ean

from sokho.core.domain.errors import FieldError, InvalidError
from sokho.core.domain.texts import Text

SKU_LENGTH: Final = 64
NAME_LENGTH: Final = 255
DESCRIPTION_LENGTH: Final = 4_000
UNIT_LENGTH: Final = 32
BARCODE_LENGTH: Final = 64
TAG_LENGTH: Final = 64
TAG_COUNT: Final = 50
ATTRIBUTES_BYTES: Final = 16 * 1024
ATTRIBUTES_DEPTH: Final = 5
DEFAULT_UNIT: Final = "cái"

_LENGTH = Text(vi="Độ dài phải từ 1 đến {most} ký tự.", en="This must have 1 to {most} characters.")
_TOO_LONG = Text(vi="Dài quá {most} ký tự.", en="This has more than {most} characters.")
_CHARACTER = Text(
    vi="Chứa ký tự không được phép.", en="This contains a character that is not allowed."
)
_BARCODE = Text(
    vi="Mã vạch chỉ gồm chữ cái không dấu và chữ số, tối đa {most} ký tự.",
    en="A barcode has letters and digits only, at most {most}.",
).format(most=BARCODE_LENGTH)
_CHECK_DIGIT = Text(
    vi="Số kiểm tra của mã vạch (GTIN) không đúng.",
    en="The check digit of the barcode (GTIN) is wrong.",
)
_TAGS = Text(vi="Tối đa {most} nhãn.", en="There are more than {most} tags.").format(most=TAG_COUNT)
_ATTRIBUTES_SIZE = Text(
    vi="Thuộc tính vượt quá 16 KiB.", en="The attributes take more than 16 KiB."
)
_ATTRIBUTES_DEPTH = Text(
    vi="Thuộc tính lồng nhau quá {most} tầng.", en="The attributes nest deeper than {most} levels."
).format(most=ATTRIBUTES_DEPTH)
_NUMBER = Text(
    vi="Thuộc tính có số nằm ngoài khoảng cho phép.",
    en="The attributes have a number out of range.",
)

_SMALLEST_NUMBER: Final = 1e-18

_LINE: Final = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]*")
_TEXT: Final = re.compile(r"[^\x00\ud800-\udfff]*")
_ALPHANUMERIC: Final = re.compile(r"[0-9A-Za-z]+")
_GTIN: Final = re.compile(r"[0-9]{12,14}")


class ItemStatus(StrEnum):
    """Whether an item is still traded."""

    ACTIVE = "active"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a business keeps in stock.

    Made by `create`, which normalises and validates. What a repository returns was valid
    when it was stored and is not judged again: a rule that becomes stricter must not make
    old rows unreadable. The timestamps of a stored item are the store's.
    """

    id: UUID
    tenant_id: UUID
    sku: str
    name: str
    description: str | None = None
    unit: str = DEFAULT_UNIT
    barcode: str | None = None
    status: ItemStatus = ItemStatus.ACTIVE
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    version: int = 1
    created_at: datetime
    updated_at: datetime

    @classmethod
    def create(
        cls,
        *,
        id: UUID,
        tenant_id: UUID,
        sku: str,
        name: str,
        now: datetime,
        description: str | None = None,
        unit: str = DEFAULT_UNIT,
        barcode: str | None = None,
        status: ItemStatus = ItemStatus.ACTIVE,
        tags: Sequence[str] = (),
        attributes: Mapping[str, object] | None = None,
    ) -> Self:
        """Return a new, valid item; raises `InvalidError` naming every field at fault."""
        item = cls(
            id=id,
            tenant_id=tenant_id,
            sku=unicodedata.normalize("NFC", sku.strip()),
            name=name,
            description=description,
            unit=unicodedata.normalize("NFC", unit.strip()),
            barcode=barcode,
            status=status,
            tags=tuple(tags),
            attributes=attributes or {},
            created_at=now,
            updated_at=now,
        )
        item.validate()
        return replace(item, tags=tuple(dict.fromkeys(tags)))

    @property
    def sku_key(self) -> str:
        """The SKU by which items are told apart: case does not count."""
        return sku_key(self.sku)

    def validate(self) -> None:
        """Raise `InvalidError` naming every field that breaks a rule."""
        errors = [*self._faults()]
        if errors:
            raise InvalidError(*errors)

    def _faults(self) -> Iterator[FieldError]:
        yield from _line("/sku", self.sku, SKU_LENGTH)
        yield from _line("/name", self.name, NAME_LENGTH)
        yield from _line("/unit", self.unit, UNIT_LENGTH)
        if self.description is not None:
            if len(self.description) > DESCRIPTION_LENGTH:
                yield FieldError(
                    "/description", "too_long", _TOO_LONG.format(most=DESCRIPTION_LENGTH)
                )
            if not _TEXT.fullmatch(self.description):
                yield FieldError("/description", "invalid_character", _CHARACTER)
        if self.barcode is not None:
            yield from _barcode_faults(self.barcode)
        if len(self.tags) > TAG_COUNT:
            yield FieldError("/tags", "too_long", _TAGS)
        for index, tag in enumerate(self.tags):
            yield from _line(f"/tags/{index}", tag, TAG_LENGTH)
        if self.attributes:
            yield from _attribute_faults(self.attributes)


def sku_key(sku: str) -> str:
    """Return the form of a SKU that is unique within a business: trimmed, NFC, casefolded."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", sku.strip()).casefold())


def _line(pointer: str, value: str, most: int) -> Iterator[FieldError]:
    if not value.strip():
        yield FieldError(pointer, "too_short", _LENGTH.format(most=most))
    if len(value) > most:
        yield FieldError(pointer, "too_long", _LENGTH.format(most=most))
    if not _LINE.fullmatch(value):
        yield FieldError(pointer, "invalid_character", _CHARACTER)


def _barcode_faults(barcode: str) -> Iterator[FieldError]:
    """Twelve to fourteen digits are a GTIN (GS1 General Specifications, section 7.9)."""
    if len(barcode) > BARCODE_LENGTH or not _ALPHANUMERIC.fullmatch(barcode):
        yield FieldError("/barcode", "invalid", _BARCODE)
    elif _GTIN.fullmatch(barcode) and not ean.is_valid(barcode):
        yield FieldError("/barcode", "invalid_check_digit", _CHECK_DIGIT)


def _attribute_faults(attributes: Mapping[str, object]) -> Iterator[FieldError]:
    """Everything in the attributes must survive PostgreSQL's jsonb and any JSON parser."""
    pending: list[tuple[object, int]] = [(attributes, 1)]
    while pending:
        value, depth = pending.pop()
        if depth > ATTRIBUTES_DEPTH and isinstance(value, Mapping | list):
            yield FieldError("/attributes", "too_deep", _ATTRIBUTES_DEPTH)
            return
        if isinstance(value, Mapping):
            pending += [(key, depth) for key in value]
            pending += [(child, depth + 1) for child in value.values()]
        elif isinstance(value, list):
            pending += [(child, depth + 1) for child in value]
        elif isinstance(value, str):
            if not _TEXT.fullmatch(value):
                yield FieldError("/attributes", "invalid_character", _CHARACTER)
                return
        elif not _is_plain_number(value):
            yield FieldError("/attributes", "out_of_range", _NUMBER)
            return
    if (
        len(json.dumps(attributes, ensure_ascii=False, separators=(",", ":")).encode())
        > ATTRIBUTES_BYTES
    ):
        yield FieldError("/attributes", "too_long", _ATTRIBUTES_SIZE)


def _is_plain_number(value: object) -> bool:
    """Whether a scalar is null, a boolean, or a number that jsonb keeps as one.

    A float from 2^63 on has no fraction, so jsonb would return it as an integer that no
    64 bits hold; and jsonb writes out every zero of a tiny one.
    """
    if isinstance(value, int | float):
        return -(2**63) <= value < 2**63 and (value == 0 or abs(value) >= _SMALLEST_NUMBER)
    return value is None
