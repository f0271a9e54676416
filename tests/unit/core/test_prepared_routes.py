"""In which order a prepared route runs, and what becomes of each step when one fails."""

from collections.abc import AsyncIterator
from typing import Annotated, Any

import pytest
from fastapi import APIRouter, Depends, Header, Query, Security
from fastapi.security import SecurityScopes
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.domain.errors import NotFoundError
from sokho.core.domain.identity import UnauthenticatedError
from sokho.core.infrastructure.http.routing import PreparedRoute
from tests.unit.core.routes import OK, Body, Log, declare, served


class Filters(BaseModel):
    """A query of two parameters."""

    model_config = {"extra": "forbid"}

    tag: str = "none"
    limit: int = 10


class TestDependencies:
    async def test_run_once_though_used_twice(self):
        log = Log()

        async def nested(plain: Annotated[str, Depends(log.plain)]) -> str:
            return plain

        async def post_thing(
            one: Annotated[str, Depends(log.plain)],
            two: Annotated[str, Depends(nested)],
            bound: Annotated[str, Depends(log.bound, scope="function")],
            again: Annotated[str, Depends(log.bound, scope="function")],
        ) -> Response:
            return Response(f"{one} {two} {bound} {again}")

        answer = await served(declare(post_thing)).post("/things/1")
        assert answer.text == "plain plain bound bound"
        assert log == ["plain", "begin", "commit"]

    async def test_run_once_for_each_set_of_scopes(self):
        seen: list[list[str]] = []

        async def authorised(scopes: SecurityScopes) -> str:
            seen.append(list(scopes.scopes))
            return scopes.scope_str

        async def get_thing(
            one: Annotated[str, Security(authorised, scopes=["a"])],
            same: Annotated[str, Security(authorised, scopes=["a"])],
            other: Annotated[str, Security(authorised, scopes=["b"])],
        ) -> Response:
            return Response(f"{one}{same}{other}")

        answer = await served(declare(get_thing, method="GET")).get("/things/1")
        assert answer.text == "aab"
        assert seen == [["a"], ["b"]]

    async def test_of_the_route_alone_run_too(self):
        log = Log()

        async def post_thing() -> Response:
            return OK

        router = APIRouter(route_class=PreparedRoute)
        router.post("/things", dependencies=[Depends(log.plain)])(post_thing)
        assert (await served(router).post("/things")).status_code == 200
        assert log == ["plain"]

    @pytest.mark.parametrize("form", ["bound", "to_be_left"])
    async def test_end_before_the_response_is_sent(self, form: str):
        log = Log()
        dependency = getattr(log, form)

        class Told(Response):
            async def __call__(self, *message: Any) -> None:
                log.append("sent")
                await super().__call__(*message)

        async def post_thing(
            entered: Annotated[str, Depends(dependency, scope="function")],
        ) -> Response:
            log.append(f"worked with {entered}")
            return Told(b"ok")

        await served(declare(post_thing)).post("/things/1")
        assert log == ["begin", "worked with bound", "commit", "sent"]

    async def test_whose_ending_fails_leave_no_success_answered(self):
        log = Log()

        async def failing() -> AsyncIterator[str]:
            yield ""
            raise NotFoundError

        async def post_thing(
            _: Annotated[str, Depends(log.bound, scope="function")],
            __: Annotated[str, Depends(failing, scope="function")],
        ) -> Response:
            return Response(b"ok", 201)

        answer = await served(declare(post_thing)).post("/things/1")
        assert answer.status_code == 404
        assert log == ["begin", "rollback NotFoundError"]

    async def test_that_return_what_is_left_are_not_entered_without_the_scope(self):
        log = Log()

        async def post_thing(_: Annotated[object, Depends(log.to_be_left)]) -> Response:
            return OK

        assert (await served(declare(post_thing)).post("/things/1")).text == "ok"
        assert log == []

    async def test_clean_up_in_reverse_when_anything_raises(self):
        log, inner = Log(), Log()

        async def post_thing(
            _: Annotated[str, Depends(log.bound, scope="function")],
            __: Annotated[str, Depends(inner.to_be_left, scope="function")],
        ) -> Response:
            log.append("raised")
            raise NotFoundError

        answer = await served(declare(post_thing)).post("/things/1")
        assert answer.status_code == 404
        assert log == ["begin", "raised", "rollback NotFoundError"]
        assert inner == ["begin", "rollback NotFoundError"]

    async def test_that_swallow_an_error_do_not_hide_it(self):
        async def swallowing() -> AsyncIterator[str]:
            try:
                yield ""
            except NotFoundError:
                return

        async def post_thing(_: Annotated[str, Depends(swallowing, scope="function")]) -> Response:
            raise NotFoundError

        assert (await served(declare(post_thing)).post("/things/1")).status_code == 404


class TestInputs:
    async def test_are_read_from_path_query_header_and_body(self):
        async def post_thing(
            request: Request,
            thing_id: int,
            filters: Annotated[Filters, Query()],
            actor: Annotated[str, Header(alias="Sokho-Actor")],
            body: Body,
        ) -> Response:
            return Response(f"{request.method} {thing_id} {filters} {actor} {body}")

        answer = await served(declare(post_thing)).post(
            "/things/7?tag=x", json={"name": "a"}, headers={"Sokho-Actor": "lan"}
        )
        assert answer.text == "POST 7 tag='x' limit=10 lan name='a'"

    async def test_that_do_not_fit_are_all_told(self):
        async def post_thing(
            thing_id: int,
            filters: Annotated[Filters, Query()],
            actor: Annotated[str, Header(alias="Sokho-Actor")],
            body: Body,
        ) -> Response:
            return Response(f"{thing_id}{filters}{actor}{body}")

        client = served(declare(post_thing))
        answer = await client.post("/things/x?limit=y&z=1", json={"name": 5})
        assert sorted(error["pointer"] for error in answer.json()["errors"]) == [
            "/header/Sokho-Actor",
            "/name",
            "/path/thing_id",
            "/query",
            "/query/limit",
        ]

    async def test_are_not_looked_at_before_the_dependencies_are_content(self):
        async def refuse() -> None:
            raise UnauthenticatedError

        async def post_thing(
            thing_id: int, body: Body, _: Annotated[None, Depends(refuse)]
        ) -> Response:
            return Response(f"{thing_id}{body}")

        client = served(declare(post_thing))
        for url in ("/things/1", "/things/x", "/things/1?a=1&a=2", "/things/1?%FF"):
            answer = await client.post(url, content=b"not json")
            assert answer.status_code == 401, url

    async def test_a_route_without_a_body_takes_any(self):
        async def post_thing(thing_id: int) -> Response:
            return Response(f"{thing_id}")

        answer = await served(declare(post_thing)).post("/things/1", content=b"\xff")
        assert answer.text == "1"


class TestMethods:
    async def test_of_every_route_of_the_path_stand_in_allow(self):
        async def act(thing_id: int) -> Response:
            return Response(f"{thing_id}")

        client = served(declare(act), declare(act, method="GET"), declare(act, method="DELETE"))
        answer = await client.put("/things/1")
        assert answer.status_code == 405
        assert answer.headers["allow"] == "DELETE, GET, HEAD, POST"
        assert answer.json()["code"] == "method_not_allowed"
