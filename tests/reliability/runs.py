"""The runs of ``make reliability``, each at its full size, with its controls."""

from typing import Final

from tests.isolation.mutants import CODE_MUTANTS, SCHEMA_MUTANTS
from tests.reliability import (
    conflicts,
    database_kills,
    disconnects,
    exhausted_pool,
    fuzzing,
    moved_clocks,
    mutations,
    retry_storm,
    reused_keys,
    slow_sockets,
    stops,
    tenant_chaos,
    worker_kills,
)
from tests.reliability.faults import Control, Run
from tests.reliability.stock_runs import STOCK_RUNS

RUNS: Final = (
    Run(
        "R3",
        "SIGKILL of the PostgreSQL postmaster in the middle of writes",
        lambda site, seed: database_kills.database_kills(site, kills=20, clients=12, seed=seed),
        (
            Control(
                "`synchronous_commit`",
                lambda site, seed: database_kills.database_kills(
                    site, kills=3, clients=12, seed=seed, durable=False
                ),
                (database_kills.ALL_THERE,),
            ),
        ),
    ),
    Run(
        "R4",
        "SIGKILL of a worker before the commit, after it before the answer, and at random",
        lambda site, seed: worker_kills.worker_kills(site, kills=10, random_kills=10, seed=seed),
        (
            Control(
                "`Idempotency-Key`",
                lambda site, seed: worker_kills.worker_kills(
                    site, kills=2, random_kills=0, seed=seed, with_key=False
                ),
                (worker_kills.ONCE,),
            ),
        ),
    ),
    Run(
        "R5",
        "a storm of retries",
        lambda site, _: retry_storm.retry_storm(site, keys=500, sends=20),
        (
            Control(
                "`Idempotency-Key`",
                lambda site, _: retry_storm.retry_storm(site, keys=10, sends=20, with_key=False),
                (retry_storm.ONE_EFFECT, retry_storm.SAME_ANSWER),
            ),
        ),
    ),
    Run(
        "R6",
        "a key with another body, at another path, from another business",
        lambda site, _: reused_keys.reused_keys(site, keys=50),
        (
            Control(
                "the other body",
                lambda site, _: reused_keys.reused_keys(site, keys=5, other_body=False),
                (reused_keys.OTHERS_REFUSED,),
            ),
        ),
    ),
    Run(
        "R8",
        "40001, 40P01 and 55P03, planted and brought about",
        lambda site, _: conflicts.conflicts(site, writers=16),
        (
            Control(
                "the table of errors that are collisions",
                lambda site, _: conflicts.conflicts(
                    site, writers=16, alteration="takes_conflicts_for_faults"
                ),
                (conflicts.NEVER_500, conflicts.RETRIED),
            ),
        ),
    ),
    Run(
        "R9",
        "200 clients, 2 connections, a slow query",
        lambda site, _: exhausted_pool.exhausted_pool(site, clients=200, seconds=10),
        (
            Control(
                "the bound on the wait for a connection",
                lambda site, _: exhausted_pool.exhausted_pool(
                    site, clients=40, seconds=2, alteration="waits_for_ever"
                ),
                (exhausted_pool.REFUSED_FAST, exhausted_pool.REFUSED_WELL),
            ),
        ),
    ),
    Run(
        "R10",
        "clients that go away at random points",
        lambda site, seed: disconnects.disconnects(site, clients=1000, seed=seed),
        (
            Control(
                "the rollback of what fails",
                lambda site, seed: disconnects.disconnects(
                    site, clients=100, seed=seed, alteration="never_rolls_back"
                ),
                (disconnects.NOTHING_OPEN, disconnects.ALL_USABLE),
            ),
        ),
    ),
    Run(
        "R11",
        "200 sockets that send slowly",
        lambda site, _: slow_sockets.slow_sockets(site, sockets=200, seconds=8),
        (
            Control(
                "places for more requests than slow senders take",
                lambda site, _: slow_sockets.slow_sockets(
                    site, sockets=200, seconds=3, to_the_end=False, most=50
                ),
                (slow_sockets.UNHARMED,),
            ),
        ),
    ),
    Run(
        "R13",
        "service machines whose clocks are a day ahead and a day behind",
        lambda site, _: moved_clocks.moved_clocks(site, items=100),
        (
            Control(
                "the database's time at the look-up of a key",
                lambda site, _: moved_clocks.moved_clocks(
                    site, items=3, alteration="keys_end_by_the_machines_clock"
                ),
                (moved_clocks.EXPIRES_IN_TIME,),
            ),
        ),
    ),
    *(
        Run(
            "R15",
            f"SIGTERM under load, {workers} worker{'s' * (workers > 1)}",
            lambda site, _, workers=workers: stops.stops(  # type: ignore[misc]
                site, rounds=10 // workers, clients=32, workers=workers
            ),
            (
                Control(
                    "its own way to stop: with uvicorn's",
                    lambda site, _, workers=workers: stops.stops(  # type: ignore[misc]
                        site,
                        rounds=2,
                        clients=32,
                        workers=workers,
                        alteration="stops_as_uvicorn_does",
                    ),
                    (stops.NOTHING_LOST, stops.TOLD),
                ),
            ),
        )
        for workers in (1, 2)
    ),
    *STOCK_RUNS,
    Run(
        "Mutants",
        "policies, keys, grants, roles, the binding and its kin, each weakened alone",
        lambda site, _: mutations.mutations(site, schema=SCHEMA_MUTANTS, code=CODE_MUTANTS),
        (
            Control(
                "any mutation: with the mutants left out, the checks and tests must be content",
                lambda site, _: mutations.mutations(
                    site, schema=SCHEMA_MUTANTS, code={}, mutated=False
                ),
                (mutations.ALL_KILLED,),
            ),
        ),
    ),
    Run(
        "Chaos",
        "businesses at random on one small pool; work that is cut off, fails or is undone",
        lambda site, seed: tenant_chaos.tenant_chaos(
            site, tenants=20, operations=20_000, requests=4_000, seed=seed
        ),
        (
            Control(
                "the binding to a transaction: with SET for the session",
                lambda site, seed: tenant_chaos.tenant_chaos(
                    site, tenants=20, operations=2_000, requests=0, seed=seed, by_session=True
                ),
                (tenant_chaos.UNBOUND_SEES_NOTHING,),
            ),
        ),
    ),
    Run(
        "Schemathesis",
        "requests that a third party makes up from the OpenAPI document",
        lambda site, seed: fuzzing.fuzzing(site, seed=seed, examples=100),
        (
            Control(
                "a service without faults: with an error planted in one operation",
                lambda site, seed: fuzzing.fuzzing(
                    site,
                    seed=seed,
                    examples=5,
                    fault="server_error",
                    operation="post_item_batch",
                ),
                (fuzzing.NOTHING_FOUND,),
            ),
        ),
    ),
)
