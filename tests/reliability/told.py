"""What clients were told of their writes, and how it compares with what is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias
from uuid import UUID

import asyncpg

from tests.reliability.sites import Site

BATCH_ROWS: Final = 20

Stored: TypeAlias = Mapping[str, asyncpg.Record]
"""Items by SKU."""


@dataclass
class Compared:
    """What differs between what was told and what is stored."""

    lost: int = 0
    half_batches: int = 0
    without_event: int = 0
    without_change: int = 0

    @property
    def halves(self) -> int:
        """Whatever is neither there as a whole nor absent as a whole."""
        return self.half_batches + self.without_event + self.without_change


@dataclass
class Told:
    """The writes of a business that were acknowledged, and the batches that were sent."""

    created: set[str] = field(default_factory=set)
    """SKUs."""
    batches: dict[str, bool] = field(default_factory=dict)
    """Each batch by the prefix of its SKUs, and whether it was acknowledged."""
    changes: dict[str, int] = field(default_factory=dict)
    """The number that an item's description was last changed to, by SKU; -1 for none."""

    async def compare(self, site: Site, tenant_id: UUID) -> Compared:
        """Look at all that is stored of the business."""
        rows = await site.fetch(
            "SELECT id::text, sku, description, version FROM items WHERE tenant_id = $1", tenant_id
        )
        stored = {row["sku"]: row for row in rows}
        found = Compared(lost=len(self.created - stored.keys()))
        for prefix, acknowledged in self.batches.items():
            there = sum(f"{prefix}-{row}" in stored for row in range(BATCH_ROWS))
            found.half_batches += there not in {0, BATCH_ROWS}
            found.lost += acknowledged and there < BATCH_ROWS
        for sku, number in self.changes.items():
            is_there = sku in stored and int(stored[sku]["description"] or -1) >= number
            found.lost += not is_there
        await _compare_events(site, tenant_id, stored, found)
        return found


def batch(prefix: str) -> list[dict[str, str]]:
    """Return the rows of a batch of new items."""
    return [{"sku": f"{prefix}-{row}", "name": "Bút bi"} for row in range(BATCH_ROWS)]


async def _compare_events(site: Site, tenant_id: UUID, stored: Stored, found: Compared) -> None:
    """Each item has the event that made it, and one for each version after the first."""
    made: list[str] = []
    changed: dict[str, int] = {}
    for event in await site.fetch(
        "SELECT type, resource_id, changes FROM events WHERE tenant_id = $1", tenant_id
    ):
        if event["type"] == "item.created":
            made.append(event["resource_id"])
        elif event["type"] == "item.batch":
            made += json.loads(event["changes"])["created"]
        elif event["type"] == "item.updated":
            changed[event["resource_id"]] = changed.get(event["resource_id"], 0) + 1
    versions: dict[str, int] = {row["id"]: row["version"] for row in stored.values()}
    found.without_event += len(versions.keys() - set(made))
    found.without_change += len(made) - len(versions.keys() & set(made))
    for id in versions.keys() | changed.keys():
        more = versions.get(id, 0) - 1 - changed.get(id, 0)
        found.without_event += max(more, 0)
        found.without_change += max(-more, 0)
