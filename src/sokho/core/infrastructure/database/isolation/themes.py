"""The themes that SQL alone can tell: keys, grants, settings, publications and rules."""

from collections.abc import AsyncIterator

from sokho.core.infrastructure.database.isolation.catalogue import Catalogue, query
from sokho.core.infrastructure.database.isolation.codes import Level
from sokho.core.infrastructure.database.isolation.report import Finding
from sokho.core.infrastructure.database.pool import Connection


async def find_by_sql(connection: Connection, catalogue: Catalogue) -> AsyncIterator[Finding]:
    """Yield what each theme finds."""
    tables = catalogue.tenant_tables
    oids = [table.oid for table in tables]
    acting = [role.oid for role in catalogue.acting]
    relations = [each.oid for each in catalogue.judged if each.tenant is not None]
    written = [each.oid for each in catalogue.judged if each.is_writable]
    themes: dict[str, tuple[object, ...]] = {
        "keys": (
            oids,
            [table.tenant_number for table in tables],
            [not table.granted.isdisjoint({"INSERT", "UPDATE"}) for table in tables],
            [table.is_registry for table in tables],
        ),
        "grants": (acting, relations, catalogue.schemas, not catalogue.target.schemas),
        "settings": (acting, catalogue.target.tenant_setting),
        "sharing": (oids, written),
    }
    for theme, arguments in themes.items():
        for row in await connection.fetch(query(theme), *arguments):
            yield Finding(
                row["code"],
                row["object"],
                row["detail"] or "",
                row["mend"] or "",
                None if row["is_finding"] else Level.ADVICE,
            )
