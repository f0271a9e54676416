"""A ledger that was tampered with: what was done to which row, and what a check has to tell."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.secrets import DerivedKeys
from tests.integration.ledger import Ledger

LONG_AGO: Final = datetime(2026, 1, 5, tzinfo=UTC)


@dataclass
class Posted:
    """Ten kilograms of A come to KHO, and after its fifth move nine are there and four at B.

    Two at KHO and one at B are reserved, in a reservation of three lines.
    """

    ledger: Ledger
    documents: list[UUID]
    kho: UUID
    b: UUID
    reservation: UUID

    def row(self, name: str) -> str:
        """Return the row that a name stands for: of an account, the reservation, a document.

        Or a move: by its document and line, or by the account and its number there.
        """
        if name in {"kho", "b", "reservation"}:
            return str(getattr(self, name))
        of, _, line = name.partition("/")
        id = self.row(of) if of in {"kho", "b"} else str(self.documents[int(of)])
        return f"{id}/{line}" if line else id

    def expected(self, told: str) -> set[str]:
        """Return findings from lines of invariant, code and the name of a row."""
        lines = (line.split() for line in told.strip().splitlines())
        return {f"{invariant} {code} {self.row(name)}" for invariant, code, name in lines}


async def post_some(database: Database, admin: str, keys: DerivedKeys) -> Posted:
    ledger = await Ledger.opened(database, admin, keys, items="AC", bins="B")
    documents = [
        await ledger.post("receipt", ("A", "10", None, "KHO"), note="hóa đơn 1", request_key=b"1"),
        await ledger.post("receipt", ("A", "5", None, "KHO"), note="hóa đơn 2", request_key=b"2"),
        await ledger.post("issue", ("A", "3", "KHO", None), external_ref="ĐH-1"),
        await ledger.post("transfer", ("A", "4", "KHO", "B")),
        await ledger.post("adjustment", ("A", "1", None, "KHO")),
        await ledger.post("receipt", ("C", "1", None, "KHO")),
        # Of a month that is over: a sum is kept of it, and that it came late, behind the transfer.
        await ledger.post("receipt", ("A", "2", None, "B"), effective_at=LONG_AGO),
    ]
    reservation = await ledger.reserve(("A", "1", "KHO"), ("A", "1", "B"), ("A", "1", "KHO"))
    assert await ledger.findings() == set()
    kho, b = await ledger.account("A", "KHO"), await ledger.account("A", "B")
    return Posted(ledger, [each.id for each in documents], kho, b, reservation.id)


@dataclass(frozen=True)
class Tampering:
    """A statement by a superuser, on the row that `what` stands for; $1 is the tenant."""

    name: str
    statement: str
    what: str
    told: str
    """The findings, a line each."""

    unseen: str = ""
    """Those of them that the check of the item lacks: it follows the moves of its places."""

    constraint: str = ""
    """What would refuse it, a superuser's too."""

    table: str = ""
    """That of the constraint, where its name has more than two words."""

    @property
    def without_constraint(self) -> str:
        """The command that drops the constraint."""
        table = self.table or "_".join(self.constraint.split("_")[:2])
        return f"ALTER TABLE {table} DROP CONSTRAINT {self.constraint}"


A_LITTLE: Final = "interval '1 microsecond'"  # less than lies between two documents
OF_MOVE: Final = "WHERE tenant_id = $1 AND transaction_id = $2"
OF_DOCUMENT: Final = "WHERE tenant_id = $1 AND id = $2"
OF_LINE: Final = "WHERE tenant_id = $1 AND reservation_id = $2 AND line_no = 1"
OF_BALANCE: Final = "WHERE tenant_id = $1 AND account_id = $2"
_COLUMNS: Final = (
    "tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity, entered_unit, "
    "from_account, from_seq, from_after, to_account, to_seq, to_after, effective_at, posted_at"
)


def _forged(**changed: str) -> str:
    """Return the INSERT of a copy of a document's move, but for these columns."""
    values = (changed.get(name, name) for name in _COLUMNS.split(", "))
    return f"INSERT INTO stock_moves SELECT {', '.join(values)} FROM stock_moves {OF_MOVE}"


