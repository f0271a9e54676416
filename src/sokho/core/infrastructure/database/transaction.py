"""A tenant-bound transaction: the only way for a repository to reach the database.

It takes a connection at its first statement, so a request that is refused before costs
none, and no statement can run before the tenant is bound.
"""

import contextlib
import re
from abc import abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from typing import Final, Self, TypeAlias, TypeVar, cast
from uuid import UUID

import asyncpg

from sokho.core.domain.events import Event, EventLog
from sokho.core.domain.identity import Origin
from sokho.core.domain.ids import new_id, new_id_text
from sokho.core.infrastructure.database.events import (
    ADD_ACTOR,
    FIND_ACTOR,
    RECORD,
    recording,
)
from sokho.core.infrastructure.database.pool import (
    UNREACHABLE,
    CollisionError,
    Connection,
    OverloadedError,
    Pool,
)
from sokho.core.infrastructure.database.statements import TENANT_SETTING, Statement

Row = asyncpg.Record
"""What a statement returns: values by column name."""

RoundTripSpan: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Tells whoever traces the request of a round trip, by its SQL, for as long as it lasts."""

NOT_ALONE: Final[Mapping[str, object]] = {
    "alone": False,
    "own_event_id": None,
    "own_event_request_id": None,
    "own_event_changes": None,
    "claim": None,
    "key_hash": None,
    "fingerprint": None,
}
"""What a statement is told that could be a transaction of its own, within another."""

_T = TypeVar("_T")

_COLLIDED: Final = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.LockNotAvailableError,  # lock_timeout
    asyncpg.InvalidCachedStatementError,  # a migration, under a statement that was prepared
)

_OVERLOADED: Final = (
    asyncpg.QueryCanceledError,  # statement_timeout
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a failover left us on the standby
)

# A distributed table's shards carry the constraint's name with a number behind it.
_SHARD_SUFFIX: Final = re.compile(r"_\d+$")


class ConstraintViolationError(Exception):
    """A statement broke the constraint named `constraint`; repositories translate it."""

    def __init__(self, constraint: str) -> None:
        self.constraint = constraint
        super().__init__(constraint)


async def _traced(span: AbstractContextManager[None], call: Awaitable[_T]) -> _T:
    with span:
        return await call


class Transaction(EventLog):
    """Statements of one tenant. One at a time: a connection cannot run two."""

    def __init__(self, pool: Pool, tenant_id: UUID) -> None:
        self._pool = pool
        self._busy = False
        self.tenant_id = tenant_id
        self.round_trips = 0
        self.span: RoundTripSpan | None = None

    async def fetch_all(self, statement: Statement, **values: object) -> list[Row]:
        """Run `statement` and return its rows.

        Raises `ConstraintViolationError`, `CollisionError`, and `OverloadedError` when the
        database cannot answer in time. `values` are the statement's parameters by name, without
        the tenant.
        """
        return await self._alone(self._run, *statement.fitting(values))

    async def _alone(self, work: Callable[..., Awaitable[_T]], *given: object) -> _T:
        """Await `work`, which is all that runs, and tell its failure by errors of ours."""
        if self._busy:
            raise RuntimeError("a transaction runs one statement at a time")
        self._busy = True
        try:
            return await work(*given)
        except asyncpg.IntegrityConstraintViolationError as error:
            name = error.constraint_name or ""
            raise ConstraintViolationError(_SHARD_SUFFIX.sub("", name)) from error
        except _COLLIDED as error:
            raise CollisionError from error
        except (*_OVERLOADED, *UNREACHABLE) as error:
            raise OverloadedError from error
        finally:
            self._busy = False

    async def fetch_one(self, statement: Statement, **values: object) -> Row | None:
        """Run `statement` and return its first row, if there is one; raises as `fetch_all`."""
        rows = await self._alone(self._run, statement, values)
        return rows[0] if rows else None

    @abstractmethod
    async def fetch_alone(self, statement: Statement, **values: object) -> Row | None:
        """Let a statement be all of this transaction, in one round trip.

        It binds the tenant itself, writes the event that is recorded, and claims and keeps the
        Idempotency-Key; its row tells by `done` whether it has done so. If not, nothing has
        happened. Returns None where more belongs to this transaction than such a statement can
        do. Raises as `fetch_all`.
        """

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Commit when the block ended well, roll back when it raised."""
        await (self.commit() if error is None else self.rollback())

    @abstractmethod
    def begin_with(self, also: str) -> None:
        """Let `also` be run in the round trip of BEGIN: SQL without parameters, once.

        What it raises itself is raised by the first statement, as the driver tells it. A read has
        no BEGIN: there it is left out. Raises `RuntimeError` when the transaction has
        begun without it.
        """

    def commit_with_change(self) -> None:
        """Let the first change be the last, and its event with it: committed by its statement.

        It has no effect where a statement ran before it, or something is to be done with BEGIN;
        and where a pooler may part a statement from its values. After it this transaction has
        ended.
        """

    @property
    @abstractmethod
    def is_traceable(self) -> bool:
        """Whether an event tells of what was changed, if anything was."""

    @abstractmethod
    async def commit(self) -> None:
        """Make the work durable and visible, and end."""

    @abstractmethod
    async def rollback(self) -> None:
        """Undo the work, and end."""

    @abstractmethod
    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        """Bind the tenant if that is still to be done, and run."""

    async def _fetch_in_one_trip(self, text: str, arguments: list[object]) -> list[Row]:
        """Run SQL that binds the tenant itself, on a connection borrowed for it alone.

        Without a context manager, which an async generator would make of each request.
        """
        connection = await self._pool.acquire()
        try:
            rows = await self._exchange(text, connection.fetch(text, *arguments))
        except BaseException as error:
            self._pool.release_after(error, connection)
            raise
        self._pool.release(connection)
        return rows

    def _exchange(self, command: str, call: Awaitable[_T]) -> Awaitable[_T]:
        """Return what awaits the driver: one round trip, whose SQL is `command`."""
        self.round_trips += 1
        return call if self.span is None else _traced(self.span(command), call)


