"""Late legs that were tampered with: in `tampering`'s ledger the second move at B came late."""

from typing import Final

from tests.integration.tampering import A_LITTLE, OF_BALANCE, Tampering

LATE_TAMPERINGS: Final = [
    *(
        Tampering(
            f"{column} of a late leg",
            f"UPDATE stock_late_legs SET {column} = {value} {OF_BALANCE}",
            "b",
            "I2 late_leg_differs b/2",
        )
        for column, value in {
            "effective_at": f"effective_at - {A_LITTLE}",
            "latest_at": "latest_at + interval '1 ms'",
            "change": "change + 1",
            "next_before": "next_before + 1",
        }.items()
    ),
    *(
        Tampering(
            f"number of a late leg, to {seq}",
            f"UPDATE stock_late_legs SET seq = {seq} {OF_BALANCE}",
            "b",
            f"I2 late_leg_differs b/2\nI2 late_leg_differs b/{seq}",
        )
        for seq in (3, 1_000)
    ),
    Tampering(
        "late leg deleted",
        f"DELETE FROM stock_late_legs {OF_BALANCE}",
        "b",
        "I2 late_leg_differs b/2",
    ),
    Tampering(
        "late leg forged, of a move that is not late",
        "INSERT INTO stock_late_legs SELECT tenant_id, account_id, 3, effective_at, "
        f"effective_at + interval '1 ms', 0, 1, 0 FROM stock_balances {OF_BALANCE}",
        "kho",
        "I2 late_leg_differs kho/3",
    ),
]

LATE_BEYOND_CONSTRAINTS: Final = [
    Tampering(
        name,
        f"UPDATE stock_late_legs SET {change} {OF_BALANCE}",
        "b",
        told,
        constraint="stock_late_legs_next_seq_check",
        table="stock_late_legs",
    )
    for name, change, told in (
        ("next number of a late leg", "next_seq = 0", "I2 late_leg_differs b/2"),
        (
            "number of a late leg, below all",
            "seq = -9000000000000000000, next_seq = -9100000000000000000",
            "I2 late_leg_differs b/-9000000000000000000\nI2 late_leg_differs b/2",
        ),
    )
]
