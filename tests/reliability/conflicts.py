"""R8: PostgreSQL gives up a transaction: 40001, 40P01, 55P03, planted and real."""

import asyncio
from collections import Counter
from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome
from tests.reliability.planted import attempts, plant, raise_in_inserts
from tests.reliability.sites import Business, Site, client
from tests.reliability.waiting import until
from tests.reliability.writers import ANY_VERSION, ITEMS

NEVER_500: Final = "every answer is a success, 409 or 503, and 503 has Retry-After"
BOUNDED: Final = "what fails each time is tried a few times only"
RETRIED: Final = "what fails once and is safe to try again succeeds unseen"
CONSISTENT: Final = "each success is there with its event, each refusal left nothing"

_MOST_ATTEMPTS: Final = 10
_ALWAYS: Final = 1_000_000

_GIVEN_UP: Final = {"serialization_failure": "40001", "deadlock_detected": "40P01"}
"""By these PostgreSQL asks for another attempt (its manual, section 13.5)."""

_LOCK_NOT_AVAILABLE: Final = "55P03"

_REPEATABLE_READ: Final = """
    DO $$ BEGIN
        EXECUTE format('ALTER ROLE sokho_app IN DATABASE %I SET default_transaction_isolation
                        = ''repeatable read''', current_database());
    END $$
"""


async def conflicts(site: Site, *, writers: int, alteration: str | None = None) -> Outcome:
    """Plant each error once and for good; then bring each about for real.

    `writers` change the same items at once under REPEATABLE READ, where only one of them can.
    """
    business = await site.business()
    await plant(site)
    answers: list[httpx2.Response] = []
    async with (
        site.serving(alteration=alteration) as service,
        client(service, business) as http,
    ):
        once, most = await _planted(site, http, answers)
        await _lock_timeout(site, http, answers)
        await _deadlock(site, http, answers)
    await site.execute(_REPEATABLE_READ)
    async with (
        site.serving(alteration=alteration) as service,
        client(service, business) as http,
    ):
        successes = await _serialization(http, answers, writers)
    versions, events, others = await _stored(site, business)
    statuses = Counter(answer.status_code for answer in answers)
    told = all("retry-after" in each.headers for each in answers if each.status_code == 503)
    return Outcome(
        figures={
            "answers": len(answers),
            **{f"status_{status}": count for status, count in sorted(statuses.items())},
            "most_attempts": most,
            "succeeded_after_one_failure": once,
            "real_serialization_successes": successes,
        },
        promises={
            NEVER_500: told and all(s in {200, 201, 409, 503} for s in statuses),
            BOUNDED: most <= _MOST_ATTEMPTS,
            RETRIED: once == len(_GIVEN_UP),
            CONSISTENT: versions == 1 + successes == 1 + events and others == [],
        },
    )


async def _planted(
    site: Site, http: httpx2.AsyncClient, answers: list[httpx2.Response]
) -> tuple[int, int]:
    """Return how many errors that came once went unseen, and the most attempts at one insert."""
    unseen, most = 0, 0
    for code in (*_GIVEN_UP.values(), _LOCK_NOT_AVAILABLE):
        for times in (1, _ALWAYS):
            await raise_in_inserts(site, code, times=times)
            answer = await http.post(ITEMS, json={"sku": f"{code}-{times}", "name": "Kéo"})
            answers.append(answer)
            unseen += times == 1 and answer.status_code == 201 and code in _GIVEN_UP.values()
            most = max(most, await attempts(site))
    await raise_in_inserts(site, "", times=0)
    return unseen, most


async def _lock_timeout(
    site: Site, http: httpx2.AsyncClient, answers: list[httpx2.Response]
) -> None:
    """Somebody else holds the row for longer than anybody waits: 55P03."""
    made = await http.post(ITEMS, json={"sku": "HELD", "name": "Kéo"})
    async with site.admin() as other, other.transaction():
        await other.execute("SELECT FROM items WHERE sku = 'HELD' FOR UPDATE")
        url = made.headers["location"]
        answers.append(await http.patch(url, json={"name": "Kéo to"}, headers=ANY_VERSION))


async def _deadlock(site: Site, http: httpx2.AsyncClient, answers: list[httpx2.Response]) -> None:
    """Somebody else takes the rows of a batch the other way round: 40P01 for the service."""
    rows = [{"sku": sku, "name": "Kéo"} for sku in ("DEAD-A", "DEAD-B")]
    await http.post(f"{ITEMS}/batch", json={"items": rows})
    hold = "SELECT FROM items WHERE sku = $1 FOR UPDATE"
    async with site.admin() as other, other.transaction():
        # Whoever has waited for a second looks for a deadlock: this must not be the one.
        await other.execute("SET LOCAL deadlock_timeout = '20s'")
        await other.execute(hold, "DEAD-B")
        changed = {"items": [row | {"name": "Kéo to"} for row in rows]}
        waiting = asyncio.create_task(http.post(f"{ITEMS}/batch", json=changed))

        async def waits() -> bool:
            return bool(
                await site.fetch(
                    "SELECT FROM pg_stat_activity WHERE usename = 'sokho_app'"
                    " AND wait_event_type = 'Lock' AND datname = current_database()"
                )
            )

        await until(waits)
        await other.execute(hold, "DEAD-A")
    answers.append(await waiting)


async def _serialization(
    http: httpx2.AsyncClient, answers: list[httpx2.Response], writers: int
) -> int:
    """Return how many of `writers` that change one item at once succeed: others get 40001."""
    url = f"{ITEMS}/batch"
    first = await http.post(url, json={"items": [{"sku": "MANY", "name": "Kéo"}]})
    assert first.status_code == 200, first.text
    bodies = [{"items": [{"sku": "MANY", "name": f"Kéo {n}"}]} for n in range(writers)]
    changed = await asyncio.gather(*(http.post(url, json=body) for body in bodies))
    answers += changed
    return sum(answer.status_code == 200 for answer in changed)


async def _stored(site: Site, business: Business) -> tuple[int, int, list[str]]:
    """Return the version of the item that many changed, its events, and items without one."""
    [item] = await site.fetch(
        "SELECT id::text, version FROM items WHERE sku = 'MANY' AND tenant_id = $1",
        business.tenant_id,
    )
    [events] = await site.fetch(
        "SELECT count(*) FROM events WHERE type = 'item.batch' AND changes->'updated' ? $1",
        item["id"],
    )
    untold = await site.fetch(
        "SELECT sku FROM items WHERE tenant_id = $1 AND NOT EXISTS (SELECT FROM events"
        " WHERE resource_id = items.id::text OR changes->'created' ? items.id::text)",
        business.tenant_id,
    )
    return item["version"], events["count"], [row["sku"] for row in untold]
