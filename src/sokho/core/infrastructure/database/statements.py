"""Core statements, compiled once when a module is imported, for a driver called directly.

SQLAlchemy writes the SQL and names the parameters; executing through its engine would
cost ten times the driver's own time (`docs/decisions/0006-compiled-statements.md`).
"""

from collections.abc import Mapping
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSON, JSONB
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase
from sqlalchemy.sql.elements import BindParameter
from sqlalchemy.sql.expression import ClauseElement, Executable

TENANT_SETTING: Final = "app.current_tenant"

TENANT: Final = sa.bindparam("current_tenant", type_=sa.Uuid())
"""The tenant a transaction is bound to. Statements name it; only the transaction fills it."""

_TENANT_KEY: Final = TENANT.key

_BOUND: Final = (
    sa.select(
        sa.func.set_config(
            sa.literal_column(f"'{TENANT_SETTING}'"), sa.cast(TENANT, sa.Text), sa.true()
        ).label("tenant")
    )
    .cte("bound")
    .prefix_with("MATERIALIZED")
)

_DIALECT: Final[Any] = cast("Any", asyncpg_dialect)()

# The codec of the connection encodes these (see `pool.py`), and lists and
# plain values need no encoding; so SQLAlchemy's own processors are not called.
_ENCODED_BY_DRIVER: Final = (JSON, JSONB, sa.ARRAY, sa.Boolean)


def insertion(table: sa.Table, values: Mapping[str, Any]) -> Insert:
    """Return an INSERT of one row, which comes from where the tenant is bound: so it is by then.

    `values` are by column. The CTE is evaluated once, being volatile, and before there is a row
    for the policy or a foreign key to look at.
    """
    row = (sa.type_coerce(value, table.c[name].type) for name, value in values.items())
    return sa.insert(table).from_select([*values], sa.select(*row).select_from(_BOUND))


class Statement:
    """One statement with named parameters, ready for the driver.

    `TENANT` among its parameters is filled in by the transaction. A SELECT also has
    `one_trip`, the form that binds the tenant and answers in a single message; PostgreSQL makes
    one plan for it where it is `planned_once`, and not for each of the values that it is given.
    A change that is not `of_the_business`, but of the service's own keeping, leaves no event.
    What calls a function that changes something says that it `writes`. A change that `binds` the
    tenant itself, by `insertion`, can do without a BEGIN before it.
    """

    __slots__ = (
        "_constants",
        "_names",
        "_one_trip_names",
        "_required",
        "binds",
        "clause",
        "of_the_business",
        "one_trip",
        "text",
        "writes",
    )

    def __init__(
        self,
        clause: Executable,
        *,
        of_the_business: bool = True,
        writes: bool = False,
        planned_once: bool = False,
    ) -> None:
        assert isinstance(clause, ClauseElement)
        self.clause = clause
        self.of_the_business = of_the_business
        compiled: Any = clause.compile(dialect=_DIALECT)
        self.text = str(compiled)
        self._names = tuple(compiled.positiontup or ())
        self._constants = _constants(compiled.binds)
        self._required = frozenset(self._names) - self._constants.keys() - {TENANT.key}
        self.one_trip: str | None = None
        self._one_trip_names: tuple[str, ...] = ()
        parts = [*visitors.iterate(clause)]
        self.writes = writes or any(isinstance(part, UpdateBase) for part in parts)
        self.binds = any(part is _BOUND for part in parts) and not any(
            isinstance(part, (Update, Delete)) for part in parts
        )
        if isinstance(clause, sa.Select) and TENANT.key in self._names and not self.writes:
            self.one_trip, self._one_trip_names = _bind_and_select(
                clause, planned_once=planned_once
            )

    def fitting(self, values: dict[str, object]) -> "tuple[Statement, dict[str, object]]":
        """Return the statement that is run where `values` are given, and those that it takes."""
        return self, values

    def arguments(self, tenant_id: UUID, values: Mapping[str, object]) -> list[object]:
        """Return the driver's positional arguments for `text`.

        Raises `TypeError` when `values` lacks a parameter or has one too many.
        """
        return self._in_order(self._names, tenant_id, values)

    def one_trip_arguments(self, tenant_id: UUID, values: Mapping[str, object]) -> list[object]:
        """Return the driver's positional arguments for `one_trip`; raises as `arguments`."""
        return self._in_order(self._one_trip_names, tenant_id, values)

    def _in_order(
        self, names: tuple[str, ...], tenant_id: UUID, values: Mapping[str, object]
    ) -> list[object]:
        known = {**self._constants, **values, _TENANT_KEY: tenant_id}
        try:
            arguments = [*map(known.__getitem__, names)]
        except KeyError:
            arguments = []
        # Each that is asked for, and as many: so there is none too many.
        if len(arguments) < len(names) or len(values) != len(self._required):
            wrong = sorted(self._required ^ values.keys())
            raise TypeError(f"parameters missing or unknown: {', '.join(wrong)}")
        return arguments


def _constants(binds: Mapping[str, "BindParameter[Any]"]) -> dict[str, object]:
    """Return the values written into the statement itself, by parameter."""
    constants: dict[str, object] = {}
    for name, bind in binds.items():
        processor = bind.type.dialect_impl(_DIALECT).bind_processor(_DIALECT)
        if processor is not None and not isinstance(bind.type, _ENCODED_BY_DRIVER):
            raise TypeError(f"{name}: {bind.type!r} would have to be encoded in Python")
        if not bind.required and bind.key != TENANT.key:
            constants[name] = bind.effective_value
    return constants


def _bind_and_select(
    clause: "sa.Select[Any]", *, planned_once: bool
) -> tuple[str, tuple[str, ...]]:
    """Wrap a SELECT so that binding the tenant and reading are one message.

    The lateral reference to ``bound.tenant`` makes PostgreSQL evaluate `set_config` before
    it looks at any row, under every plan, and OFFSET 0 keeps the inner SELECT from being
    flattened away from it. If that order ever broke, the policy would meet an unset tenant
    and raise: it fails closed.

    What is `planned_once` gets its other values from ``bound`` as well: the planner does not see
    them, finds no plan for them better than the one for any, and keeps that.
    """
    given: dict[str, str] = {}

    def taken_from_bound(element: Any, **_: object) -> Any:
        if not isinstance(element, BindParameter):
            return None
        if element.key == TENANT.key:
            return sa.literal_column("bound.tenant::uuid", sa.Uuid())
        if not planned_once or not element.required:
            return None
        given[element.key] = element.type.compile(dialect=_DIALECT)
        return sa.literal_column(f'bound."{element.key}"', element.type)

    bound = cast("sa.Select[Any]", visitors.replacement_traverse(clause, {}, taken_from_bound))
    inner: Any = bound.compile(dialect=_DIALECT)
    names = (*(inner.positiontup or ()), *given, TENANT.key)
    number = {name: f"${position}" for position, name in enumerate(names, 1)}
    values = [f"set_config('{TENANT_SETTING}', {number[TENANT.key]}::uuid::text, true)"]
    values += [f"{number[name]}::{kind}" for name, kind in given.items()]
    columns = ", ".join(["tenant", *(f'"{name}"' for name in given)])
    text = (
        f"SELECT answer.* FROM (SELECT {', '.join(values)} OFFSET 0) AS bound({columns}) "
        f"CROSS JOIN LATERAL (SELECT * FROM ({inner}) AS chosen OFFSET 0) AS answer"
    )
    return text, names
