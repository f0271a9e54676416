"""What tests of reservations do: promise goods of a store, over HTTP and past it."""

from typing import Any, Final
from uuid import uuid4

import httpx2

from tests.api.stocked import Line, Store
from tests.conftest import Business

RESERVATIONS: Final = "/v1/stock/reservations"
HOUR: Final = 3_600


async def asked(
    business: Business, *lines: Line, seconds: int = HOUR, key: str | None = None
) -> httpx2.Response:
    """Ask for a reservation, with a key of its own if none is given, and return the answer."""
    body = {"lines": [*lines], "expires_in_seconds": seconds}
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await business.http.post(RESERVATIONS, json=body, headers=headers)


def a_line(store: Store, quantity: str, **fields: Any) -> Line:
    """Return a line of the store's item, from here."""
    return {"item_id": store.item_id, "quantity": quantity, "location_id": store.here} | fields


async def reserved(store: Store, quantity: str, *, seconds: int = HOUR, **fields: Any) -> Any:
    """Reserve some of the item here, and return what it became."""
    answer = await asked(store.business, a_line(store, quantity, **fields), seconds=seconds)
    assert answer.status_code == 201, answer.text
    return answer.json()


async def act(
    business: Business, id: str, action: str, body: object = None, key: str | None = None
) -> httpx2.Response:
    """Confirm, release or extend a reservation, and return the answer."""
    headers = {"Idempotency-Key": key or str(uuid4())}
    return await business.http.post(f"{RESERVATIONS}/{id}/{action}", json=body, headers=headers)


async def level(store: Store, location_id: str | None = None) -> tuple[str, str, str]:
    """Return what is on hand of the item, here or elsewhere, reserved and available."""
    answer = await store.http.get(
        "/v1/stock/levels",
        params={"item_id": store.item_id, "location_id": location_id or store.here},
    )
    [row] = answer.json()
    return row["on_hand"], row["reserved"], row["available"]
