"""R7: documents of many items, each client taking them in another order, two ways at once."""

import asyncio
from collections import Counter
from random import Random
from typing import Final

from tests.altered_function import ENTER, HOLDS, altering
from tests.recomputed import unconserved_items, wrong_accounts
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site, client
from tests.reliability.stocking import LEVELS, Stock, document, line, take_stock

NO_DEADLOCK: Final = "PostgreSQL finds no deadlock"
ALL_THROUGH: Final = "every client is answered that its document is posted"
WHERE_IT_SHOULD: Final = "everything is where the documents put it, and nothing is lost"

_EACH: Final = 10_000

# A deadlock is seen after this time: long before anybody gives up waiting for a lock.
_LOOK_EARLY: Final = """
    DO $$ BEGIN
        EXECUTE format($command$
            ALTER ROLE sokho_app IN DATABASE %I SET deadlock_timeout = '50ms'
        $command$, current_database());
    END $$
"""

# Some of a document's locks at a time, in no order.
_WITHOUT_ORDER: Final = (
    altering(ENTER, HOLDS, "ORDER BY random() FOR UPDATE"),
    altering(ENTER, "held := held ||", "PERFORM pg_sleep(0.002); held := held ||"),
)


async def opposite_transfers(
    site: Site,
    *,
    items: int,
    documents: int,
    clients: int,
    seed: int,
    workers: int = 2,
    in_order: bool = True,
    stocktakes: int = 0,
) -> Outcome:
    """Have `clients` transfer all of `items`, `documents` times each, in orders of their own.

    Not `in_order`, balances are locked one after the other, as chance has it. Meanwhile both
    places take stock, `stocktakes` times, and find one piece more of each item.
    """
    business = await site.business()
    await site.execute(_LOOK_EARLY)
    if not in_order:
        await site.execute(*_WITHOUT_ORDER)
    statuses: Counter[int] = Counter()
    async with (
        site.serving(workers=workers) as service,
        client(service, business, connections=clients) as http,
    ):
        goods = await Stock.opened(http, items=items)
        await goods.receive(http, _EACH, goods.here, goods.there)
        gone = {goods.here: 0, goods.there: 0}

        async def transfer(number: int) -> None:
            chance = Random(seed * 1_000 + number)
            ends = (goods.here, goods.there) if number % 2 else (goods.there, goods.here)
            for _ in range(documents):
                order = chance.sample(goods.items, items)
                lines = (line(item, number + 1, *ends) for item in order)
                answer = await document("transfer", *lines).send_until_done(http)
                statuses[answer.status_code] += 1
                if answer.status_code == 201:
                    gone[ends[0]] += number + 1

        found = {goods.here: 0, goods.there: 0}

        async def find_more(place: str) -> None:
            for _ in range(stocktakes):
                found[place] += await take_stock(http, place)

        await asyncio.gather(
            *(transfer(number) for number in range(clients)),
            find_more(goods.here),
            find_more(goods.there),
        )
        levels = (await http.get(f"{LEVELS}?limit=500")).json()
    moved = gone[goods.here] - gone[goods.there]
    expected = {
        goods.here: _EACH - moved + found[goods.here],
        goods.there: _EACH + moved + found[goods.there],
    }
    astray = [row for row in levels if row["on_hand"] != str(expected[row["location_id"]])]
    [[deadlocks]] = await site.fetch(
        "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
    )
    async with site.admin() as admin:
        wrong = await wrong_accounts(admin, business.tenant_id)
        unconserved = await unconserved_items(admin, business.tenant_id)
    return Outcome(
        figures={
            "items_of_a_document": items,
            "clients": clients,
            "documents": sum(statuses.values()),
            **{f"status_{status}": number for status, number in sorted(statuses.items())},
            **({"stocktakes": sum(found.values())} if stocktakes else {}),
            "deadlocks": deadlocks,
            "levels_astray": len(astray),
            "wrong_accounts": len(wrong),
        },
        promises={
            NO_DEADLOCK: deadlocks == 0,
            ALL_THROUGH: statuses == {201: clients * documents}
            and {*found.values()} == {stocktakes},
            WHERE_IT_SHOULD: len(levels) == 2 * items and [astray, wrong, unconserved] == [[]] * 3,
        },
    )
