"""``/v1/stock``: a level that is written over, and documents beside it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, HTTPException, status
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import DateTime, ForeignKeyConstraint, Numeric, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, joinedload, mapped_column, relationship

from benchmarks.peers.naive.items import ItemModel
from benchmarks.peers.naive.session import Base, CurrentSession, CurrentTenant


class LevelModel(Base):
    """How much of an item is somewhere."""

    __tablename__ = "naive_levels"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "item_id"], ["items.tenant_id", "items.id"]),
    )

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    location_id: Mapped[UUID] = mapped_column(primary_key=True)
    on_hand: Mapped[Decimal] = mapped_column(Numeric(20, 6))
    item: Mapped[ItemModel] = relationship()

    @property
    def sku(self) -> str:
        """The item's."""
        return self.item.sku


class DocumentModel(Base):
    """A document: what came or went, line by line."""

    __tablename__ = "naive_documents"

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    lines: Mapped[list["LineModel"]] = relationship(lazy="selectin", back_populates="document")


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
    document: Mapped[DocumentModel] = relationship(back_populates="lines")

    @property
    def created_at(self) -> datetime:
        """The document's."""
        return self.document.created_at


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


class LevelResponse(BaseModel):
    """A level."""

    model_config = ConfigDict(from_attributes=True)

    item_id: UUID
    sku: str
    location_id: UUID
    on_hand: Decimal


class CardLineResponse(LineResponse):
    """A line of a stock card, which has no balances here."""

    document_id: UUID
    created_at: datetime


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

    async def levels(self, location_id: UUID, after: UUID | None, limit: int) -> list[LevelModel]:
        page = (
            select(LevelModel)
            .options(joinedload(LevelModel.item))
            .where(LevelModel.location_id == location_id)
            .order_by(LevelModel.item_id)
            .limit(limit)
        )
        if after is not None:
            page = page.where(LevelModel.item_id > after)
        return list((await self._session.execute(page)).scalars())

    async def card(self, item_id: UUID, location_id: UUID, limit: int) -> list[LineModel]:
        page = (
            select(LineModel)
            .options(joinedload(LineModel.document).noload(DocumentModel.lines))
            .where(LineModel.item_id == item_id, LineModel.location_id == location_id)
            .order_by(LineModel.id)
            .limit(limit)
        )
        return list((await self._session.execute(page)).scalars())

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


async def get_stock_repository(session: CurrentSession) -> StockRepository:
    """Return the repository on the request's session."""
    return StockRepository(session)


CurrentStock = Annotated[StockRepository, Depends(get_stock_repository)]

router = APIRouter(prefix="/v1/stock", tags=["stock"])


@router.post("/transactions", response_model=DocumentResponse, status_code=status.HTTP_201_CREATED)
async def post_document(data: DocumentCreate, repo: CurrentStock, tenant_id: CurrentTenant) -> Any:
    return await repo.issue(tenant_id, data)


@router.get("/levels", response_model=list[LevelResponse])
async def list_levels(
    repo: CurrentStock, location_id: UUID, after: UUID | None = None, limit: int = 100
) -> Any:
    return await repo.levels(location_id, after, limit)


@router.get("/moves", response_model=list[CardLineResponse])
async def list_moves(repo: CurrentStock, item_id: UUID, location_id: UUID, limit: int = 100) -> Any:
    return await repo.card(item_id, location_id, limit)
