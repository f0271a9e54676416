"""R16: workers and PostgreSQL are killed under documents; then the ledger is proven, and spoilt."""

import asyncio
import json
import os
import signal
from itertools import count
from random import Random
from typing import Any, Final
from uuid import UUID

import httpx2

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.embedded_postgres import EmbeddedPostgres
from sokho.core.infrastructure.secrets import DerivedKeys
from tests.conftest import SECRET
from tests.integration.command_line import Cli
from tests.integration.tampering import ONE_FOR_EACH, post_some
from tests.integration.test_workers import children
from tests.recomputed import numbers_with_gaps, unconserved_items, wrong_accounts
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Business, Site, client
from tests.reliability.stocking import Stock, document, line
from tests.reliability.waiting import until

CLEAN: Final = "`sokho check ledger` finds nothing in what was posted under kills"
ADDS_UP: Final = "our own SQL comes to the same: balances, conservation, numbers without gaps"
NO_OTHER_ANSWER: Final = "every document is posted in the end, or refused for shortage"
ONCE: Final = "every acknowledged document is there once, as it was told, and no refused one"
NAMED: Final = "of each invariant one spoilt row is named, and nothing else"

# Else a kill would have to meet the moment between the answer and the write to the disk.
_NOT_DURABLE: Final = (
    "ALTER ROLE sokho_app SET synchronous_commit = off",
    "ALTER SYSTEM SET wal_writer_delay = '10s'",
    "SELECT pg_reload_conf()",
)
_TYPES: Final = ("receipt", "receipt", "issue", "transfer", "adjustment")


class _Clerks:
    """Clients who post documents until they are told to stop, and keep what they were told."""

    def __init__(self, http: httpx2.AsyncClient, goods: Stock) -> None:
        self._http = http
        self._goods = goods
        self.posted: dict[str, dict[str, Any]] = {}
        """What was acknowledged, by external reference."""
        self.refused = 0
        self.unexpected: list[str] = []
        self.over = False

    async def work(self, name: int, chance: Random) -> None:
        for number in count():
            if self.over:
                return
            reference = f"{name}-{number}"
            answer = await self._some_document(chance, reference).send_until_done(self._http)
            if answer.status_code == 201:
                self.posted[reference] = answer.json()
            elif answer.json()["code"] == "insufficient_stock":
                self.refused += 1
            else:
                self.unexpected.append(answer.text)

    async def go_on(self, number: int) -> None:
        """Wait until so many more are posted."""
        goal = len(self.posted) + number

        async def went_on() -> bool:
            return len(self.posted) >= goal

        await until(went_on)

    def _some_document(self, chance: Random, reference: str) -> Any:
        type = chance.choice(_TYPES)
        lines = []
        for item in chance.choices(self._goods.items, k=chance.randint(1, 4)):
            source, target = chance.sample([self._goods.here, self._goods.there], 2)
            takes, gives = type in {"issue", "transfer"}, type in {"receipt", "transfer"}
            if type == "adjustment":
                takes = chance.random() < 0.5
                gives = not takes
            lines.append(
                line(
                    item,
                    chance.randint(1, 9),
                    source if takes else None,
                    target if gives else None,
                )
            )
        given = {"reason": "count"} if type == "adjustment" else {}
        return document(type, *lines, external_ref=reference, **given)


async def ledger_audit(
    site: Site,
    *,
    worker_kills: int,
    database_kills: int,
    between: int,
    clients: int,
    seed: int,
    durable: bool = True,
) -> Outcome:
    """Kill workers and the postmaster under `clients`; prove what is there, then spoil it.

    `between` kills so many documents are posted.
    """
    business = await site.business()
    if not durable:
        await site.execute(*_NOT_DURABLE)
    chance = Random(seed)
    async with (
        site.serving(workers=2) as service,
        client(service, business, connections=clients) as http,
    ):
        goods = await Stock.opened(http, items=3)
        await site.execute("CHECKPOINT")  # these are not to be lost, whatever is durable
        clerks = _Clerks(http, goods)
        working = asyncio.gather(
            *(clerks.work(name, Random(seed * 1_000 + name)) for name in range(clients))
        )
        kills = ["worker"] * worker_kills + ["database"] * database_kills
        for kill in chance.sample(kills, len(kills)):
            await clerks.go_on(between)
            await asyncio.sleep(chance.uniform(0, 0.2))
            if kill == "worker":
                os.kill(chance.choice(children(service.process.pid)), signal.SIGKILL)
            else:
                await _kill_database(site)
        await clerks.go_on(between)
        clerks.over = True
        await working
        found = await _check(site)
        wrong = await _wrong(site, business)
        differing = await _differing(site, business, clerks)
        spoilt = await _spoilt(site)
    return Outcome(
        figures={
            "worker_kills": worker_kills,
            "database_kills": database_kills,
            "acknowledged": len(clerks.posted),
            "refused": clerks.refused,
            "other_answers": len(clerks.unexpected),
            "findings": len(found),
            "books_that_do_not_add_up": len(wrong),
            "documents_lost_or_other_than_told": len(differing),
            "spoilt_rows": len(ONE_FOR_EACH),
            "spoilt_rows_not_named": len(spoilt),
            **({"first_not_named": spoilt[0]} if spoilt else {}),
        },
        promises={
            CLEAN: found == {},
            ADDS_UP: wrong == [],
            NO_OTHER_ANSWER: clerks.unexpected == [],
            ONCE: differing == [],
            NAMED: spoilt == [],
        },
    )


