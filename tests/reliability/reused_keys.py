"""R6: an ``Idempotency-Key`` comes again with another request, or from another business."""

from typing import Final

import httpx2

from tests.reliability.outcomes import Outcome
from tests.reliability.posts import KEY, REPLAYED, Post, effects
from tests.reliability.sites import Site, client

OTHERS_REFUSED: Final = "another body or path under a key is refused with 422"
NO_EFFECT: Final = "what is refused has no effect"
INDEPENDENT: Final = "the same key of another business is independent"
FREE_AGAIN: Final = "a key whose request was refused is free"


async def reused_keys(site: Site, *, keys: int, other_body: bool = True) -> Outcome:
    """Use each of `keys` again; without `other_body`, for what it was used for before."""
    ours, theirs = await site.business(), await site.business()
    mismatches, expected, independent, freed = 0, 0, 0, 0
    async with (
        site.serving() as service,
        client(service, ours) as http,
        client(service, theirs) as others,
    ):
        for number in range(keys):
            post = Post.number(number)
            first = await post.send(http)
            assert first.status_code == 201, first.text
            for other in _others(post) if other_body else [post]:
                expected += 1
                mismatches += _is_mismatch(await other.send(http))
            answer = await post.send(others)
            independent += answer.status_code == 201 and REPLAYED not in answer.headers
            freed += await _is_freed(http, number)
    made = [await effects(site, business) for business in (ours, theirs)]
    once = {Post.number(number).name: 1 for number in range(keys)}
    freed_items = {f"SF{number}": 1 for number in range(keys)}
    return Outcome(
        figures={
            "keys": keys,
            "other_requests": expected,
            "mismatches": mismatches,
            "independent": independent,
            "freed": freed,
        },
        promises={
            OTHERS_REFUSED: mismatches == expected,
            NO_EFFECT: made[0] == once | freed_items,
            INDEPENDENT: independent == keys and made[1] == once,
            FREE_AGAIN: freed == keys,
        },
    )


def _others(post: Post) -> list[Post]:
    """Return other requests under the key of `post`."""
    changed = post.body | {"name": "S khác"}
    return [
        post._replace(body=changed),
        post._replace(path="/v1/units", body={"code": "Sọt", "name": "Sọt"}),
    ]


def _is_mismatch(answer: httpx2.Response) -> bool:
    return answer.status_code == 422 and answer.json()["code"] == "idempotency_key_mismatch"


async def _is_freed(http: httpx2.AsyncClient, number: int) -> bool:
    """Whether a key takes a good request after a bad one."""
    headers = {KEY: f"free-{number}"}
    bad = await http.post("/v1/items", json={"sku": ""}, headers=headers)
    body = {"sku": f"SF{number}", "name": "Vở"}
    good = await http.post("/v1/items", json=body, headers=headers)
    return (bad.status_code, good.status_code) == (422, 201)
