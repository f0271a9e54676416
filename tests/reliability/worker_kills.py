"""R4: worker processes are killed (SIGKILL) before a commit, right after it, and at random."""

import asyncio
import os
import signal
from collections import Counter
from itertools import count
from random import Random
from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome
from tests.reliability.posts import REPLAYED, Answered, Post, effects
from tests.reliability.sites import Site, client
from tests.reliability.waiting import until
from tests.reliability.withholding_proxy import AFTER_COMMIT, BEFORE_COMMIT, WithholdingProxy

ONCE: Final = "whatever is sent again with its key is done exactly once"
TOLD: Final = "its client is told so in the end"
AT_THE_POINT: Final = "it is not there when a worker dies before the commit, and is after it"

_CLIENTS: Final = 8

# Else what is held up may be the commit of the key's last use.
_JUST_USED: Final = "UPDATE api_keys SET last_used_at = now() + interval '1 day'"


async def worker_kills(
    site: Site, *, kills: int, random_kills: int, seed: int, with_key: bool = True
) -> Outcome:
    """Kill a worker `kills` times at each point of a POST, and `random_kills` times under load.

    Every client sends again until it is answered; not `with_key`, as if it had sent nothing
    before.
    """
    business = await site.business()
    await site.execute(_JUST_USED)
    async with WithholdingProxy.to(site.urls.app) as (proxy, url):
        through = {
            "SOKHO_DATABASE_URL": url,
            "SOKHO_WORKER_DATABASE_URL": site.urls.worker,
            "SOKHO_POOL_SIZE": "5",
        }
        async with (
            site.serving(workers=2, settings=through) as service,
            client(service, business) as http,
        ):
            await http.get("/v1/items")  # so that the key is known
            answers: list[Answered] = []
            missed = 0
            for point in (BEFORE_COMMIT, AFTER_COMMIT):
                for turn in range(kills):
                    post = Post.number(10 * len(answers) + turn, with_key=with_key)
                    proxy.hold(point, post.commits)
                    sending = asyncio.create_task(post.send_until_done(http))
                    handling = await proxy.held()
                    is_there = post.name in await effects(site, business)
                    missed += is_there != (point == AFTER_COMMIT)
                    os.kill(handling, signal.SIGKILL)
                    answers.append((post, await sending))
            answers += await _under_load(
                proxy, http, kills=random_kills, chance=Random(seed), with_key=with_key
            )
    made = await effects(site, business)
    times = Counter(made.get(post.name, 0) for post, _ in answers)
    return Outcome(
        figures={
            "kills_before_commit": kills,
            "kills_after_commit": kills,
            "kills_at_random": random_kills,
            "requests": len(answers),
            "done_once": times[1],
            "done_more_often": sum(times[n] for n in times if n > 1),
            "not_done": times[0],
            "replayed": sum(REPLAYED in answer.headers for _, answer in answers),
        },
        promises={
            ONCE: times[1] == len(answers),
            AT_THE_POINT: missed == 0,
            TOLD: all(answer.status_code == 201 for _, answer in answers),
        },
    )


async def _under_load(
    proxy: WithholdingProxy,
    http: httpx2.AsyncClient,
    *,
    kills: int,
    chance: Random,
    with_key: bool,
) -> list[Answered]:
    """Kill any worker at any moment while others go on sending."""
    answers: list[Answered] = []
    over = False
    numbers = count(100_000)

    async def send() -> None:
        while not over:
            post = Post.number(next(numbers), with_key=with_key)
            answers.append((post, await post.send_until_done(http)))

    sending = asyncio.gather(*(send() for _ in range(_CLIENTS)))
    for _ in range(kills):
        goal = len(answers) + _CLIENTS

        async def went_on(goal: int = goal) -> bool:
            return len(answers) >= goal

        await until(went_on)
        await asyncio.sleep(chance.uniform(0, 0.2))
        # Those that have just gone on have connections.
        alive = [pid for pid, connections in proxy.workers.items() if connections]
        os.kill(chance.choice(alive), signal.SIGKILL)
    over = True
    await sending
    return answers
