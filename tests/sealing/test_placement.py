"""A route that the generator cannot place fails the suite."""

from typing import Annotated, Any, Final, Literal
from uuid import UUID

import pytest
from fastapi import APIRouter, FastAPI, Header, Query
from pydantic import Field, create_model
from starlette.responses import Response
from starlette.routing import Route

from sokho.app import create_app
from sokho.core.application.dto import RequestModel
from sokho.core.infrastructure.http.routing import PreparedRoute
from sokho.core.infrastructure.settings import Settings
from tests.api.test_openapi import FOR_ANYBODY
from tests.sealing.document import Operation, operations_of
from tests.sealing.placement import CannotPlace, Plain, places_of

SHELF_QUERY: Final = create_model("ShelfQuery", row=(str | None, None))
SHELF: Final = create_model("Shelf", __base__=RequestModel, label=(str, "x"))
CODED: Final = create_model("Coded", __base__=RequestModel, code=(str, "x"))
NUMBERED: Final = create_model("Numbered", __base__=RequestModel, shelf_id=(int, Field(ge=1, le=9)))
HALF_BOUNDED: Final = create_model("HalfBounded", __base__=RequestModel, row=(int, Field(ge=1)))
SHELVES: Final = create_model("Shelves", __base__=RequestModel, shelves=(list[SHELF], []))

UNPLACED: Final = [
    ("/v1/shelves/{shelf}", str, "path shelf"),
    ("/v1/shelves/{shelf}", UUID, "path shelf"),
    ("/v1/shelves/{shelf}", int, "path shelf"),
    ("/v1/shelves", str, "query shelf"),
    ("/v1/shelves", Annotated[SHELF_QUERY, Query()], "query row"),
    ("/v1/shelves", Annotated[str | None, Header()], "header shelf"),
    ("/v1/shelves", SHELF, "body label"),
    ("/v1/shelves", SHELVES, "body shelves/0/label"),
    # What the registry knows of others by the same name says nothing of these.
    ("/v1/shelves", CODED, "body code"),
    # A number within bounds may be the number of somebody's row.
    ("/v1/shelves", NUMBERED, "body shelf_id"),
    ("/v1/shelves", HALF_BOUNDED, "body row"),
]


def an_endpoint(kind: Any) -> Any:
    """Return a path function that takes `shelf`."""

    async def endpoint(shelf: Any) -> Response:
        return Response(f"{shelf}")

    endpoint.__annotations__["shelf"] = kind
    return endpoint


def an_app(path: str | None = None, endpoint: Any = None, **options: Any) -> FastAPI:
    """Return the service, perhaps with one route more; no database is asked."""
    app = create_app(
        Settings.model_validate(
            {"database_url": "postgresql://nobody@nowhere/", "secret": "s" * 32}
        )
    )
    if path is not None:
        canary = APIRouter(route_class=PreparedRoute)
        canary.add_api_route(path, endpoint, methods=["POST"], response_model=None, **options)
        app.router.routes.extend(canary.routes)
    return app


def the_canary(path: str, kind: Any) -> Operation:
    """Return the operation of a route that takes `shelf`, as the service documents it."""
    document = an_app(path, an_endpoint(kind)).openapi()
    [canary] = [operation for operation in operations_of(document) if operation.path == path]
    return canary


def undocumented(app: FastAPI) -> set[str]:
    """Return the operations that the document does not tell of, but for those of nobody."""
    served = {
        f"{method} {route.path}"
        for route in app.router.routes
        if isinstance(route, Route) and route.path not in FOR_ANYBODY
        for method in route.methods or ()
    }
    return served - {str(operation) for operation in operations_of(app.openapi())}


class TestEveryPlace:
    def test_is_known(self):
        operations = operations_of(an_app().openapi())
        assert operations
        for operation in operations:
            places_of(operation)

    @pytest.mark.parametrize(("path", "kind", "place"), UNPLACED)
    def test_that_is_not_is_found(self, path: str, kind: Any, place: str):
        """The control: a new route whose values nobody has thought of."""
        with pytest.raises(CannotPlace) as refusal:
            places_of(the_canary(path, kind))
        assert f"POST {path}" in str(refusal.value)
        assert place in str(refusal.value)
        assert "tests/sealing/placement.py" in str(refusal.value)

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (Annotated[int, Query(ge=1, le=5)], (1, 5)),
            (Annotated[int, Query(gt=0, lt=5)], (1, 4)),
            (Literal["high", "low"], ("high", "low")),
            (bool, (True, False)),
        ],
    )
    def test_that_tells_of_nobody_is_taken_from_the_schema(
        self, kind: Any, values: tuple[object, ...]
    ):
        place, *_ = places_of(the_canary("/v1/shelves", kind)).values()
        assert place == Plain(values)


class TestEveryRoute:
    def test_is_in_the_document(self):
        assert undocumented(an_app()) == set()

    def test_that_is_not_is_found(self):
        """The control: what is not documented would not be called."""
        app = an_app("/v1/items/{item_id}", an_endpoint(SHELF), include_in_schema=False)
        assert undocumented(app) == {"POST /v1/items/{item_id}"}
        app = an_app("/elsewhere", an_endpoint(SHELF), include_in_schema=False)
        assert undocumented(app) == {"POST /elsewhere"}
