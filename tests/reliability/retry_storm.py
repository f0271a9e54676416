"""R5: every client of a storm sends the same requests at once, again and again."""

import asyncio
from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome
from tests.reliability.posts import REPLAYED, Post, content, effects, is_in_use
from tests.reliability.sites import Site, client

ONE_EFFECT: Final = "each key has one effect"
SAME_ANSWER: Final = "each success of a key is the same to the byte, all but one as a replay"
OTHERS_TOLD: Final = "each other answer is 409 idempotency_key_in_use"

_KEYS_AT_ONCE: Final = 4


async def retry_storm(
    site: Site, *, keys: int, sends: int, workers: int = 2, with_key: bool = True
) -> Outcome:
    """Send `keys` requests `sends` times each at once, and each once more when that is over."""
    business = await site.business()
    posts = [Post.number(number, with_key=with_key) for number in range(keys)]
    answers: list[list[httpx2.Response]] = []
    turn = asyncio.Semaphore(_KEYS_AT_ONCE)
    async with (
        site.serving(workers=workers) as service,
        client(service, business, connections=_KEYS_AT_ONCE * sends) as http,
    ):

        async def storm(post: Post) -> None:
            async with turn:
                answers.append(await asyncio.gather(*(post.send(http) for _ in range(sends))))
                answers[-1].append(await post.send(http))

        await asyncio.gather(*(storm(post) for post in posts))
    made = await effects(site, business)
    done = [[each for each in one if each.is_success] for one in answers]
    refused = [each for one in answers for each in one if not each.is_success]
    replays = [sum(REPLAYED in each.headers for each in one) for one in done]
    different = [len({content(each) for each in one}) for one in done]
    in_use = sum(map(is_in_use, refused))
    return Outcome(
        figures={
            "keys": keys,
            "sends": keys * (sends + 1),
            "effects": sum(made.values()),
            "replays": sum(replays),
            "keys_with_different_answers": sum(number > 1 for number in different),
            "in_use": in_use,
            "other_answers": len(refused) - in_use,
        },
        promises={
            ONE_EFFECT: made == {post.name: 1 for post in posts},
            SAME_ANSWER: different == [1] * keys and replays == [len(one) - 1 for one in done],
            OTHERS_TOLD: len(refused) == in_use,
        },
    )