class WriteTransaction(Transaction):
    """BEGIN with the tenant bound, the statements, COMMIT: a round trip each."""

    def __init__(self, pool: Pool, tenant_id: UUID, origin: Origin) -> None:
        super().__init__(pool, tenant_id)
        self._connection: Connection | None = None
        self._over = False
        self._failed = False
        self._origin = origin
        self._on_behalf_of: UUID | None = None
        self._events: deque[Event] = deque()
        self._recorded = False
        self._changed = False
        self._first: dict[str, None] = {}
        self._last: str | None = None
        self._claim: Mapping[str, object] = {}
        self._told_again: str | None = None
        self.has_kept = False
        """Whether what was done was kept for the Idempotency-Key by the statement that did it."""
        self._commits_with_change = False

    def record(self, event: Event) -> None:
        self._events.append(event)
        self._recorded = True

    def claim(self, number: int, key_hash: bytes, fingerprint: bytes) -> None:
        """Let a statement that is a transaction of its own claim and keep an Idempotency-Key."""
        self._claim = {"claim": number, "key_hash": key_hash, "fingerprint": fingerprint}

    def tell_again(self, result: str) -> None:
        """Let the statement that was a transaction of its own answer as it once did."""
        self._told_again = result

    async def fetch_alone(self, statement: Statement, **values: object) -> Row | None:
        if self._told_again is not None:
            self._events.clear()
            return cast("Row", {"done": True, "result": self._told_again})
        begun = self._connection is not None or self._over or len(self._events) != 1
        # Who acts on behalf of somebody has to be looked up.
        if begun or self._origin.on_behalf_of is not None:
            return None
        if not (self._commits_with_change and self._pool.keeps_statements):
            return None
        event = self._events[0]
        values |= {
            **NOT_ALONE,
            **self._claim,
            "alone": True,
            "own_event_id": new_id_text(),
            "own_event_request_id": self._origin.request_id,
            "own_event_changes": event.changes,
        }
        (row,) = await self._alone(self._fetch_alone, statement, values)
        if row["done"]:
            self._over = True
            self._events.clear()
            self.has_kept = bool(self._claim)
        return row

    async def _fetch_alone(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        arguments = statement.arguments(self.tenant_id, values)
        return await self._fetch_in_one_trip(statement.text, arguments)

    def begin_with(self, also: str) -> None:
        if also not in self._first and (self._connection is not None or self._over):
            raise RuntimeError("this transaction has begun")
        self._first[also] = None

    def commit_with(self, also: str) -> None:
        """Let `also` be the last thing that is done, in the round trip of COMMIT."""
        self._last = also

    def commit_with_change(self) -> None:
        self._commits_with_change = True

    @property
    def is_traceable(self) -> bool:
        return self._recorded or not self._changed

    async def commit(self) -> None:
        """Write the events that no change has taken with it, and commit.

        Raises `RuntimeError` when a statement failed and the failure was swallowed:
        PostgreSQL answers such a COMMIT with a silent ROLLBACK. And where a request has changed
        something and no event tells of it.
        """
        if self._failed:
            await self.rollback()
            raise RuntimeError("a statement of this transaction failed: it was rolled back")
        if self._origin.request_id is not None and not self.is_traceable:
            await self.rollback()
            raise RuntimeError("a change was made without recording an event")
        try:
            while self._events:
                await self.fetch_all(RECORD, **await self._next_event())
        except BaseException:
            await self.rollback()
            raise
        await self._end("COMMIT" if self._last is None else f"{self._last}; COMMIT")

    async def rollback(self) -> None:
        """Roll back; a connection that cannot even do that is closed, which undoes the work."""
        self._failed = self._changed = False
        self._events.clear()
        with contextlib.suppress(OverloadedError):
            await self._end("ROLLBACK")

    async def _run(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        if self._over or self._failed:
            raise RuntimeError("this transaction has ended or failed")
        if statement.writes:
            self._changed = self._changed or statement.of_the_business
            if self._events and statement is not RECORD:
                values = values | await self._next_event()
                alone = statement.binds and self._can_commit_with_change()
                statement = recording(statement)
                if alone:
                    return await self._commit_by(statement, values)
        return await self._fetch(statement, values)

    def _can_commit_with_change(self) -> bool:
        """Whether nothing comes before the change or after it, nor between its two messages."""
        begun = self._connection is not None or self._first or self._events
        return self._commits_with_change and not begun and self._pool.keeps_statements

    async def _commit_by(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        """Run a change that binds the tenant itself, as a transaction of its own."""
        arguments = statement.arguments(self.tenant_id, values)
        self._over = self._failed = True
        rows = await self._fetch_in_one_trip(statement.text, arguments)
        self._failed = False
        return rows

    async def _fetch(self, statement: Statement, values: dict[str, object]) -> list[Row]:
        arguments = statement.arguments(self.tenant_id, values)
        connection = self._connection or await self._begin()
        return await self._round_trip(statement.text, connection.fetch(statement.text, *arguments))

    async def _next_event(self) -> dict[str, object]:
        """Return the parameters of the event that is to be written next."""
        event = self._events.popleft()
        if self._origin.on_behalf_of is not None and self._on_behalf_of is None:
            self._on_behalf_of = await self._actor(self._origin.on_behalf_of)
        return {
            "event_id": new_id_text(),
            "event_type": event.type,
            "event_resource_id": event.resource_id,
            "event_actor": self._origin.actor,
            "event_on_behalf_of": self._on_behalf_of,
            "event_request_id": self._origin.request_id,
            "event_changes": event.changes,
        }

    async def _actor(self, name: str) -> UUID:
        """Return the id under which events tell of somebody, who is added when first met."""
        for statement in (FIND_ACTOR, ADD_ACTOR, FIND_ACTOR):
            values: dict[str, object] = {"actor_name": name}
            if statement is ADD_ACTOR:
                values["actor_id"] = new_id()
            if rows := await self._fetch(statement, values):
                id: UUID = rows[0]["id"]
                return id
        raise OverloadedError  # erased between two statements, of all moments

    async def _begin(self) -> Connection:
        if not isinstance(self.tenant_id, UUID):
            raise TypeError("a tenant is a uuid.UUID")  # it becomes a literal just below
        connection = self._connection = await self._pool.acquire()
        # SET LOCAL takes no parameter, and Citus passes it on to its workers, set_config not.
        bind = f"BEGIN; SET LOCAL {TENANT_SETTING} = '{self.tenant_id}'"
        for each in self._first:
            bind = f"{bind}; {each}"
        await self._round_trip("BEGIN", connection.execute(bind))
        return connection

    async def _end(self, command: str) -> None:
        self._over = True
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            # What is traced has no values: those of the last statement stand in its text.
            await self._exchange(command.rpartition(" ")[2], connection.execute(command))
        except BaseException as error:
            self._pool.discard(connection)  # what is left of the work goes with it
            if isinstance(error, _COLLIDED):
                raise CollisionError from error
            if isinstance(error, (*_OVERLOADED, *UNREACHABLE)):
                raise OverloadedError from error
            raise
        self._pool.release(connection)

    async def _round_trip(self, command: str, call: Awaitable[_T]) -> _T:
        """Await the driver; a connection whose state is then in doubt is closed."""
        try:
            return await self._exchange(command, call)
        except BaseException as error:
            self._failed = True
            if self._connection is not None and not isinstance(error, asyncpg.PostgresError):
                connection, self._connection = self._connection, None
                self._pool.discard(connection)
            raise
