"""The OpenAPI document says of every operation what it needs and how it refuses."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import httpx2
import pytest
from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute

from sokho import __version__
from sokho.app import create_app
from sokho.core.application.dto import Problem
from sokho.core.dependencies import get_operator
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.embedded_postgres import DatabaseUrls
from sokho.core.infrastructure.http.routing import PreparedRoute
from tests.api.test_access import OPERATIONS
from tests.conftest import client_of, settings_for


@pytest.fixture
async def document(anonymous: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await anonymous.get("/openapi.json")
    assert answer.status_code == 200
    read: dict[str, Any] = answer.json()
    return read


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def scopes_of(operation: dict[str, Any]) -> set[str]:
    return {
        scope
        for requirement in operation.get("security", [])
        for scopes in requirement.values()
        for scope in scopes
    }


FOR_ANYBODY: Final = {"/livez", "/readyz", "/openapi.json", "/docs"}
"""What tells nothing of any business."""


def every(value: Any, key: str) -> Iterator[Any]:
    """Yield each value that stands under `key`, however deep."""
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == key:
                yield inner
            yield from every(inner, key)
    elif isinstance(value, list):
        for inner in value:
            yield from every(inner, key)


def declared_scopes(dependant: Dependant) -> set[str]:
    found = {*(dependant.own_oauth_scopes or ())}
    return found.union(*(declared_scopes(inner) for inner in dependant.dependencies))


def is_guarded(route: APIRoute) -> bool:
    """Whether a route needs a scope, or under ``/v1/admin`` the operator's key, and not both."""
    needs_operator = any(
        dependency.call is get_operator for dependency in route.dependant.dependencies
    )
    return (
        needs_operator
        == route.path.startswith("/v1/admin/")
        != bool(declared_scopes(route.dependant))
    )


def unguarded(app: FastAPI) -> list[str]:
    """Return the routes that are not prepared, or that anybody may call, but for the four."""
    return [
        str(getattr(route, "path", route))
        for route in app.router.routes
        if getattr(route, "path", None) not in FOR_ANYBODY
        and not (isinstance(route, PreparedRoute) and is_guarded(route))
    ]


class TestEveryRoute:
    def test_is_prepared_and_declares_a_scope(self, app: FastAPI):
        assert any(getattr(route, "path", "").startswith("/v1") for route in app.router.routes)
        assert unguarded(app) == []

    @pytest.mark.parametrize("path", ["/v1/forgotten", "/forgotten"])
    @pytest.mark.parametrize("route_class", [PreparedRoute, APIRoute])
    def test_that_does_not_is_found(
        self, urls: DatabaseUrls, route_class: type[APIRoute], path: str
    ):
        """The control: a route that was forgotten fails the test above."""

        async def forgotten() -> Response:
            return Response()

        canary = APIRouter(route_class=route_class)
        canary.add_api_route(path, forgotten, response_model=None)
        app = create_app(settings_for(urls))
        app.router.routes.extend(canary.routes)
        assert unguarded(app) == [path]
        assert not scopes_of(app.openapi()["paths"][path]["get"])

    def test_that_is_no_route_of_ours_is_found(self, urls: DatabaseUrls):
        app = create_app(settings_for(urls))
        app.mount("/elsewhere", Response())
        app.router.routes.append(Route("/plain", lambda _: Response(), include_in_schema=False))
        app.router.routes.append(WebSocketRoute("/socket", Response()))
        assert unguarded(app) == ["/elsewhere", "/plain", "/socket"]


