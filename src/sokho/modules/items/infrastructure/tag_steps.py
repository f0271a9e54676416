"""The steps of a statement that keep the index of tags in line with the items it writes."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from sokho.core.infrastructure.database import TENANT
from sokho.modules.items.infrastructure.tables import item_tags


def tags_indexed(written: Any) -> sa.CTE:
    """Return the step that indexes the tags of the items in `written`."""
    tags = sa.select(written.c.tenant_id, sa.func.unnest(written.c.tags), written.c.id)
    return (
        insert(item_tags)
        .from_select(["tenant_id", "tag", "item_id"], tags)
        .on_conflict_do_nothing()
        .cte("tags_indexed")
    )


def tags_gone(changed: Any) -> sa.CTE:
    """Return the step that forgets the tags that the items in `changed` have no more."""
    return (
        sa.delete(item_tags)
        .where(
            item_tags.c.tenant_id == TENANT,
            item_tags.c.tenant_id == changed.c.tenant_id,
            item_tags.c.item_id == changed.c.id,
            item_tags.c.tag != sa.all_(changed.c.tags),
        )
        .cte("tags_gone")
    )
