"""``/v1/items``: a model, DTOs, a repository, a service and routes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Header, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import BigInteger, DateTime, Text, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from benchmarks.peers.naive.session import Base, CurrentSession, CurrentTenant


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


class ItemCreate(BaseModel):
    """A new item."""

    sku: str = Field(min_length=1, max_length=64)
    name: str = Field(min_length=1, max_length=255)
    description: str | None = None
    unit: str = "cái"
    barcode: str | None = None
    tags: list[str] = []
    attributes: dict[str, Any] = {}


class ItemUpdate(BaseModel):
    """What is to become of an item."""

    name: str | None = Field(None, min_length=1, max_length=255)
    description: str | None = None
    unit: str | None = None
    barcode: str | None = None
    tags: list[str] | None = None
    attributes: dict[str, Any] | None = None


class ItemBatch(BaseModel):
    """Items to make or to change by their SKUs."""

    items: list[ItemCreate] = Field(min_length=1, max_length=1000)


class ItemBatchResponse(BaseModel):
    """What became of a batch."""

    created: int
    updated: int
    ids: list[UUID]


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

    async def get_by_skus(self, keys: list[str]) -> list[ItemModel]:
        found = await self._session.execute(select(ItemModel).where(ItemModel.sku_key.in_(keys)))
        return list(found.scalars())

    async def list(
        self, limit: int, after: UUID | None, item_status: str | None
    ) -> list[ItemModel]:
        """Return a page from behind a key: the specification's OFFSET would be slower."""
        page = select(ItemModel).order_by(ItemModel.id).limit(limit)
        if after is not None:
            page = page.where(ItemModel.id > after)
        if item_status is not None:
            page = page.where(ItemModel.status == item_status)
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

    async def save(self, new: Sequence[ItemModel]) -> None:
        """Write new items, and what was changed of others."""
        self._session.add_all(new)
        await self._session.commit()


class ItemService:
    """The business operations on items."""

    def __init__(self, repo: ItemRepository) -> None:
        self.repo = repo

    async def create(self, tenant_id: UUID, **values: Any) -> ItemModel:
        return await self.repo.create(_new(tenant_id, values))

    async def update(self, item_id: UUID, version: int, **changes: Any) -> ItemModel:
        item = await self.repo.get_by_id(item_id)
        if item is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        if item.version != version:
            raise HTTPException(status.HTTP_412_PRECONDITION_FAILED)
        _change(item, changes)
        await self.repo.save([])
        return item

    async def upsert(self, tenant_id: UUID, rows: list[ItemCreate]) -> ItemBatchResponse:
        found = await self.repo.get_by_skus([row.sku.casefold() for row in rows])
        known = {item.sku_key: item for item in found}
        new, ids = [], []
        for row in rows:
            item = known.get(row.sku.casefold())
            if item is None:
                item = _new(tenant_id, row.model_dump())
                new.append(item)
            else:
                _change(item, row.model_dump(exclude_unset=True))
            ids.append(item.id)
        await self.repo.save(new)
        return ItemBatchResponse(created=len(new), updated=len(found), ids=ids)


def _new(tenant_id: UUID, values: dict[str, Any]) -> ItemModel:
    now = datetime.now(UTC)
    return ItemModel(
        id=uuid4(),
        tenant_id=tenant_id,
        sku_key=values["sku"].casefold(),
        status="active",
        version=1,
        created_at=now,
        updated_at=now,
        **values,
    )


def _change(item: ItemModel, changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        setattr(item, name, value)
    item.version += 1
    item.updated_at = datetime.now(UTC)


async def get_item_service(session: CurrentSession) -> ItemService:
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
async def list_items(
    service: CurrentService,
    after: UUID | None = None,
    status: str | None = None,
    limit: int = 100,
) -> Any:
    return await service.repo.list(limit, after, status)


@router.post("", response_model=ItemResponse, status_code=status.HTTP_201_CREATED)
async def create_item(data: ItemCreate, service: CurrentService, tenant_id: CurrentTenant) -> Any:
    return await service.create(tenant_id, **data.model_dump())


@router.post("/batch", response_model=ItemBatchResponse)
async def upsert_items(data: ItemBatch, service: CurrentService, tenant_id: CurrentTenant) -> Any:
    return await service.upsert(tenant_id, data.items)


@router.patch("/{item_id}", response_model=ItemResponse)
async def update_item(
    item_id: UUID, data: ItemUpdate, service: CurrentService, if_match: Annotated[str, Header()]
) -> Any:
    changes = data.model_dump(exclude_unset=True)
    return await service.update(item_id, int(if_match.strip('"')), **changes)
