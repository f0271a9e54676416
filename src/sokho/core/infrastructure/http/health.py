"""``/livez`` and ``/readyz``, for whatever watches over the process."""

from typing import Final

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.infrastructure.database import OverloadedError
from sokho.core.infrastructure.http.routing import PreparedRoute

DRAINING: Final = "draining"
"""Stands in the server's state (`scope["state"]`) once it is about to stop."""

router = APIRouter(tags=["health"], route_class=PreparedRoute, include_in_schema=False)


@router.get("/livez")
async def livez() -> Response:
    """Answer 200 while the process lives, whatever the database does."""
    return Response(b'{"status":"ok"}', media_type="application/json")


@router.get("/readyz")
async def readyz(request: Request) -> Response:
    """Answer 200 when the database answers with the schema that this version needs.

    Not while the server is about to stop: then nothing new should be sent here.
    """
    if DRAINING in request.scope.get("state", ()) or not await request.app.state.readiness.look():
        raise OverloadedError
    return Response(b'{"status":"ok"}', media_type="application/json")
