"""What a demo business is, and how its items are made from families of variants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import TypeAlias

from stdnum.ean import calc_check_digit

Variant: TypeAlias = Mapping[str, object]
Axis: TypeAlias = tuple[Variant, ...]


@dataclass(frozen=True, slots=True)
class DemoItem:
    """One item, its fields named as the API names them."""

    sku: str
    name: str
    description: str | None
    unit: str
    barcode: str | None
    tags: tuple[str, ...]
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class DemoLocation:
    """One location beside the warehouse that every business begins with."""

    code: str
    name: str
    kind: str
    parent: str | None = None
    """The code of the location that it lies in."""


@dataclass(frozen=True, slots=True)
class DemoBusiness:
    """One tenant of the demo, everything it stocks, and where it keeps that."""

    name: str
    items: tuple[DemoItem, ...]
    locations: tuple[DemoLocation, ...]


@dataclass(frozen=True, slots=True)
class Family:
    """A product family: templates, filled once for each combination of its axes.

    `sku`, `name`, `unit` and `description` are `str.format` templates over the axes' fields.
    Those fields become the item's attributes too, except the ones that begin with `_`.
    `barcode` is false for what is sold loose or made in the house.
    """

    sku: str
    name: str
    unit: str
    axes: tuple[Axis, ...]
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, object] = field(default_factory=dict)
    description: str | None = None
    barcode: bool = True


def axis(fields: str, *rows: object) -> Axis:
    """One axis: the comma-separated field names, then a value, or a tuple of values, per row.

    Raises ValueError for a row whose length is not the number of fields.
    """
    names = fields.split(", ")
    return tuple(
        dict(zip(names, row if isinstance(row, tuple) else (row,), strict=True)) for row in rows
    )


def business(
    name: str,
    company_prefix: str,
    families: tuple[Family, ...],
    locations: tuple[DemoLocation, ...],
) -> DemoBusiness:
    """All items of the families, in the order of the table; a location stands behind its parent.

    `company_prefix` is the first seven digits of every barcode. Then come three for the place
    of the family and two for the variant: append families, or rows to a family's first axis,
    and the old barcodes stay as they are.
    """
    return DemoBusiness(
        name=name,
        items=tuple(
            item
            for number, family in enumerate(families, start=1)
            for item in _items_of(family, f"{company_prefix}{number:03}")
        ),
        locations=locations,
    )


def _items_of(family: Family, barcode_stem: str) -> Iterator[DemoItem]:
    for number, combination in enumerate(product(*family.axes), start=1):
        fields = {key: value for row in combination for key, value in row.items()}
        texts = {key: _vietnamese(value) for key, value in fields.items()}
        yield DemoItem(
            sku=family.sku.format_map(fields),
            name=family.name.format_map(texts),
            description=family.description and family.description.format_map(texts),
            unit=family.unit.format_map(texts),
            barcode=_ean13(f"{barcode_stem}{number:02}") if family.barcode else None,
            tags=family.tags,
            attributes={
                **family.attributes,
                **{key: value for key, value in fields.items() if not key.startswith("_")},
            },
        )


def _vietnamese(value: object) -> str:
    """Return the value as a text, with Vietnam's decimal comma."""
    return str(value).replace(".", ",") if isinstance(value, float) else str(value)


def _ean13(first_twelve: str) -> str:
    return first_twelve + calc_check_digit(first_twelve)
