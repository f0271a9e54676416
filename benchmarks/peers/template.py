"""Items in the shape of FastAPI's full-stack template: synchronous SQLModel on psycopg, JWT.

Written anew after its shape: a session a request, the caller from the token and then from the
database, `session.get`, lists with a count and an offset, `response_model`. Where the template
commits and then refreshes it is the other way round: by then the tenant is not bound any more.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import jwt
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException
from fastapi.security import OAuth2PasswordBearer
from pydantic import BaseModel, ValidationError
from sqlalchemy import Column, DateTime, Text, make_url, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field, Session, SQLModel, col, create_engine, func, select

_SECRET: Final = os.environ["BENCHMARK_SECRET"]
_ENGINE: Final = create_engine(
    make_url(os.environ["BENCHMARK_DATABASE_URL"]).set(drivername="postgresql+psycopg"),
    pool_size=int(os.environ["BENCHMARK_POOL_SIZE"]),
    max_overflow=0,
)
_NOT_FOUND: Final = "Item not found"


class TokenPayload(BaseModel):
    """What stands in a token."""

    sub: UUID


class Tenant(SQLModel, table=True):
    """A business: it takes the part that users have in the template."""

    __tablename__ = "tenants"

    id: UUID = Field(primary_key=True)
    name: str
    state: str


class ItemCreate(SQLModel):
    """A new item."""

    sku: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    unit: str = "cái"
    barcode: str | None = None
    tags: list[str] = []
    attributes: dict[str, Any] = {}


class ItemUpdate(SQLModel):
    """What is to become of an item."""

    name: str | None = Field(default=None, min_length=1, max_length=255)
    description: str | None = None
    unit: str | None = None
    barcode: str | None = None
    tags: list[str] | None = None
    attributes: dict[str, Any] | None = None


class Item(SQLModel, table=True):
    """A row of the items table."""

    __tablename__ = "items"

    tenant_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    sku: str
    sku_key: str
    name: str
    description: str | None = None
    unit: str
    barcode: str | None = None
    status: str = "active"
    tags: list[str] = Field(sa_column=Column(ARRAY(Text)))
    attributes: dict[str, Any] = Field(sa_column=Column(JSONB))
    version: int = 1
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True)))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True)))


class ItemPublic(ItemCreate):
    """An item."""

    id: UUID
    tenant_id: UUID
    status: str
    version: int
    created_at: datetime
    updated_at: datetime


class ItemsPublic(SQLModel):
    """A page of items, and how many there are."""

    data: list[ItemPublic]
    count: int


def get_db() -> Iterator[Session]:
    """Yield the request's session."""
    with Session(_ENGINE, expire_on_commit=False) as session:
        yield session


SessionDep = Annotated[Session, Depends(get_db)]
TokenDep = Annotated[str, Depends(OAuth2PasswordBearer(tokenUrl="/login/access-token"))]


def get_current_tenant(session: SessionDep, token: TokenDep) -> Tenant:
    """Return who is calling, and bind the session to them."""
    try:
        payload = TokenPayload(**jwt.decode(token, _SECRET, algorithms=["HS256"]))
    except (jwt.InvalidTokenError, ValidationError):
        raise HTTPException(403, "Could not validate credentials") from None
    session.connection().execute(
        text("SELECT set_config('app.current_tenant', :tenant_id, true)"),
        {"tenant_id": str(payload.sub)},
    )
    tenant = session.get(Tenant, payload.sub)
    if tenant is None:
        raise HTTPException(404, "Tenant not found")
    if tenant.state != "active":
        raise HTTPException(400, "Inactive tenant")
    return tenant


CurrentTenant = Annotated[Tenant, Depends(get_current_tenant)]

router = APIRouter(prefix="/v1/items", tags=["items"])


@router.get("", response_model=ItemsPublic)
def read_items(
    session: SessionDep,
    tenant: CurrentTenant,
    status: str | None = None,
    skip: int = 0,
    limit: int = 100,
) -> Any:
    mine = [Item.tenant_id == tenant.id]
    if status is not None:
        mine.append(Item.status == status)
    count = session.exec(select(func.count()).select_from(Item).where(*mine)).one()
    page = select(Item).where(*mine).order_by(col(Item.id)).offset(skip).limit(limit)
    items = [ItemPublic.model_validate(item) for item in session.exec(page).all()]
    return ItemsPublic(data=items, count=count)


@router.get("/{id}", response_model=ItemPublic)
def read_item(session: SessionDep, tenant: CurrentTenant, id: UUID) -> Any:
    item = session.get(Item, (tenant.id, id))
    if item is None:
        raise HTTPException(404, _NOT_FOUND)
    return item


@router.post("", response_model=ItemPublic)
def create_item(session: SessionDep, tenant: CurrentTenant, item_in: ItemCreate) -> Any:
    now = datetime.now(UTC)
    set_here = {"tenant_id": tenant.id, "sku_key": item_in.sku.casefold()}
    item = Item.model_validate(item_in, update={**set_here, "created_at": now, "updated_at": now})
    session.add(item)
    session.flush()
    session.refresh(item)
    session.commit()
    return item


@router.patch("/{id}", response_model=ItemPublic)
def update_item(
    session: SessionDep,
    tenant: CurrentTenant,
    id: UUID,
    item_in: ItemUpdate,
    if_match: Annotated[str, Header()],
) -> Any:
    item = session.get(Item, (tenant.id, id))
    if item is None:
        raise HTTPException(404, _NOT_FOUND)
    if if_match != f'"{item.version}"':
        raise HTTPException(412, "Item has changed")
    set_here = {"version": item.version + 1, "updated_at": datetime.now(UTC)}
    item.sqlmodel_update(item_in.model_dump(exclude_unset=True), update=set_here)
    session.add(item)
    session.flush()
    session.refresh(item)
    session.commit()
    return item


app = FastAPI(title="template")
app.include_router(router)
