"""R1: everybody wants the same item at once, and there is less of it than they want."""

import asyncio
from collections import Counter
from itertools import count
from typing import Final

import httpx2

from tests.altered_function import ENTER, HOLDS, altering
from tests.recomputed import wrong_accounts
from tests.reliability.outcomes import Outcome
from tests.reliability.sites import Site, client
from tests.reliability.stocking import Stock, confirmation, document, line, reservation

AS_MANY: Final = "as many succeed as there are pieces"
NOT_OVERSOLD: Final = "no more is issued than was there, and the books agree"
NOBODY_LATER: Final = "nobody is told to come again later"
OTHERS_TOLD: Final = "each other answer is 409 insufficient_stock, and says what is there"

# The lock, and what stands behind it: that nothing is below zero, that numbers are given once.
# And time for others between reading and writing, which take a fraction of a millisecond.
_WITHOUT_GUARDS: Final = (
    "ALTER TABLE stock_balances DROP CONSTRAINT stock_balances_reserved_check",
    "DROP INDEX stock_moves_tenant_id_from_account_from_seq_idx",
    altering(ENTER, HOLDS, ""),
    altering(ENTER, "    IF posts AND", "    PERFORM pg_sleep(0.01);\n    IF posts AND"),
)


async def hot_item(
    site: Site,
    *,
    stock: int,
    requests: int,
    clients: int,
    workers: int = 2,
    guarded: bool = True,
    promising: bool = False,
) -> Outcome:
    """Ask `requests` times for one piece of `stock`, from `clients` at once.

    Not `guarded`, balances are read without a lock and checked by no constraint. `promising`,
    every other one reserves its piece, and then has it issued.
    """
    business = await site.business()
    if not guarded:
        await site.execute(*_WITHOUT_GUARDS)
    answers: list[httpx2.Response] = []
    later = confirmed = 0
    async with (
        site.serving(workers=workers) as service,
        client(service, business, connections=clients) as http,
    ):
        goods = await Stock.opened(http, items=1)
        await goods.receive(http, stock, goods.here)
        numbers = count()

        async def ask() -> None:
            nonlocal later, confirmed
            while (number := next(numbers)) < requests:
                promises = promising and number % 2
                post = document("issue", line(goods.items[0], 1, goods.here))
                if promises:
                    post = reservation(goods.items[0], 1, goods.here)
                answer = await post.send(http)
                if answer.status_code == 503:
                    later += 1
                    answer = await post.send_until_done(http)
                answers.append(answer)
                if promises and answer.status_code == 201:
                    issued = await confirmation(answer.json()["id"]).send_until_done(http)
                    confirmed += issued.status_code == 200

        await asyncio.gather(*(ask() for _ in range(clients)))
    async with site.admin() as admin:
        [issued, left] = await admin.fetchrow(
            "SELECT (SELECT coalesce(sum(quantity), 0) FROM stock_moves WHERE tenant_id = $1"
            " AND from_seq IS NOT NULL), (SELECT sum(on_hand) FROM stock_balances"
            " WHERE tenant_id = $1)",
            business.tenant_id,
        ) or (0, 0)
        wrong = await wrong_accounts(admin, business.tenant_id)
    statuses = Counter(answer.status_code for answer in answers)
    short = [answer for answer in answers if _is_shortage(answer)]
    return Outcome(
        figures={
            "pieces": stock,
            "requests": len(answers),
            "clients": clients,
            **{f"status_{status}": number for status, number in sorted(statuses.items())},
            "told_to_come_later": later,
            **({"reserved_and_issued": confirmed} if promising else {}),
            "issued": int(issued),
            "oversold": max(int(issued) - stock, 0),
            "left": int(left),
            "wrong_accounts": len(wrong),
        },
        promises={
            AS_MANY: statuses[201] == stock,
            NOT_OVERSOLD: issued <= stock and issued + left == stock and wrong == [],
            NOBODY_LATER: later == 0,
            OTHERS_TOLD: len(short) == len(answers) - statuses[201],
        },
    )


def _is_shortage(answer: httpx2.Response) -> bool:
    if answer.status_code != 409:
        return False
    problem = answer.json()
    if problem["code"] != "insufficient_stock":
        return False
    [fault] = problem["errors"]
    return (fault["requested"], fault["available"]) == ("1", "0")