class TestEveryOperation:
    async def test_names_its_scopes(self, document: dict[str, Any]):
        known = {str(scope) for scope in Scope}
        needed = {name: scopes_of(operation) for name, operation in operations(document)}
        assert needed == {
            str(operation): {operation.scope} if operation.scope else set()
            for operation in OPERATIONS
        }
        assert set().union(*needed.values()) <= known

    async def test_names_no_scheme_that_is_not_described(self, document: dict[str, Any]):
        schemes = document["components"]["securitySchemes"]
        assert schemes["ApiKey"]["type"] == "http"
        assert schemes["ApiKey"]["scheme"] == "bearer"
        for name, operation in operations(document):
            for requirement in operation["security"]:
                assert requirement.keys() <= schemes.keys(), name

    async def test_tells_how_it_refuses(self, document: dict[str, Any]):
        for name, operation in operations(document):
            responses = operation["responses"]
            assert {"401", "403", "422", "500", "503"} <= responses.keys(), name
            for status, response in responses.items():
                if status >= "4":
                    [media_type] = response["content"]
                    described = response["content"][media_type]
                    assert media_type == "application/problem+json"
                    assert described["schema"] == {"$ref": "#/components/schemas/Problem"}
                    assert response["description"] == ", ".join(
                        f"`{code}`" for code in described["examples"]
                    ), (name, status)
                    for code, example in described["examples"].items():
                        shown = Problem.model_validate(example["value"], extra="forbid")
                        assert (shown.code, str(shown.status)) == (code, status)

    async def test_tells_the_refusals_of_its_own(self, document: dict[str, Any]):
        told = {
            name: {
                code.strip("`")
                for response in operation["responses"].values()
                for code in response["description"].split(", ")
            }
            for name, operation in operations(document)
        }
        assert "item_not_found" in told["GET /v1/items/{item_id}"]
        assert "invalid_cursor" in told["GET /v1/items"]
        assert told["POST /v1/items"] >= {
            "duplicate_sku",
            "malformed_json",
            "body_too_large",
            "unsupported_media_type",
        }

    async def test_has_a_name_of_its_own(self, document: dict[str, Any]):
        ids = [operation["operationId"] for _, operation in operations(document)]
        assert len(ids) == len(set(ids)) > 0


class TestDocument:
    async def test_is_of_openapi_3_1_and_this_version(self, document: dict[str, Any]):
        assert document["openapi"].startswith("3.1.")
        assert document["info"]["version"] == __version__

    async def test_refers_to_nothing_that_is_not_there(self, document: dict[str, Any]):
        references = set(every(document, "$ref"))
        assert "#/components/schemas/Problem" in references
        for reference in references:
            here: Any = document
            for step in reference.removeprefix("#/").split("/"):
                assert step in here, reference
                here = here[step]

    async def test_leads_from_a_resource_to_every_operation_on_it(self, document: dict[str, Any]):
        by_id = {operation["operationId"]: operation for _, operation in operations(document)}
        followed = set()
        links = every(document["paths"], "links")
        for link in chain.from_iterable(found.values() for found in links):
            target = by_id[link["operationId"]]
            known = {f"{each['in']}.{each['name']}" for each in target["parameters"]}
            assert link["parameters"].keys() <= known
            followed.add(link["operationId"])
        assert followed == {
            operation["operationId"] for name, operation in operations(document) if "{" in name
        }

    async def test_hands_on_the_version_that_a_change_needs(self, document: dict[str, Any]):
        made = document["paths"]["/v1/items"]["post"]["responses"]["201"]["links"]
        assert made["delete_item"]["parameters"] == {
            "path.item_id": "$response.body#/id",
            "header.If-Match": "$response.header.ETag",
        }
        shown = document["paths"]["/v1/units/{code}"]["get"]["responses"]["200"]["links"]
        assert shown["patch_unit"]["parameters"]["path.code"] == "$request.path.code"

    async def test_knows_every_parameter_of_a_list(self, document: dict[str, Any]):
        parameters = document["paths"]["/v1/items"]["get"]["parameters"]
        assert {parameter["name"] for parameter in parameters} == {
            *("limit", "offset", "cursor", "sort"),
            *("sku", "barcode", "status", "tag", "updated_since"),
        }

    async def test_knows_every_field_of_an_item(self, document: dict[str, Any]):
        schemas = document["components"]["schemas"]
        read_only = {"id", "tenant_id", "version", "created_at", "updated_at"}
        shown = schemas["ItemResponse"]["properties"].keys()
        assert schemas["ItemCreate"]["properties"].keys() == shown - read_only
        assert schemas["ItemCreate"]["additionalProperties"] is False

    async def test_is_shown_at_docs_unless_that_is_switched_off(
        self, anonymous: httpx2.AsyncClient, urls: DatabaseUrls
    ):
        assert (await anonymous.get("/docs")).status_code == 200
        async with client_of(create_app(settings_for(urls, docs=False))) as without:
            assert (await without.get("/docs")).status_code == 404
            assert (await without.get("/openapi.json")).status_code == 200
