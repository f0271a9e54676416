"""Proving the ledger: its invariants, and the rows that break one."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from enum import StrEnum
from typing import Final
from uuid import UUID

from msgspec import Struct

from sokho.core.domain.texts import Text


class LedgerFault(StrEnum):
    """What can be wrong with a row of the ledger. Its code is stable."""

    MOVE_INVALID = "move_invalid"
    BALANCE_MISSING = "balance_missing"
    BALANCE_UNEXPECTED = "balance_unexpected"
    BALANCE_DIFFERS = "balance_differs"
    RESERVED_OUT_OF_RANGE = "reserved_out_of_range"
    MONTH_DIFFERS = "month_differs"
    LATE_LEG_DIFFERS = "late_leg_differs"
    SEQUENCE_BROKEN = "sequence_broken"
    LAST_NUMBER_DIFFERS = "last_number_differs"
    LAST_DATE_DIFFERS = "last_date_differs"
    DOCUMENT_CHANGED = "document_changed"
    DOCUMENT_OF_OTHER_SECRET = "document_of_other_secret"  # noqa: S105 - a code, and no secret
    DOCUMENT_MISSING = "document_missing"
    MOVE_DATES_DIFFER = "move_dates_differ"
    REQUEST_REPEATED = "request_repeated"
    POSTED_INTO_LOCKED_PERIOD = "posted_into_locked_period"
    RESERVED_DIFFERS = "reserved_differs"

    @property
    def invariant(self) -> str:
        """Which of I1 to I8 of ``docs/en/ledger.md`` it breaks."""
        return _FAULTS[self][0]

    @property
    def table(self) -> str:
        """The table of the row."""
        return _FAULTS[self][1]

    @property
    def text(self) -> Text:
        """What is wrong, in a sentence."""
        return _FAULTS[self][2]


class LedgerFinding(Struct, frozen=True):
    """A row that breaks an invariant: by its id, a move by its transaction's and its line.

    A late leg by its account's and its number.
    """

    fault: LedgerFault
    row: str


class Verification(Struct, frozen=True):
    """What a check has found."""

    moves: int
    """How many moves were looked at."""

    is_complete: bool
    """Whether nothing was left out: neither moves nor findings beyond what was allowed."""

    findings: tuple[LedgerFinding, ...]


class LedgerCheck(ABC):
    """Looks through the ledger of one tenant, by reading alone, while others post to it."""

    moves: int = 0
    """How many moves it has looked at so far."""

    is_cut: bool = False
    """Whether moves were left out, because there are more than was allowed."""

    @abstractmethod
    def findings(
        self, item_id: UUID | None = None, *, most_moves: int | None = None
    ) -> AsyncIterator[LedgerFinding]:
        """Yield every row that breaks an invariant, of all items or of one.

        It holds no more than a page of rows at once, and asks for none that takes long. It ends
        behind about `most_moves`, counted again with the documents that they stand in; the newest
        of a place come before its older ones.
        """


async def verify(
    check: LedgerCheck,
    item_id: UUID | None = None,
    *,
    most_moves: int | None = None,
    most_findings: int,
) -> Verification:
    """Return what a check finds, each row once, and at most `most_findings` of them."""
    found: dict[LedgerFinding, None] = {}
    async for finding in check.findings(item_id, most_moves=most_moves):
        if finding not in found and len(found) == most_findings:
            return Verification(check.moves, is_complete=False, findings=tuple(found))
        found[finding] = None
    return Verification(check.moves, is_complete=not check.is_cut, findings=tuple(found))


_FAULTS: Final[Mapping[LedgerFault, tuple[str, str, Text]]] = {
    LedgerFault.MOVE_INVALID: (
        *("I1", "stock_moves"),
        Text(
            vi="Biến động không phải là một số lượng lớn hơn 0 của một mặt hàng, đi từ một nơi "
            "sang nơi khác của cùng doanh nghiệp.",
            en="The move is not of more than nothing of one item, from one account of the business "
            "to another.",
        ),
    ),
    LedgerFault.BALANCE_MISSING: (
        *("I2", "stock_accounts"),
        Text(vi="Vị trí này không có số dư.", en="The place has no balance."),
    ),
    LedgerFault.BALANCE_UNEXPECTED: (
        *("I2", "stock_balances"),
        Text(
            vi="Có số dư ở nơi không phải là vị trí chứa hàng.",
            en="There is a balance of what is no place for goods.",
        ),
    ),
    LedgerFault.BALANCE_DIFFERS: (
        *("I2", "stock_balances"),
        Text(
            vi="Số tồn không bằng tổng nhập trừ tổng xuất.",
            en="What is on hand is not what came in less what went out.",
        ),
    ),
    LedgerFault.RESERVED_OUT_OF_RANGE: (
        *("I3", "stock_balances"),
        Text(
            vi="Số đã giữ nhỏ hơn 0 hoặc lớn hơn số tồn.",
            en="What is reserved is less than nothing or more than what is on hand.",
        ),
    ),
    LedgerFault.MONTH_DIFFERS: (
        *("I2", "stock_months"),
        Text(
            vi="Số cộng của một tháng ở vị trí này khác tổng các biến động của tháng.",
            en="What is kept of a month of the place is not what its moves add up to.",
        ),
    ),
    LedgerFault.LATE_LEG_DIFFERS: (
        *("I2", "stock_late_legs"),
        Text(
            vi="Dấu ghi trễ của biến động ở vị trí này thiếu, thừa hoặc khác với các biến động.",
            en="That a move at the place was posted late is missing, or not what its moves say.",
        ),
    ),
    LedgerFault.SEQUENCE_BROKEN: (
        *("I4", "stock_moves"),
        Text(
            vi="Biến động không nối tiếp biến động liền trước ở cùng vị trí.",
            en="The move does not go on from the one before it at its place.",
        ),
    ),
    LedgerFault.LAST_NUMBER_DIFFERS: (
        *("I4", "stock_balances"),
        Text(
            vi="Số thứ tự cuối không phải là của biến động cuối cùng.",
            en="The last number is not that of the last move.",
        ),
    ),
    LedgerFault.LAST_DATE_DIFFERS: (
        *("I4", "stock_balances"),
        Text(
            vi="Ngày chứng từ cuối không phải là ngày muộn nhất của các biến động.",
            en="The last date is not the latest of the moves.",
        ),
    ),
    LedgerFault.DOCUMENT_CHANGED: (
        *("I5", "stock_transactions"),
        Text(
            vi="Chứng từ hoặc biến động của nó không còn như khi ghi sổ.",
            en="The document or its moves are not what was posted.",
        ),
    ),
    LedgerFault.DOCUMENT_OF_OTHER_SECRET: (
        *("I5", "stock_transactions"),
        Text(
            vi="Chứng từ được ghi với SOKHO_SECRET khác nên không kiểm chứng được.",
            en="The document was posted under another SOKHO_SECRET: it cannot be proven.",
        ),
    ),
    LedgerFault.DOCUMENT_MISSING: (
        *("I5", "stock_moves"),
        Text(vi="Biến động không thuộc chứng từ nào.", en="The move belongs to no document."),
    ),
    LedgerFault.MOVE_DATES_DIFFER: (
        *("I5", "stock_moves"),
        Text(
            vi="Ngày của biến động khác ngày của chứng từ.",
            en="The move has other dates than its document.",
        ),
    ),
    LedgerFault.REQUEST_REPEATED: (
        *("I6", "stock_transactions"),
        Text(
            vi="Một Idempotency-Key có nhiều hơn một chứng từ.",
            en="One Idempotency-Key has more than one document.",
        ),
    ),
    LedgerFault.POSTED_INTO_LOCKED_PERIOD: (
        *("I7", "stock_transactions"),
        Text(
            vi="Chứng từ được ghi vào kỳ đã khóa sổ.",
            en="The document was posted into a period that was locked.",
        ),
    ),
    LedgerFault.RESERVED_DIFFERS: (
        *("I8", "stock_balances"),
        Text(
            vi="Số đã giữ không bằng tổng các lần giữ hàng còn hiệu lực.",
            en="What is reserved is not the sum of the open reservations.",
        ),
    ),
}
