"""Proving the ledger: its invariants, and the rows that break one."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sokho.core.domain.texts import Text

INVARIANTS: Final[Mapping[str, Text]] = {
    "I1": Text(
        vi="mỗi biến động thuộc một doanh nghiệp, một mặt hàng, số lượng lớn hơn 0",
        en="each move is of one business and one item, of more than nothing",
    ),
    "I2": Text(
        vi="số dư bằng tổng nhập trừ tổng xuất",
        en="a balance is what came in less what went out",
    ),
    "I3": Text(
        vi="số đã giữ không âm và không quá số tồn",
        en="what is reserved is neither negative nor more than what is there",
    ),
    "I4": Text(
        vi="biến động của mỗi nơi được đánh số liên tục và nối tiếp nhau",
        en="the moves of a place are numbered without gaps, and each goes on from the one before",
    ),
    "I5": Text(
        vi="chứng từ đã ghi sổ không bị sửa hay xóa",
        en="no posted document was changed or deleted",
    ),
    "I6": Text(
        vi="mỗi Idempotency-Key chỉ có một chứng từ",
        en="one Idempotency-Key has one document",
    ),
    "I8": Text(
        vi="số đã giữ bằng tổng các lần giữ hàng còn hiệu lực",
        en="what is reserved is the sum of the open reservations",
    ),
}


@dataclass(frozen=True, slots=True)
class LedgerFinding:
    """A row that breaks an invariant."""

    invariant: str
    table: str
    row: str

    @property
    def text(self) -> Text:
        """What the invariant says."""
        return INVARIANTS[self.invariant]


class LedgerCheck(ABC):
    """Looks through the ledger of one tenant."""

    @abstractmethod
    def findings(self, item_id: UUID | None = None) -> AsyncIterator[LedgerFinding]:
        """Yield every row that breaks an invariant, of one item or of all.

        It holds no more than a page of rows at once, and asks for none that takes long.
        """
