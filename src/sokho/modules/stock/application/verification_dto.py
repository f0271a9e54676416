"""What clients ask of the proof of an item's ledger, and receive."""

from typing import Annotated, Final, Self
from uuid import UUID

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from sokho.core.application.dto import ResponseModel
from sokho.core.application.schemas import (
    LARGEST_INTEGER,
    at_most,
    between,
    matching,
    one_line,
)
from sokho.core.domain.texts import Language
from sokho.modules.stock.domain.verification import LedgerFault, LedgerFinding, Verification

MOST_MOVES: Final = 20_000
MOST_FINDINGS: Final = 100

_PROVEN: Final[JsonDict] = {
    "item_id": "019a9f2c-6a30-7d1e-9f7b-2f6f0c1d9a55",
    "moves": 7,
    "complete": True,
    "findings": [],
}


class VerificationQuery(BaseModel):
    """Whose ledger."""

    model_config = ConfigDict(extra="forbid")

    item_id: UUID = Field(description="The item.")


class FindingResponse(ResponseModel):
    """A row of the ledger that is not as it has to be."""

    invariant: Annotated[str, matching("^I[1-8]$", 2)] = Field(description="Which of I1 to I8.")
    code: LedgerFault
    table: Annotated[str, one_line(63)]
    row: Annotated[str, one_line(64)] = Field(
        description="Its id; of a move `transaction_id/line_no`."
    )
    detail: Annotated[str, one_line(500)] = Field(
        description="A sentence, in the language of the request."
    )


class VerificationResponse(ResponseModel):
    """Whether the ledger of an item is proven."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROVEN]})

    item_id: UUID
    moves: Annotated[int, between(0, LARGEST_INTEGER)] = Field(
        description="How many moves were looked at."
    )
    complete: bool = Field(
        description=f"false where about {MOST_MOVES} moves and lines of documents, or "
        f"{MOST_FINDINGS} findings, were not all: `sokho check ledger` goes on."
    )
    findings: Annotated[list[FindingResponse], at_most(MOST_FINDINGS)]


class ShownFinding(Struct, frozen=True, kw_only=True):
    """A finding as clients see it."""

    invariant: str
    code: LedgerFault
    table: str
    row: str
    detail: str

    @classmethod
    def of(cls, finding: LedgerFinding, language: Language) -> Self:
        """Return how a finding is shown."""
        fault = finding.fault
        return cls(
            invariant=fault.invariant,
            code=fault,
            table=fault.table,
            row=finding.row,
            detail=fault.text.in_language(language),
        )


class ShownVerification(Struct, frozen=True, kw_only=True):
    """What a check has found, as clients see it."""

    item_id: UUID
    moves: int
    complete: bool
    findings: list[ShownFinding]

    @classmethod
    def of(cls, item_id: UUID, found: Verification, language: Language) -> Self:
        """Return how a verification is shown."""
        return cls(
            item_id=item_id,
            moves=found.moves,
            complete=found.is_complete,
            findings=[ShownFinding.of(finding, language) for finding in found.findings],
        )
