"""Services of a test's own, to break, to watch, or to run with other settings."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeAlias

import asyncpg
import httpx2
import pytest
from fastapi import FastAPI

from sokho.app import create_app
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.secrets import DerivedKeys
from tests.api.premises import Premises
from tests.conftest import (
    OPERATOR_KEY,
    Business,
    a_key_with,
    client_of,
    close,
    settings_for,
)

ClientWith: TypeAlias = Callable[..., Awaitable[httpx2.AsyncClient]]


@pytest.fixture
async def fresh_app(urls: DatabaseUrls) -> AsyncIterator[FastAPI]:
    """A service that remembers nobody yet, with two connections at most."""
    app = create_app(settings_for(urls, pool_size=2))
    yield app
    await close(app)


@pytest.fixture
async def operator(fresh_app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client that holds the operator's key."""
    async with client_of(fresh_app, OPERATOR_KEY) as client:
        yield client


@pytest.fixture
def client_with(app: FastAPI, business: Business, derived_keys: DerivedKeys) -> ClientWith:
    """Return the maker of clients of `business` whose key holds some scopes only."""

    async def make(*scopes: Scope) -> httpx2.AsyncClient:
        key = await a_key_with(app.state.database, derived_keys, business.tenant_id, *scopes)
        return client_of(app, key)

    return make


@pytest.fixture
async def premises(app: FastAPI, business: Business, urls: DatabaseUrls) -> AsyncIterator[Premises]:
    """A business with one of everything, for whoever means it no good."""
    connection = await asyncpg.connect(urls.app)
    yield await Premises.opened(app, business, connection)
    await connection.close()
