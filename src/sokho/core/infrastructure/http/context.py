"""What is known of one request: kept in its ASGI scope, never in a global or a contextvar."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sokho.core.domain.identity import Operator, Principal
from sokho.core.infrastructure.database import RoundTripSpan, Transaction
from sokho.core.infrastructure.http.security_headers import HeaderLines

_KEY: Final = "sokho.request"

CUT_OFF: Final = "sokho.cut_off"
"""Stands in a scope whose client read nothing, so that its connection was ended."""

GARBLED: Final = "sokho.garbled"
"""Stands in a scope whose body broke off, as what followed is not HTTP."""

WHOLE: Final = "sokho.whole"
"""Stands in a scope whose body has all come: who reads it does not wait."""

CLIENT_LEFT: Final = 499
"""The status of a request whose client did not wait: nobody has seen it."""


@dataclass(slots=True)
class RequestContext:
    """One request: its id, who is calling once that is verified, and what it cost."""

    request_id: str
    """A UUID in its text form."""
    security_headers: HeaderLines
    caller: Principal | Operator | None = None
    transaction: Transaction | None = None
    headers: HeaderLines = ()
    """What its answer gets beside its own headers, also when it is a refusal."""
    key_hash: bytes | None = None
    """What stands for its Idempotency-Key, once that has been worked out."""
    earlier_round_trips: int = 0
    """Those of attempts that collided."""
    status: int = 0
    """What was answered; 0 while nothing is."""
    trace_id: str | None = None
    """Under which a collector knows the request, where traces are on."""
    round_trip_span: RoundTripSpan | None = None

    @property
    def round_trips(self) -> int:
        """How many messages the request's transactions have exchanged with the database."""
        if self.transaction is None:
            return 0
        return self.earlier_round_trips + self.transaction.round_trips

    @property
    def tenant_id(self) -> UUID | None:
        """The business whose key was verified, if it was one's."""
        return self.caller.tenant_id if isinstance(self.caller, Principal) else None

    def begin(self, transaction: Transaction) -> None:
        """Make `transaction` the request's; there is another one where it is tried again."""
        self.earlier_round_trips = self.round_trips
        self.transaction = transaction
        transaction.span = self.round_trip_span

    @classmethod
    def of(cls, scope: Any) -> "RequestContext":
        """Return the context that the middleware put into an ASGI scope."""
        context: RequestContext = scope[_KEY]
        return context

    def attach(self, scope: Any) -> None:
        """Put this context into an ASGI scope."""
        scope[_KEY] = self


def route_of(scope: Any) -> str | None:
    """Return the template of the path that a request has matched: the path itself is input."""
    return getattr(scope.get("route"), "path", None)