TAMPERINGS: Final = [
    *(
        Tampering(
            f"{column} of a document",
            f"UPDATE stock_transactions SET {column} = {value} {OF_DOCUMENT}",
            "1",
            "I5 document_changed 1",
        )
        for column, value in {
            "note": "'hóa đơn 3'",
            "document_no": "'PN-2026-999999'",
            "type": "'issue'",
            "year": "1999",
            "external_ref": "'khác'",
            "reason": "'other'",
            "actor": "'người khác'",
            "reverses_id": "$2",
            "digest": "sha256('')",
        }.items()
    ),
    *(
        Tampering(
            f"{column} of a document",
            f"UPDATE stock_transactions SET {column} = {column} - {A_LITTLE} {OF_DOCUMENT}",
            "1",
            "I5 document_changed 1\nI5 move_dates_differ 1/1",
        )
        for column in ("effective_at", "posted_at")
    ),
    *(
        Tampering(
            f"{column} of a move",
            f"UPDATE stock_moves SET {column} = {column} - {A_LITTLE} {OF_MOVE}",
            "1",
            "I5 move_dates_differ 1/1",
        )
        for column in ("effective_at", "posted_at")
    ),
    *(
        Tampering(
            f"{column} of a move",
            f"UPDATE stock_moves SET {column} = {value} {OF_MOVE}",
            "1",
            "I5 document_changed 1",
        )
        for column, value in {"entered_quantity": "7", "entered_unit": "'lít'"}.items()
    ),
    Tampering(
        "quantity of a move",
        f"UPDATE stock_moves SET quantity = 6 {OF_MOVE}",
        "1",
        "I5 document_changed 1\nI4 sequence_broken 1/1\nI2 balance_differs kho",
    ),
    Tampering(
        "quantity of a move, followed by what it leaves",
        f"UPDATE stock_moves SET quantity = 6, to_after = 16 {OF_MOVE}",
        "1",
        "I5 document_changed 1\nI4 sequence_broken 2/1\nI2 balance_differs kho",
    ),
    Tampering(
        "first move deleted",
        f"DELETE FROM stock_moves {OF_MOVE}",
        "0",
        "I5 document_changed 0\nI4 sequence_broken 1/1\nI2 balance_differs kho",
        unseen="I5 document_changed 0",
    ),
    Tampering(
        "middle move deleted",
        f"DELETE FROM stock_moves {OF_MOVE}",
        "2",
        "I5 document_changed 2\nI4 sequence_broken 3/1\nI2 balance_differs kho",
        unseen="I5 document_changed 2",
    ),
    Tampering(
        "last move deleted",
        f"DELETE FROM stock_moves {OF_MOVE}",
        "4",
        "I5 document_changed 4\nI4 last_number_differs kho\nI4 last_date_differs kho\n"
        "I2 balance_differs kho",
        unseen="I5 document_changed 4",
    ),
    Tampering(
        "last document deleted with its move",
        "WITH gone AS (DELETE FROM stock_transactions WHERE tenant_id = $1 AND id = $2) "
        f"DELETE FROM stock_moves {OF_MOVE}",
        "4",
        "I4 last_number_differs kho\nI4 last_date_differs kho\nI2 balance_differs kho",
    ),
    Tampering(
        "document deleted from above its move",
        f"DELETE FROM stock_transactions {OF_DOCUMENT}",
        "1",
        "I5 document_missing 1/1",
    ),
    Tampering(
        "move forged behind the last",
        _forged(line_no="2", to_seq="6", to_after="10"),
        "4",
        "I5 document_changed 4\nI4 last_number_differs kho",
    ),
    Tampering(
        "move forged below the first",
        _forged(line_no="2", to_seq="-7"),
        "4",
        "I5 document_changed 4\nI4 sequence_broken 4/2\nI4 sequence_broken 0/1\n"
        "I2 balance_differs kho",
    ),
    Tampering(
        "move forged far beyond",
        _forged(line_no="2", to_seq="1000000000000000", to_after="10"),
        "4",
        "I5 document_changed 4\nI4 last_number_differs kho",
    ),
    Tampering(
        "account of a move swapped",
        "UPDATE stock_moves SET to_account = (SELECT to_account FROM stock_moves WHERE "
        "tenant_id = $1 AND from_seq = 4), to_seq = 3, to_after = 11 " + OF_MOVE,
        "1",
        "I5 document_changed 1\nI4 sequence_broken 2/1\nI2 balance_differs kho\n"
        "I4 last_number_differs b",
        unseen="I5 document_changed 1",
    ),
    Tampering(
        "item of a move swapped",
        f"UPDATE stock_moves SET item_id = (SELECT id FROM items WHERE tenant_id = $1 "
        f"AND sku = 'C') {OF_MOVE}",
        "1",
        "I1 move_invalid 1/1\nI5 document_changed 1",
    ),
    Tampering(
        "move without a number",
        f"UPDATE stock_moves SET from_seq = 9, to_seq = NULL, to_after = NULL {OF_MOVE}",
        "1",
        "I1 move_invalid 1/1\nI5 document_changed 1\nI4 sequence_broken 2/1\n"
        "I2 balance_differs kho",
        unseen="I1 move_invalid 1/1\nI5 document_changed 1",
    ),
    Tampering(
        "place swapped",
        "UPDATE stock_accounts SET location_id = gen_random_uuid() " + OF_DOCUMENT,
        "b",
        "I5 document_changed 3\nI5 document_changed 6",
    ),
    Tampering(
        "balance",
        f"UPDATE stock_balances SET on_hand = on_hand + 1 {OF_BALANCE}",
        "kho",
        "I2 balance_differs kho",
    ),
    Tampering(
        "balance that is no number",
        f"UPDATE stock_balances SET on_hand = 'NaN' {OF_BALANCE}",
        "kho",
        "I2 balance_differs kho",
    ),
    Tampering(
        "last number",
        f"UPDATE stock_balances SET seq = seq + 1 {OF_BALANCE}",
        "kho",
        "I4 last_number_differs kho",
    ),
    Tampering(
        "last date",
        "UPDATE stock_balances SET effective_at = effective_at + interval '1 ms' " + OF_BALANCE,
        "kho",
        "I4 last_date_differs kho",
    ),
    *(
        Tampering(
            f"{column} of a month",
            f"UPDATE stock_months SET {column} = {column} + 1 {OF_BALANCE}",
            "b",
            "I2 month_differs b",
        )
        for column in ("change", "lowest")
    ),
    Tampering("month deleted", f"DELETE FROM stock_months {OF_BALANCE}", "b", "I2 month_differs b"),
    *(
        Tampering(
            f"month forged {when} the latest",
            "INSERT INTO stock_months SELECT tenant_id, account_id, date_trunc('month', "
            f"effective_at, 'UTC') {by}, 0, 0 FROM stock_balances {OF_BALANCE}",
            "kho",
            "I2 month_differs kho",
        )
        for when, by in {"before": "- interval '40 days'", "at": ""}.items()
    ),
    Tampering(
        "balance deleted", f"DELETE FROM stock_balances {OF_BALANCE}", "b", "I2 balance_missing b"
    ),
    *(
        Tampering(
            f"{reserved} reserved",
            f"UPDATE stock_balances SET reserved = {reserved} {OF_BALANCE}",
            "kho",
            "I8 reserved_differs kho",
        )
        for reserved in (0, 3)
    ),
    Tampering(
        "quantity of a reserved line",
        f"UPDATE stock_reservation_lines SET quantity = 2 {OF_LINE}",
        "reservation",
        "I8 reserved_differs kho",
    ),
    Tampering(
        "reserved line said to be free",
        f"UPDATE stock_reservation_lines SET is_held = false {OF_LINE}",
        "reservation",
        "I8 reserved_differs kho",
    ),
    Tampering(
        "reserved line deleted",
        f"DELETE FROM stock_reservation_lines {OF_LINE}",
        "reservation",
        "I8 reserved_differs kho",
    ),
    Tampering(
        "reserved line moved to another place",
        "UPDATE stock_reservation_lines SET account_id = (SELECT account_id FROM "
        "stock_reservation_lines WHERE tenant_id = $1 AND reservation_id = $2 AND line_no = 2) "
        + OF_LINE,
        "reservation",
        "I8 reserved_differs kho\nI8 reserved_differs b",
    ),
    *(
        Tampering(
            f"reservation {name}",
            f"{command} {OF_DOCUMENT}",
            "reservation",
            "I8 reserved_differs kho\nI8 reserved_differs b",
        )
        for name, command in {
            "deleted": "DELETE FROM stock_reservations",
            "said to be released": "UPDATE stock_reservations SET state = 'released'",
        }.items()
    ),
]

