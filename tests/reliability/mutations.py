"""Mutants of the seal: each weakens one thing, and has to be noticed by the checks or the tests."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from tests.isolation.killing import fails, findings, kills_code, kills_schema
from tests.isolation.mutants import CodeMutant, SchemaMutant
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site

ALL_KILLED: Final = "every mutant of the seal is noticed"
NOTHING_ELSE: Final = "nothing is noticed where nothing is mutated"

_COPY: Final = "mutated"


async def mutations(
    site: Site,
    *,
    schema: Mapping[str, SchemaMutant],
    code: Mapping[str, CodeMutant],
    mutated: bool = True,
) -> Outcome:
    """Apply each mutant alone; without `mutated` the checks and tests run, on nothing changed."""
    for _ in range(2):
        await site.business()
    quiet = not await findings(site.urls)
    survivors = []
    for name, mutant in schema.items():
        applied = mutant if mutated else mutant._replace(sql="SELECT 1", undo="")
        async with _copied(site) as urls:
            if not await kills_schema(applied, urls):
                survivors.append(name)
    for tests in dict.fromkeys(each.tests for each in code.values()):
        quiet = quiet and not await fails(tests)
    if mutated:
        survivors += [name for name, each in code.items() if not await kills_code(each)]
    else:
        survivors += code
    total = len(schema) + len(code)
    return Outcome(
        {
            "mutants": total,
            "killed": total - len(survivors),
            "survivors": ", ".join(survivors) or "none",
        },
        {ALL_KILLED: not survivors, NOTHING_ELSE: quiet},
    )


@asynccontextmanager
async def _copied(site: Site) -> AsyncIterator[DatabaseUrls]:
    """Yield the URLs of a copy of the site's database, which is then dropped."""
    name = site.urls.admin.partition("?")[0].rpartition("/")[2]
    elsewhere = Site(site.folder, _in(site.urls, name, "postgres"))
    copy = f"{name}_{_COPY}"
    await elsewhere.execute(f"CREATE DATABASE {copy} TEMPLATE {name}")
    try:
        yield _in(site.urls, name, copy)
    finally:
        await elsewhere.execute(f"DROP DATABASE {copy} WITH (FORCE)")


def _in(urls: DatabaseUrls, name: str, other: str) -> DatabaseUrls:
    return DatabaseUrls(*(url.replace(f"/{name}?", f"/{other}?") for url in urls))
