"""What tests of API keys do first: make keys, and bring them into the states that take time."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import sqlalchemy as sa
from fastapi import FastAPI
from msgspec.structs import replace

from sokho.core.infrastructure.database import TENANT, Statement
from sokho.core.infrastructure.database.events import events
from sokho.modules.api_keys.infrastructure.postgres_repo import PostgresApiKeyRepo
from tests.conftest import Business, client_of

KEYS: Final = "/v1/api-keys"

_TYPES: Final = Statement(
    sa.select(events.c.type)
    .where(events.c.tenant_id == TENANT, events.c.resource_id == sa.bindparam("resource"))
    .order_by(events.c.xid, events.c.id)
)


@dataclass(frozen=True)
class HeldKey:
    """A key of a business, and a client that holds it."""

    id: str
    token: str
    http: httpx2.AsyncClient
    shown: dict[str, Any]
    """What its making answered, but for the secret."""

    @property
    def url(self) -> str:
        return f"{KEYS}/{self.id}"


async def a_key_of(
    app: FastAPI, business: Business, *scopes: str, name: str = "K", **fields: Any
) -> HeldKey:
    """Make a key with the business's first one."""
    granted = {"scopes": list(scopes)} if scopes else {}
    body = {"name": name, **granted, **fields}
    return held(app, await business.http.post(KEYS, json=body))


def held(app: FastAPI, answer: httpx2.Response) -> HeldKey:
    """Return the key that an answer shows."""
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    token = shown.pop("api_key")
    return HeldKey(shown["id"], token, client_of(app, token), shown)


async def bring_to(app: FastAPI, business: Business, key_id: str, **state: Any) -> None:
    """Store a state of a key that only time would bring about."""
    async with app.state.database.transaction(business.tenant_id) as transaction:
        repo = PostgresApiKeyRepo(transaction)
        key = await repo.get_by_id(UUID(key_id))
        assert key is not None
        await repo.update(replace(key, **state))


async def events_of(app: FastAPI, business: Business, resource_id: str) -> list[str]:
    """Return the types of the events of a resource, final or not yet."""
    async with app.state.database.transaction(business.tenant_id, read_only=True) as transaction:
        rows = await transaction.fetch_all(_TYPES, resource=resource_id)
    return [row["type"] for row in rows]


def instant(**ahead: float) -> datetime:
    """Return an instant so far ahead, or behind."""
    return datetime.now(UTC) + timedelta(**ahead)


def seconds_until(text: str) -> float:
    """Return how far ahead an instant of an answer lies."""
    return (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds()