BEYOND_CONSTRAINTS: Final = [
    Tampering(
        "quantity of nothing",
        f"UPDATE stock_moves SET quantity = 0, to_after = 10 {OF_MOVE}",
        "1",
        "I1 move_invalid 1/1\nI4 sequence_broken 2/1\nI5 document_changed 1\n"
        "I2 balance_differs kho",
        constraint="stock_moves_quantity_check",
    ),
    *(
        Tampering(
            name,
            f"UPDATE stock_balances SET reserved = {reserved} {OF_BALANCE}",
            "kho",
            "I3 reserved_out_of_range kho\nI8 reserved_differs kho",
            constraint="stock_balances_reserved_check",
        )
        for name, reserved in {
            "too much reserved": 10,
            "less than nothing reserved": -1,
        }.items()
    ),
    Tampering(
        "request of another document",
        f"UPDATE stock_transactions SET request_key = '1' {OF_DOCUMENT}",
        "1",
        "I6 request_repeated 0\nI6 request_repeated 1",
        constraint="stock_transactions_tenant_id_request_key_key",
    ),
    Tampering(
        "type that does not exist",
        f"UPDATE stock_transactions SET type = 'gift' {OF_DOCUMENT}",
        "1",
        "I5 document_changed 1",
        constraint="stock_transactions_type_check",
    ),
]

ONE_FOR_EACH: Final = [
    next(
        each for each in (*TAMPERINGS, *BEYOND_CONSTRAINTS) if each.told.startswith(f"{invariant} ")
    )
    for invariant in ("I1", "I2", "I3", "I4", "I5", "I6", "I8")
]
"""For each invariant that there is yet a tampering that is told by it, first of all."""