async def _kill_database(site: Site) -> None:
    """Kill the postmaster; the service has to see that there is another."""
    postgres = EmbeddedPostgres(site.folder)
    killed = postgres.status().pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)

    async def is_back() -> bool:
        return postgres.status().pid not in {killed, None}

    await until(is_back)


async def _check(site: Site) -> dict[str, set[str]]:
    """Return what ``sokho check ledger`` finds, by business."""
    cli = Cli(SOKHO_SECRET=SECRET, SOKHO_DATA_DIR=str(site.folder), **site.environment)
    answer = await asyncio.to_thread(cli, "check", "ledger", "--json")
    assert answer.returncode in {0, 1}, answer.stderr
    told = {
        each["tenant_id"]: {
            f"{one['invariant']} {one['code']} {one['row']}" for one in each["findings"]
        }
        for each in json.loads(answer.stdout)
    }
    found = {tenant_id: findings for tenant_id, findings in told.items() if findings}
    assert answer.returncode == (1 if found else 0)
    return found


async def _wrong(site: Site, business: Business) -> list[object]:
    async with site.admin() as admin:
        return [
            *await wrong_accounts(admin, business.tenant_id),
            *await unconserved_items(admin, business.tenant_id),
            *await numbers_with_gaps(admin, business.tenant_id),
        ]


async def _differing(site: Site, business: Business, clerks: _Clerks) -> list[str]:
    """Return the references whose document is not there once with what its client was told."""
    rows = await site.fetch(
        "SELECT external_ref, id::text, document_no, (SELECT count(*) FROM stock_moves AS move"
        "  WHERE move.tenant_id = $1 AND transaction_id = document.id) AS lines,"
        " (SELECT count(*) FROM events WHERE tenant_id = $1 AND type = 'stock.posted'"
        "  AND resource_id = document.id::text) AS events"
        " FROM stock_transactions AS document WHERE tenant_id = $1 AND external_ref IS NOT NULL",
        business.tenant_id,
    )
    stored = {row["external_ref"]: tuple(row.values())[1:] for row in rows}
    told = {
        reference: (posted["id"], posted["document_no"], len(posted["lines"]), 1)
        for reference, posted in clerks.posted.items()
    }
    return [each for each in stored.keys() | told.keys() if stored.get(each) != told.get(each)]


async def _spoilt(site: Site) -> list[str]:
    """Spoil a row for each invariant, each in a business of its own; return what is not named."""
    database = Database(site.urls.app, pool_size=1)
    expected: dict[str, set[str]] = {}
    try:
        keys = DerivedKeys.from_secret(SECRET)
        ledgers = [await post_some(database, site.urls.admin, keys) for _ in ONE_FOR_EACH]
    finally:
        await database.close()
    for posted, tampering in zip(ledgers, ONE_FOR_EACH, strict=True):
        if tampering.constraint:
            await site.execute(tampering.without_constraint)
        row = UUID(posted.row(tampering.what))
        await posted.ledger.as_superuser(tampering.statement, row)
        expected[str(posted.ledger.tenant_id)] = posted.expected(tampering.told)
    found = await _check(site)
    return [
        f"{tenant_id}: {found.get(tenant_id)}, expected {expected.get(tenant_id)}"
        for tenant_id in found.keys() | expected.keys()
        if found.get(tenant_id) != expected.get(tenant_id)
    ]
