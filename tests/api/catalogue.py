"""What tests of several resources do first: make an item, and look at it again."""

from typing import Any, Final

from tests.conftest import Business

MERGE_PATCH: Final = "application/merge-patch+json"


async def an_item_of(business: Business, sku: str = "A", **fields: Any) -> str:
    """Make an item and return its address."""
    answer = await business.http.post("/v1/items", json={"sku": sku, "name": sku} | fields)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def shown(business: Business, url: str) -> Any:
    """Return what an address shows."""
    answer = await business.http.get(url)
    assert answer.status_code == 200, answer.text
    return answer.json()
