"""A business with one of everything, called as a server calls the service: with any bytes."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final
from urllib.parse import quote, unquote
from uuid import UUID, uuid4

import asyncpg
import httpx2
from fastapi import FastAPI
from starlette.types import Message

from sokho.core.infrastructure.database import metadata
from sokho.core.infrastructure.database.statements import TENANT_SETTING
from sokho.modules.items.domain.service import ItemService
from sokho.modules.items.infrastructure.postgres_repo import PostgresItemRepo
from sokho.modules.locations.domain.entities import LocationKind
from sokho.modules.locations.domain.service import LocationService
from sokho.modules.locations.infrastructure.postgres_repo import PostgresLocationRepo
from tests.api.documented import EXAMPLES, Documented, sample
from tests.api.problems import problem_of
from tests.api.reserved import asked
from tests.api.stocked import posted
from tests.conftest import OPERATOR_KEY, Business

Headers = Iterable[tuple[bytes, bytes]]

_DIGESTS: Final = ", ".join(
    f"(SELECT md5(string_agg(row::text, ' ' ORDER BY row::text)) FROM {table} AS row) AS {table}"
    for table in metadata.tables.keys() - {"chores"}
)

LOCATION: Final = {"code": "K", "name": "Kho", "kind": "warehouse"}
ITEM: Final = {"sku": "S", "name": "N", "tags": ["t"], "attributes": {"k": {"n": 1}}}

MINIMUM: Final = "/v1/stock/minimums/{item_id}/{location_id}"
KEPT: Final = {"item_id": EXAMPLES["item_id"], "location_id": EXAMPLES["to_location_id"]}
"""The item and the location that have stock: those can no longer be deleted, and these can."""


@dataclass(frozen=True)
class Premises:
    """What a hostile caller finds: the service, a key to a business, and something in it.

    What is the operator's is called with the operator's key.
    """

    app: FastAPI
    key: str
    connection: "asyncpg.Connection[asyncpg.Record]"
    places: dict[str, str]
    """What stands for each parameter of a path; a new one has to be made in `opened`."""
    stored: dict[str, object] = field(default_factory=dict)
    """What `rows` returned at first."""

    @classmethod
    async def opened(
        cls, app: FastAPI, business: Business, connection: "asyncpg.Connection[asyncpg.Record]"
    ) -> "Premises":
        """Put one of everything into a business."""
        await connection.execute(
            f"SELECT set_config('{TENANT_SETTING}', $1, false)", str(business.tenant_id)
        )
        item = (await business.http.post("/v1/items", json=ITEM)).headers["location"]
        made = await business.http.put(f"{item}/conversions/thùng", json={"numerator": 12})
        assert made.status_code == 201
        key = await business.http.post("/v1/api-keys", json={"name": "K", "role": "owner"})
        location = (await business.http.post("/v1/locations", json=LOCATION)).headers["location"]
        # What the document shows as a parent, and as where goods go to, is there.
        for name in ("parent_id", "to_location_id"):
            async with app.state.database.transaction(business.tenant_id) as tx:
                shown = LocationService(
                    PostgresLocationRepo(tx), tx, make_id=partial(UUID, EXAMPLES[name])
                )
                await shown.create(business.tenant_id, name, "Kho", LocationKind.WAREHOUSE)
        async with app.state.database.transaction(business.tenant_id) as tx:
            items = ItemService(
                PostgresItemRepo(tx), tx, make_id=partial(UUID, EXAMPLES["item_id"])
            )
            await items.create(business.tenant_id, "N", sku="shown", unit=EXAMPLES["unit"])
        line = {"sku": "shown", "quantity": "1", "to_location_id": EXAMPLES["to_location_id"]}
        document = await posted(business, "receipt", line)
        # Before any date that the document shows.
        old = {"effective_at": "2025-01-01T00:00:00Z"}
        await posted(business, "receipt", line | {"quantity": "1000"}, **old)
        kept = {"sku": "shown", "quantity": "500", "location_id": EXAMPLES["to_location_id"]}
        reservation = await asked(business, kept, seconds=600)
        made = await business.http.put(MINIMUM.format(**KEPT), json={"minimum": "7"})
        assert made.status_code == 201
        count = await business.http.post(
            "/v1/stock/counts",
            json={"location_id": location.rpartition("/")[2]},
            headers={"Idempotency-Key": "stocktake"},
        )
        assert count.status_code == 201
        places = {
            "count_id": count.json()["id"],
            "transaction_id": document["id"],
            "reservation_id": reservation.json()["id"],
            "location_id": location.rpartition("/")[2],
            "item_id": item.rpartition("/")[2],
            "code": "kg",
            "unit": "thùng",
            "key_id": key.json()["id"],
            "tenant_id": str(business.tenant_id),
        }
        premises = cls(app, business.api_key, connection, places)
        premises.stored.update(await premises.rows())
        assert premises.stored["items"]
        return premises

    async def refuses(
        self,
        operation: Documented,
        status: int,
        code: str,
        body: str | bytes = b"",
        /,
        **given: Any,
    ) -> dict[str, Any]:
        """Call an operation, which refuses as told and writes nothing; return the problem."""
        if operation.media_types and not body:
            body = json.dumps(sample(operation.body))
        try:
            answer = await self.call(operation, body, **given)
            problem = problem_of(answer, status, code)
            assert await self.rows() == self.stored
        except AssertionError as error:
            error.add_note(f"{operation} {body[:500]!r} {given!s:.500}")
            raise
        assert code in operation.codes(status)
        return problem

    def path_of(self, operation: Documented, **places: str) -> str:
        """Return the path of something that exists, but for `places`, written as in a URL."""
        there = self.places | (KEPT if operation.path == MINIMUM else {})
        return operation.path.format(
            **{name: quote(value, safe="") for name, value in there.items()} | places
        )

    async def call(
        self,
        operation: Documented,
        body: str | bytes = b"",
        *,
        chunks: Iterable[bytes] = (),
        query: str | bytes = b"",
        headers: Headers = (),
        **places: str,
    ) -> httpx2.Response:
        """Call an operation as is right, but for what is given."""
        given = dict(headers)
        right = {b"if-match": b"*"} if operation.parameters("header").get("If-Match") else {}
        if "Idempotency-Key" in operation.required("header"):
            right[b"idempotency-key"] = str(uuid4()).encode()
        query = query.encode() if isinstance(query, str) else query
        for name in operation.required("query"):
            if f"{name}=".encode() not in query:
                query = f"{name}={self.places[name]}&".encode() + query
        if operation.media_types:
            right[b"content-type"] = operation.media_types[0].encode()
        return await self.send(
            operation.method,
            self.path_of(operation, **places),
            chunks or [body.encode() if isinstance(body, str) else body],
            query=query,
            headers=[*((k, v) for k, v in right.items() if k not in given), *headers],
        )

    async def send(
        self,
        method: str,
        path: str,
        chunks: Iterable[bytes] = (b"",),
        *,
        query: bytes = b"",
        headers: Headers = (),
    ) -> httpx2.Response:
        """Call the service as uvicorn does; the headers are sent as they are."""
        names = {name for name, _ in headers}
        known = OPERATOR_KEY if path.startswith("/v1/admin/") else self.key
        key = [] if b"authorization" in names else [(b"authorization", f"Bearer {known}".encode())]
        scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode("ascii"),
            "query_string": query,
            "root_path": "",
            "headers": [*key, *headers],
        }
        waiting = [*chunks]
        sent: list[Message] = []

        async def receive() -> Message:
            chunk = waiting.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return httpx2.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)

    async def foresees(self, operation: Documented, answer: httpx2.Response) -> None:
        """Hold an answer to the document: a refusal is one of those told, and wrote nothing."""
        status = answer.status_code
        if operation.succeeds_with(status):
            if operation.method != "GET":
                self.stored.update(await self.rows())
            if operation.path.endswith("/rotate"):
                self.places["key_id"] = answer.json()["id"]  # the old one has no successor more
            return
        assert 400 <= status < 500, (status, answer.text)
        code = answer.json()["code"]
        assert code in operation.codes(status), (status, code)
        problem_of(answer, status, code)
        assert await self.rows() == self.stored

    async def rows(self) -> dict[str, object]:
        """Return a digest of what is stored of the business, by table."""
        found = await self.connection.fetchrow(f"SELECT {_DIGESTS}")
        assert found is not None
        return dict(found)
