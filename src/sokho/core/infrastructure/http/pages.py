"""One page of a list, and the link to the next (RFC 8288)."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import quote, urlencode
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from sokho.core.application.paging import ListQuery
from sokho.core.domain.paging import Position
from sokho.core.infrastructure.database import Database
from sokho.core.infrastructure.http.cursors import CursorCodec
from sokho.core.infrastructure.http.responses import Representation

_T = TypeVar("_T")

# Most lists are asked for by the same few paths, in the same few ways.
_quoted: Final = lru_cache(maxsize=256)(quote)
_written: Final = lru_cache(maxsize=256)(urlencode)

WATERMARK: Final = "Sokho-Sync-Watermark"

LONGEST_TRANSACTION: Final = timedelta(seconds=60)
"""Longer than any transaction of the service runs; from PostgreSQL 17 the role's limits hold it."""


class Page:
    """Where a page starts, and how it is answered.

    Its cursors are bound to the tenant, the path, the filters and the order. Raises
    `InvalidCursorError` when the query brings any other.
    """

    def __init__(self, request: Request, tenant_id: UUID, query: ListQuery) -> None:
        self._database: Database = request.app.state.database
        self._codec: CursorCodec = request.app.state.cursors
        self._path = _quoted(request.scope["path"])
        self._limit = query.limit
        self._conditions = _written(tuple(query.conditions().items()))
        bound_to = (tenant_id.bytes, self._path.encode(), self._conditions.encode())
        self._binding = b"\n".join(bound_to)
        self.after: Position | None = None
        self._began: datetime | None = None
        if query.cursor is not None:
            *after, self._began = self._codec.decode(query.cursor, query=self._binding)
            self.after = tuple(after)
        self.wanted = query.limit + 1
        """How many rows to fetch: one more than the page shows, to know whether it is the last."""

    async def response(
        self,
        representation: Representation,
        rows: Sequence[_T],
        position: Callable[[_T], Position],
        *,
        cut_short: bool = False,
    ) -> Response:
        """Return the rows as a JSON array, with a Link to the next page if there is one.

        There is one behind rows that were `cut_short`, however few they are.

        The link is relative: behind a proxy the service does not know its own name. The
        watermark is what to ask for next time as ``updated_since``: so far back from when the
        scan began that no transaction still open can commit a change from before it. The
        cursor carries that moment on, so every page of a scan has the same watermark.
        """
        began = self._began or await self._database.clock.now()
        watermark = (began - LONGEST_TRANSACTION).isoformat().replace("+00:00", "Z")
        headers = {WATERMARK: watermark}
        if len(rows) <= self._limit and not cut_short:
            return representation.many(rows, headers=headers)
        shown = rows[: self._limit]
        cursor = self._codec.encode((*position(shown[-1]), began), query=self._binding)
        next_page = f"{self._path}?{self._conditions}&limit={self._limit}&cursor={cursor}"
        headers["Link"] = f'<{next_page}>; rel="next"'
        return representation.many(shown, headers=headers)
