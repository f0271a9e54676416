"""Items as most FastAPI tutorials build them: an ORM session a request, Pydantic both ways.

The pattern of the specification (`backend-patterns.md`), made to work where it does not.
It is favoured: the tenant is believed as a header says it. Nobody is authenticated, there
are no scopes, no validation beyond types and lengths, no request ids, no logs.
"""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKeyConstraint,
    Numeric,
    Text,
    make_url,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

_ENGINE: Final = create_async_engine(
    make_url(os.environ["BENCHMARK_DATABASE_URL"]).set(drivername="postgresql+asyncpg"),
    pool_size=10,
    max_overflow=0,
)
_SESSIONS: Final = async_sessionmaker(_ENGINE, expire_on_commit=False)


class Base(DeclarativeBase):
    """The models' base."""


class ItemModel(Base):
    """A row of the items table."""

    __tablename__ = "items"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    sku: Mapped[str] = mapped_column(Text)
    sku_key: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    unit: Mapped[str] = mapped_column(Text)
    barcode: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[str]] = mapped_column(ARRAY(Text))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LevelModel(Base):
    """How much of an item is somewhere."""

    __tablename__ = "naive_levels"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    on_hand: Mapped[Decimal] = mapped_column(Numeric(20, 6))


class DocumentModel(Base):
    """A document: what came or went, line by line."""

    __tablename__ = "naive_documents"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lines: Mapped[list["LineModel"]] = relationship(lazy="selectin")


class LineModel(Base):
    """A line of a document."""

    __tablename__ = "naive_lines"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "document_id"], ["naive_documents.tenant_id", "naive_documents.id"]
        ),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    document_id: Mapped[UUID]
    item_id: Mapped[UUID]
    location_id: Mapped[UUID]
    quantity: Mapped[Decimal] = mapped_column(Numeric(20, 6))


class LineCreate(BaseModel):
    """A line of a new document."""

    item_id: UUID
    from_location_id: UUID
    quantity: Decimal = Field(gt=0)


class DocumentCreate(BaseModel):
    """A new document."""

    type: str
    note: str | None = None
    lines: list[LineCreate] = Field(min_length=1, max_length=500)


class LineResponse(BaseModel):
    """A line of a document."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    item_id: UUID
    location_id: UUID
    quantity: Decimal


class DocumentResponse(BaseModel):
    """A document."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    type: str
    note: str | None
    created_at: datetime
    lines: list[LineResponse]


class ItemCreate(BaseModel):
    """A new item."""

    sku: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    unit: str = "cái"
    barcode: str | None = None
    tags: list[str] = []
    attributes: dict[str, Any] = {}


class ItemResponse(BaseModel):
    """An item."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    tenant_id: UUID
    sku: str
    name: str
    description: str | None
    unit: str
    barcode: str | None
    status: str
    tags: list[str]
    attributes: dict[str, Any]
    version: int
    created_at: datetime
    updated_at: datetime


class ItemRepository:
    """Items of the tenant that the session is bound to."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get_by_id(self, item_id: UUID) -> ItemModel | None:
        found = await self._session.execute(select(ItemModel).where(ItemModel.id == item_id))
        return found.scalar_one_or_none()

    async def list(self, limit: int, after: UUID) -> list[ItemModel]:
        """Return a page from behind a key: the specification's OFFSET would be slower."""
        page = select(ItemModel).where(ItemModel.id > after).order_by(ItemModel.id).limit(limit)
        return list((await self._session.execute(page)).scalars())

    async def create(self, model: ItemModel) -> ItemModel:
        """Store a new item.

        The specification commits and then refreshes: by then the tenant is not bound any
        more, and row-level security refuses the refresh. So it is the other way round.
        """
        self._session.add(model)
        await self._session.flush()
        await self._session.refresh(model)
        await self._session.commit()
        return model


class StockRepository:
    """Stock of the tenant that the session is bound to."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def issue(self, tenant_id: UUID, data: DocumentCreate) -> DocumentModel:
        """Take each line from its level, which is locked, and write the document."""
        document = DocumentModel(
            tenant_id=tenant_id,
            id=uuid4(),
            type=data.type,
            note=data.note,
            created_at=datetime.now(UTC),
        )
        for line in data.lines:
            await self._take(line)
            made = LineModel(
                tenant_id=tenant_id,
                id=uuid4(),
                item_id=line.item_id,
                location_id=line.from_location_id,
                quantity=line.quantity,
            )
            document.lines.append(made)
        self._session.add(document)
        await self._session.flush()
        await self._session.refresh(document)
        await self._session.commit()
        return document

    async def _take(self, line: LineCreate) -> None:
        item = await self._session.execute(select(ItemModel).where(ItemModel.id == line.item_id))
        if item.scalar_one_or_none() is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        found = await self._session.execute(
            select(LevelModel)
            .where(
                LevelModel.item_id == line.item_id, LevelModel.location_id == line.from_location_id
            )
            .with_for_update()
        )
        level = found.scalar_one_or_none()
        if level is None or level.on_hand < line.quantity:
            raise HTTPException(status.HTTP_409_CONFLICT)
        level.on_hand -= line.quantity


class ItemService:
    """The business operations on items."""

    def __init__(self, repo: ItemRepository) -> None:
        self.repo = repo

    async def create(self, tenant_id: UUID, **values: Any) -> ItemModel:
        now = datetime.now(UTC)
        model = ItemModel(
            id=uuid4(),
            tenant_id=tenant_id,
            sku_key=values["sku"].casefold(),
            status="active",
            version=1,
            created_at=now,
            updated_at=now,
            **values,
        )
        return await self.repo.create(model)


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


async def get_item_service(
    session: Annotated[AsyncSession, Depends(get_session)],
) -> ItemService:
    """Return the service on the request's session."""
    return ItemService(ItemRepository(session))


CurrentService = Annotated[ItemService, Depends(get_item_service)]

router = APIRouter(prefix="/v1/items", tags=["items"])


@router.get("/{item_id}", response_model=ItemResponse)
async def get_item(item_id: UUID, service: CurrentService) -> Any:
    item = await service.repo.get_by_id(item_id)
    if item is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return item


@router.get("", response_model=list[ItemResponse])
async def list_items(service: CurrentService, after: UUID, limit: int = 100) -> Any:
    return await service.repo.list(limit, after)


@router.post("", response_model=ItemResponse, status_code=status.HTTP_201_CREATED)
async def create_item(data: ItemCreate, service: CurrentService, tenant_id: CurrentTenant) -> Any:
    return await service.create(tenant_id, **data.model_dump())


stock = APIRouter(prefix="/v1/stock/transactions", tags=["stock"])


@stock.post("", response_model=DocumentResponse, status_code=status.HTTP_201_CREATED)
async def post_document(
    data: DocumentCreate,
    session: Annotated[AsyncSession, Depends(get_session)],
    tenant_id: CurrentTenant,
) -> Any:
    return await StockRepository(session).issue(tenant_id, data)


app = FastAPI(title="naive")
app.include_router(router)
app.include_router(stock)
