"""What a prepared route takes when it is declared, and what it refuses there and then."""

from typing import Annotated

import pytest
from fastapi import BackgroundTasks, Cookie, Depends
from starlette.responses import Response

from tests.unit.core.routes import OK, Body, Log, declare


class TestDeclaration:
    def test_refuses_a_plain_dependency(self):
        def plain() -> str:
            return ""

        async def post_thing(_: Annotated[str, Depends(plain)]) -> Response:
            return OK

        with pytest.raises(TypeError, match="plain must be async"):
            declare(post_thing)

    def test_refuses_a_plain_path_function(self):
        def post_thing() -> Response:
            return OK

        with pytest.raises(TypeError, match="post_thing must be async"):
            declare(post_thing)

    def test_refuses_one_that_yields_and_ends_after_the_response(self):
        async def post_thing(_: Annotated[str, Depends(Log().bound)]) -> Response:
            return OK

        with pytest.raises(TypeError, match=r'bound yields, so it needs .*scope="function"'):
            declare(post_thing)

    def test_refuses_a_path_function_that_does_not_say_it_returns_a_response(self):
        async def unannotated():
            return OK

        async def a_dict() -> dict[str, str]:
            return {}

        for endpoint in (unannotated, a_dict):
            with pytest.raises(TypeError, match="annotated to return a Response"):
                declare(endpoint)

    def test_refuses_an_argument_that_goes_by_its_name_alone(self):
        async def post_thing(*, thing_id: int) -> Response:
            return Response(f"{thing_id}")

        with pytest.raises(TypeError, match="positional"):
            declare(post_thing)

    def test_refuses_two_bodies(self):
        async def post_thing(one: Body, two: Body) -> Response:
            return Response(f"{one}{two}")

        with pytest.raises(TypeError, match="does not provide"):
            declare(post_thing)

    def test_refuses_a_cookie_a_response_and_background_tasks(self):
        async def with_cookie(session: Annotated[str, Cookie()]) -> Response:
            return Response(session)

        async def with_response(response: Response) -> Response:
            return response

        async def with_tasks(tasks: BackgroundTasks) -> Response:
            return Response(background=tasks)

        for endpoint in (with_cookie, with_response, with_tasks):
            with pytest.raises(TypeError, match="does not provide"):
                declare(endpoint)
