"""A span for each request, below the caller's own, and one below it for each round trip.

Names and attributes are OpenTelemetry's semantic conventions for HTTP and for databases. What a
client has sent stands in none of them: of a path its template, of SQL its text with ``$1``.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final

from opentelemetry.context import Context
from opentelemetry.propagators.textmap import Getter
from opentelemetry.trace import (
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Receive, Scope, Send

from sokho.core.infrastructure.http.context import RequestContext, route_of

_METHODS: Final = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"}
)

_SERVER_ERRORS_BEGIN: Final = 500

_RawHeaders = Sequence[tuple[bytes, bytes]]


class TracingMiddleware:
    """Tells `tracer` of each request. It needs the context that `RequestMiddleware` makes."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self.app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        context = RequestContext.of(scope)
        known = scope["method"] in _METHODS
        span = self._tracer.start_span(
            scope["method"] if known else "HTTP",
            _PROPAGATOR.extract(scope["headers"], Context(), _HEADERS),
            SpanKind.SERVER,
            {
                "http.request.method": scope["method"] if known else "_OTHER",
                "network.protocol.version": scope.get("http_version", "1.1"),
                "sokho.request_id": context.request_id,
                "url.scheme": scope.get("scheme", "http"),
            },
        )
        if span.get_span_context().is_valid:
            context.trace_id = format_trace_id(span.get_span_context().trace_id)
        if span.is_recording():
            below = set_span_in_context(span, Context())
            context.round_trip_span = partial(_round_trip, self._tracer, below)
        try:
            await self.app(scope, receive, send)
        finally:
            _end(span, scope, context)


class _Headers(Getter[_RawHeaders]):
    """Finds a header in an ASGI scope."""

    def get(self, carrier: _RawHeaders, key: str) -> list[str] | None:
        """Return the parent, of two none (W3C Trace Context); never the state of a vendor.

        That is free text, which the library would hand on, and into the log where it is wrong.
        """
        wanted = b"traceparent" if key == "traceparent" else None
        found = [value.decode("latin-1") for name, value in carrier if name == wanted]
        return found if len(found) == 1 else None

    def keys(self, carrier: _RawHeaders) -> list[str]:
        return [name.decode("latin-1") for name, _ in carrier]


_HEADERS: Final = _Headers()

_PROPAGATOR: Final = TraceContextTextMapPropagator()


@contextmanager
def _round_trip(tracer: Tracer, below: Context, command: str) -> Iterator[None]:
    """Tell of one round trip; of what failed only its kind: a message may name values."""
    operation, *_ = command.split(maxsplit=1)
    attributes = {
        "db.operation.name": operation,
        "db.query.text": command,
        "db.system.name": "postgresql",
    }
    span = tracer.start_span(operation, below, SpanKind.CLIENT, attributes)
    try:
        yield
    except BaseException as error:
        span.set_attribute("error.type", type(error).__qualname__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        span.end()


def _end(span: Span, scope: Scope, context: RequestContext) -> None:
    """Add what is known at the end."""
    if not span.is_recording():
        return
    route = route_of(scope)
    if route is not None:
        method = scope["method"] if scope["method"] in _METHODS else "HTTP"
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("url.path", route)
    span.set_attribute("http.response.status_code", context.status)
    span.set_attribute("sokho.round_trips", context.round_trips)
    if context.tenant_id is not None:
        span.set_attribute("sokho.tenant_id", str(context.tenant_id))
    if context.status == 0 or context.status >= _SERVER_ERRORS_BEGIN:
        span.set_attribute("error.type", str(context.status))
        span.set_status(StatusCode.ERROR)
    span.end()
