"""A row of the table of items becomes an item, each column its own field."""

from typing import Any

from sokho.core.domain.fields import field_names
from sokho.modules.items.domain.entities import Item, ItemStatus
from sokho.modules.items.infrastructure.postgres_repo import _to_item
from sokho.modules.items.infrastructure.tables import items


def test_each_column_becomes_the_field_of_its_name():
    row: dict[str, Any] = {column.name: f"the {column.name}" for column in items.columns}
    row |= {"status": "archived", "tags": ["a", "b"]}
    item = _to_item(tuple(row.values()))  # type: ignore[arg-type]
    shown = {name: getattr(item, name) for name in field_names(Item)}
    del row["sku_key"]
    assert shown == row | {"status": ItemStatus.ARCHIVED, "tags": ("a", "b")}
