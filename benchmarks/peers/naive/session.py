"""The engine, the models' base, and a session for each request, with the tenant bound."""

import os
from collections.abc import AsyncIterator
from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends, Header
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

_ENGINE: Final = create_async_engine(
    make_url(os.environ["BENCHMARK_DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=int(os.environ["BENCHMARK_POOL_SIZE"]),
    max_overflow=0,
)
_SESSIONS: Final = async_sessionmaker(_ENGINE, expire_on_commit=False)


class Base(DeclarativeBase):
    """The models' base."""


async def get_current_tenant(x_tenant_id: Annotated[UUID, Header()]) -> UUID:
    """Believe the header."""
    return x_tenant_id


CurrentTenant = Annotated[UUID, Depends(get_current_tenant)]


async def get_session(tenant_id: CurrentTenant) -> AsyncIterator[AsyncSession]:
    """Yield the request's session, with the tenant bound.

    The specification has ``SET LOCAL app.current_tenant = :tenant_id``, which is a syntax
    error: SET takes no parameters. The function of the same effect does.
    """
    async with _SESSIONS() as session:
        await session.execute(
            text("SELECT set_config('app.current_tenant', :tenant_id, true)"),
            {"tenant_id": str(tenant_id)},
        )
        yield session


CurrentSession = Annotated[AsyncSession, Depends(get_session)]
