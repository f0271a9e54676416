"""``sokho`` with something about it altered: a protection taken away, or its clock moved.

Run by its path, with the alteration's name in the environment, and then as ``sokho`` is. The
worker processes import this file anew, so each is altered like the first.
"""

import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast

ALTERATION: Final = "ALTERATION"


def _a_day_ahead() -> None:
    _move_clock(timedelta(days=1))


def _a_day_behind() -> None:
    _move_clock(timedelta(days=-1))


def _move_clock(by: timedelta) -> None:
    """Move the clock of the machine, as far as this process can tell, and its ids with it."""
    import time_machine

    time_machine.travel(datetime.now(UTC) + by, tick=True).start()
    if sys.version_info < (3, 14):  # from there on the ids are Python's own
        import uuid_utils.compat

        for ids in cast("tuple[Any, ...]", (uuid_utils, uuid_utils.compat)):
            make = ids.uuid7
            ids.uuid7 = partial(_by_the_moved_clock, make)


def _by_the_moved_clock(make: Callable[..., Any]) -> Any:
    import time

    return make(nanoseconds=time.time_ns())


def _keys_end_by_the_machines_clock() -> None:
    """Ask the clock of the machine when a key has ended, a day behind the database."""
    _a_day_behind()
    from sokho.core.infrastructure.database.reading import ReadTransaction

    reads: Any = ReadTransaction
    fetch_one = reads.fetch_one

    async def fetched(self: ReadTransaction, statement: Any, **values: object) -> Any:
        row = await fetch_one(self, statement, **values)
        if row is None or "now" not in row:
            return row
        return dict(row) | {"now": datetime.now(UTC)}

    reads.fetch_one = fetched


def _waits_for_ever() -> None:
    """Let requests wait for a connection as long as it takes."""
    from sokho.core.infrastructure.database.pool import Pool

    pool: Any = Pool
    init = pool.__init__

    def patient(self: Pool, dsn: str, **options: Any) -> None:
        init(self, dsn, **options | {"patience": 3600.0})

    pool.__init__ = patient


def _never_rolls_back() -> None:
    """Let a request that fails keep its connection, inside its transaction."""
    from sokho.core.infrastructure.database.transaction import WriteTransaction

    writes: Any = WriteTransaction

    async def keep(_: WriteTransaction) -> None:
        """Do nothing."""

    writes.rollback = keep


def _takes_conflicts_for_faults() -> None:
    """Treat what PostgreSQL gives up on as what nobody expected."""
    import sokho.core.infrastructure.database.transaction

    transactions: Any = sokho.core.infrastructure.database.transaction
    transactions._COLLIDED = transactions._OVERLOADED = ()


def _stops_as_uvicorn_does() -> None:
    """Serve by uvicorn's own server: at SIGTERM it closes what is idle or not yet accepted."""
    import uvicorn
    import uvicorn.supervisors

    import sokho.core.infrastructure.http.server

    server: Any = sokho.core.infrastructure.http.server

    def serve(config: uvicorn.Config, listener: Any, *, drain_seconds: float) -> None:
        del drain_seconds
        config.http = server.ProblemProtocol
        config.timeout_worker_healthcheck = 60  # on a busy machine it kills those that start
        if config.workers == 1:
            uvicorn.Server(config).run(sockets=[listener])
        else:
            uvicorn.supervisors.Multiprocess(config, sockets=[listener]).run()

    server.serve = serve


def _levels_are_read_from_a_copy() -> None:
    """Tell levels as they were when this process last looked, up to a tenth of a second ago."""
    import time

    from sokho.modules.stock.infrastructure.postgres_reads import PostgresStockReads

    reads: Any = PostgresStockReads
    levels = reads.levels
    copies: dict[str, tuple[float, Any]] = {}

    async def copied(self: PostgresStockReads, filter: object, *rest: Any, **more: Any) -> Any:
        now = time.monotonic()
        made, copy = copies.get(str(filter), (0.0, None))
        if now - made > 0.1:
            copy = await levels(self, filter, *rest, **more)
            copies[str(filter)] = (now, copy)
        return copy

    reads.levels = copied


def _reversals_leave_out_the_last_line() -> None:
    """Undo all lines of a document but the last, where it has more than one."""
    from sokho.modules.stock.domain.entities import StockTransaction

    documents: Any = StockTransaction
    undone = documents.undone
    documents.undone = lambda document: undone(document)[len(document.moves) > 1 :]


_ALTERATIONS: Final[dict[str, Callable[[], None]]] = {
    each.__name__.strip("_"): each
    for each in (
        _a_day_ahead,
        _a_day_behind,
        _keys_end_by_the_machines_clock,
        _waits_for_ever,
        _never_rolls_back,
        _takes_conflicts_for_faults,
        _stops_as_uvicorn_does,
        _levels_are_read_from_a_copy,
        _reversals_leave_out_the_last_line,
    )
}

if __name__ in {"__main__", "__mp_main__"}:  # the latter in worker processes
    _ALTERATIONS[os.environ[ALTERATION]]()

if __name__ == "__main__":
    from sokho.cli import main

    main()
