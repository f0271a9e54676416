"""What is known of one request: kept in its ASGI scope, never in a global or a contextvar."""

from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final
from uuid import UUID

from sokho.core.domain.identity import Operator, Principal
from sokho.core.infrastructure.database import Transaction

_KEY: Final = "sokho.request"


@dataclass(slots=True)
class RequestContext:
    """One request: its id, who is calling once that is verified, and what it cost."""

    request_id: UUID
    started: float = field(default_factory=perf_counter)
    caller: Principal | Operator | None = None
    transaction: Transaction | None = None
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """What its answer gets beside its own headers, also when it is a refusal."""

    @property
    def age(self) -> float:
        """The seconds since the request came."""
        return perf_counter() - self.started

    @classmethod
    def of(cls, scope: Any) -> "RequestContext":
        """Return the context that the middleware put into an ASGI scope."""
        context: RequestContext = scope[_KEY]
        return context

    def attach(self, scope: Any) -> None:
        """Put this context into an ASGI scope."""
        scope[_KEY] = self
