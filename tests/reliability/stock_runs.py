"""The runs on the ledger of stock, each at its full size, with its controls."""

from typing import Final

from tests.reliability import (
    hot_item,
    item_history,
    ledger_audit,
    model_run,
    opposite_transfers,
)
from tests.reliability.faults import Control, Run

STOCK_RUNS: Final = (
    Run(
        "R1",
        "2 000 requests for the 100 pieces that there are of an item, from 64 clients",
        lambda site, _: hot_item.hot_item(site, stock=100, requests=2_000, clients=64),
        (
            Control(
                "the lock on the balance, and what stands behind it",
                lambda site, _: hot_item.hot_item(
                    site, stock=100, requests=500, clients=64, guarded=False
                ),
                (hot_item.AS_MANY, hot_item.NOT_OVERSOLD),
            ),
        ),
    ),
    Run(
        "R1",
        "the same, every other of them reserving its piece before it is issued",
        lambda site, _: hot_item.hot_item(
            site, stock=100, requests=2_000, clients=64, promising=True
        ),
        (),
    ),
    Run(
        "R2",
        "random operations of two businesses, beside a model in Python",
        lambda site, seed: model_run.model_run(site, examples=60, random_seed=seed),
        (
            Control(
                "the last line of what is reversed",
                lambda site, seed: model_run.model_run(
                    site,
                    examples=60,
                    random_seed=seed,
                    alteration="reversals_leave_out_the_last_line",
                ),
                (model_run.NO_DIVERGENCE,),
            ),
        ),
    ),
    Run(
        "R7",
        "transfers of 12 items in opposite directions, from 16 clients with orders of their own",
        lambda site, seed: opposite_transfers.opposite_transfers(
            site, items=12, documents=50, clients=16, seed=seed, stocktakes=10
        ),
        (
            Control(
                "the order of locks",
                lambda site, seed: opposite_transfers.opposite_transfers(
                    site,
                    items=6,
                    documents=20,
                    clients=4,
                    seed=seed,
                    in_order=False,
                ),
                (opposite_transfers.NO_DEADLOCK,),
            ),
        ),
    ),
    Run(
        "R16",
        "SIGKILL of workers and PostgreSQL under documents; then a spoilt row for each invariant",
        lambda site, seed: ledger_audit.ledger_audit(
            site, worker_kills=10, database_kills=5, between=150, clients=16, seed=seed
        ),
        (
            Control(
                "`synchronous_commit`",
                lambda site, seed: ledger_audit.ledger_audit(
                    site,
                    worker_kills=0,
                    database_kills=3,
                    between=10,
                    clients=16,
                    seed=seed,
                    durable=False,
                ),
                (ledger_audit.ONCE,),
            ),
        ),
    ),
    Run(
        "W",
        "one item moved and looked at by 24 clients",
        lambda site, seed: item_history.item_history(site, clients=24, actions=200, seed=seed),
        (
            Control(
                "fresh levels: read from a copy that is a tenth of a second old",
                lambda site, seed: item_history.item_history(
                    site,
                    clients=12,
                    actions=50,
                    seed=seed,
                    alteration="levels_are_read_from_a_copy",
                ),
                (item_history.LINEAR,),
            ),
        ),
    ),
)
