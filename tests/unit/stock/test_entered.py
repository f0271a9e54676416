"""What the posting function has once answered can be read for as long as it is kept."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from sokho.modules.stock.domain.documents import Document, Line, TransactionType
from sokho.modules.stock.domain.entities import Move, Side
from sokho.modules.stock.domain.posting import Entry
from sokho.modules.stock.infrastructure.entered import entered_of

ITEM, PLACE = UUID(int=1), UUID(int=2)

# As it stands in `idempotency_keys`: not to be changed, but for a form that is added.
KEPT = """
{"id": "01a208b6-2db6-7968-8828-6e1ac87949d4", "year": 2026, "actor": "api_key:7",
 "moves": [{"sku": "BL-73", "source": {"seq": 1, "after": 9.500000,
            "account_id": "00000000-0000-0000-0000-000000000003",
            "location_id": "00000000-0000-0000-0000-000000000002"},
            "target": {"seq": null, "after": null,
            "account_id": "00000000-0000-0000-0000-000000000004", "location_id": null},
            "item_id": "00000000-0000-0000-0000-000000000001", "line_no": 1, "quantity": 24,
            "entered_unit": "thùng", "entered_quantity": 1}],
 "posted_at": "2026-11-23T14:01:26.710595", "document_no": "PX-2026-000017",
 "effective_at": "2026-11-23T14:01:26.71"}
"""


def test_a_kept_answer_is_read():
    line = Line(item_id=ITEM, sku=None, quantity=Decimal(1), from_location_id=PLACE)
    document = Document(type=TransactionType.ISSUE, lines=(line,), note="lại")
    entered = entered_of(KEPT, Entry(id=UUID(int=9), document=document, actor="another"))
    posted = entered.posted
    assert posted is not None
    assert (posted.id, posted.document_no, posted.actor) == (
        *(UUID("01a208b6-2db6-7968-8828-6e1ac87949d4"), "PX-2026-000017", "api_key:7"),
    )
    assert posted.posted_at == datetime(2026, 11, 23, 14, 1, 26, 710595, UTC)
    assert posted.effective_at == datetime(2026, 11, 23, 14, 1, 26, 710000, UTC)
    assert posted.note == "lại"
    assert posted.moves == (
        Move(
            line_no=1,
            item_id=ITEM,
            sku="BL-73",
            quantity=Decimal(24),
            entered_quantity=Decimal(1),
            entered_unit="thùng",
            source=Side(UUID(int=3), PLACE, 1, Decimal("9.5")),
            target=Side(UUID(int=4), None, None, None),
        ),
    )
    assert (entered.before, entered.wanted, entered.faults, entered.is_refused) == (
        {},
        (),
        [],
        False,
    )
