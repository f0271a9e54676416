"""What a business of this suite has: a row in every tenant table, two where a list goes on."""

import httpx2

from tests.sealing.parties import Party


async def stock(http: httpx2.AsyncClient, party: Party) -> None:
    """Give a new business its rows, each text of which is the party's own."""
    unit, case, crate = (party.text(name) for name in ("unit", "case", "crate"))
    item = {
        **{field: party.text(field) for field in ("sku", "name", "description", "barcode")},
        "unit": unit,
        "tags": [party.text("tag")],
        "attributes": {party.text("attribute"): party.text("value")},
    }
    other = {"sku": party.text("othersku"), "name": party.text("othername")}
    key = party.text("key")

    for code in (unit, case, crate):
        await _send(http, party, "POST", "/v1/units", {"code": code, "name": party.text("name")})
    made = await _send(http, party, "POST", "/v1/items", item, key=key)
    party.item_id = made.json()["id"]
    made = await _send(http, party, "POST", "/v1/items", other)
    party.kept_item_id = made.json()["id"]
    for item_id, other_unit in (
        (party.item_id, case),
        (party.item_id, crate),
        (party.kept_item_id, case),
    ):
        path = f"/v1/items/{item_id}/conversions/{other_unit}"
        await _send(http, party, "PUT", path, {"numerator": 24})

    place = {"code": party.text("warehouse"), "name": party.text("name"), "kind": "warehouse"}
    made = await _send(http, party, "POST", "/v1/locations", place)
    party.warehouse_id = made.json()["id"]
    for code in (party.text("shelf"), unit):  # a body's `code` is a unit's or a location's
        place = {"code": code, "name": party.text("name"), "kind": "bin"}
        place["parent_id"] = party.warehouse_id
        made = await _send(http, party, "POST", "/v1/locations", place)
        party.shelf_id, party.location_id = party.location_id, made.json()["id"]

    await _documents(http, party)
    await _counts(http, party)
    await _promises(http, party)

    for name in ("tills", "stockroom"):
        granted = {"name": party.text(name), "role": "owner"}
        made = await _send(http, party, "POST", "/v1/api-keys", granted)
    party.key_id = made.json()["id"]

    versioned = (
        f"/v1/items/{party.item_id}",
        f"/v1/units/{unit}",
        f"/v1/locations/{party.location_id}",
    )
    for change in range(2, party.version + 1):
        for path in versioned:
            await _send(http, party, "PATCH", path, {"name": party.text(f"name{change}")})


async def _documents(http: httpx2.AsyncClient, party: Party) -> None:
    """Post three receipts, the second of which is left as it is, a transfer and a reversal."""
    shelf = {"item_id": party.kept_item_id, "to_location_id": party.shelf_id}
    moved = shelf | {"from_location_id": party.shelf_id, "to_location_id": party.warehouse_id}
    told = {
        "document_no": party.text("documentno"),
        "external_ref": party.text("ref"),
        "note": party.text("note"),
    }
    path = "/v1/stock/transactions"
    for number, document in enumerate(
        (
            # Of a month that is over, so that there is a sum of it.
            {
                "type": "receipt",
                "effective_at": "2020-01-31T12:00:00Z",
                "lines": [shelf | {"quantity": "70"}],
            },
            {"type": "receipt", "lines": [shelf | {"quantity": "90"}], **told},
            # Late: dated before the one above.
            {
                "type": "receipt",
                "effective_at": "2020-02-29T12:00:00Z",
                "lines": [shelf | {"quantity": "5"}],
            },
            {"type": "transfer", "lines": [moved | {"quantity": "1"}]},
        )
    ):
        key = party.text(f"stock{number}")
        made = await _send(http, party, "POST", path, document, key=key)
        if "note" in document:
            party.transaction_id = made.json()["id"]
    key = party.text("reversal")
    await _send(http, party, "POST", f"{made.headers['location']}/reverse", {}, key=key)


async def _counts(http: httpx2.AsyncClient, party: Party) -> None:
    """Open a stocktake of the shelf, which stays open, and one of the warehouse."""
    path = "/v1/stock/counts"
    for place in (party.warehouse_id, party.shelf_id):
        opened = {"location_id": place, "note": party.text("note")}
        made = await _send(http, party, "POST", path, opened, key=party.text(f"count{place}"))
        party.count_id = made.json()["id"]
    third = {"sku": party.text("countedsku"), "name": party.text("countedname")}
    found = (await _send(http, party, "POST", "/v1/items", third)).json()["id"]
    counted = {"lines": [{"item_id": id, "quantity": "500"} for id in (party.kept_item_id, found)]}
    lines = f"{path}/{party.count_id}/lines"
    await _send(http, party, "POST", lines, counted, key=party.text("counted"))


async def _promises(http: httpx2.AsyncClient, party: Party) -> None:
    """Reserve some of the goods, twice, and say how many should be there."""
    line = {"item_id": party.kept_item_id, "location_id": party.shelf_id, "quantity": "2"}
    for number in range(2):
        reservation = {"lines": [line], "expires_in_seconds": 86_400}
        key = party.text(f"reservation{number}")
        path = "/v1/stock/reservations"
        made = await _send(http, party, "POST", path, reservation, key=key)
        party.reservation_id = made.json()["id"]
    path = f"/v1/stock/minimums/{party.kept_item_id}/{party.shelf_id}"
    await _send(http, party, "PUT", path, {"minimum": "77"})


async def _send(
    http: httpx2.AsyncClient,
    party: Party,
    method: str,
    path: str,
    body: object,
    *,
    key: str | None = None,
) -> httpx2.Response:
    headers = {
        "Authorization": f"Bearer {party.api_key}",
        "If-Match": "*",
        "Sokho-Actor": party.text("actor"),
    }
    if key is not None:
        headers["Idempotency-Key"] = key
    answer = await http.request(method, path, json=body, headers=headers)
    assert answer.is_success, f"{method} {path}: {answer.text}"
    return answer
