"""What tests of several resources do first: make a thing, and look at it again."""

from typing import Any, Final

from tests.conftest import Business

MERGE_PATCH: Final = "application/merge-patch+json"


async def an_item_of(business: Business, sku: str = "A", **fields: Any) -> str:
    """Make an item and return its address."""
    answer = await business.http.post("/v1/items", json={"sku": sku, "name": sku} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def a_location_of(
    business: Business, code: str, parent: str | None = None, **given: Any
) -> str:
    """Make a location, a warehouse without `parent`, and return its address."""
    place = {"kind": "warehouse"} if parent is None else {"kind": "bin", "parent_id": id_of(parent)}
    body = {"code": code, "name": f"Tên {code}"} | place
    answer = await business.http.post("/v1/locations", json=body | given)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


def id_of(url: str) -> str:
    """Return the id at the end of an address."""
    return url.rpartition("/")[2]


async def shown(business: Business, url: str) -> Any:
    """Return what an address shows."""
    answer = await business.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()
