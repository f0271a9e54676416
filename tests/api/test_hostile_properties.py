"""Whatever is sent, the answer is one that the document foresees, and nothing of it is repeated."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.api.arbitrary import TRIED, bodies, headers, paths, queries, written
from tests.api.documented import DOCUMENTED, WITH_BODY, Documented, sample
from tests.api.premises import Premises
from tests.api.problems import CANARY, problem_of


@pytest.mark.parametrize("operation", WITH_BODY, ids=str)
class TestAnyBody:
    @settings(TRIED, max_examples=100)
    @given(data=st.data())
    async def test_is_answered_as_foreseen(
        self, premises: Premises, operation: Documented, data: st.DataObject
    ):
        answer = await premises.call(operation, data.draw(bodies(operation)))
        await premises.foresees(operation, answer)


@pytest.mark.parametrize("operation", DOCUMENTED, ids=str)
class TestAny:
    @settings(TRIED, max_examples=60)
    @given(data=st.data())
    async def test_query_is_answered_as_foreseen(
        self, premises: Premises, operation: Documented, data: st.DataObject
    ):
        query = data.draw(queries(operation.parameters("query")))
        await premises.foresees(operation, await premises.call(operation, b"{}", query=query))

    @settings(TRIED, max_examples=60)
    @given(headers=headers())
    async def test_header_is_answered_as_foreseen(
        self, premises: Premises, operation: Documented, headers: list[tuple[bytes, bytes]]
    ):
        body = written(sample(operation.body)) if operation.media_types else b""
        await premises.foresees(operation, await premises.call(operation, body, headers=headers))


class TestAnyPath:
    @settings(TRIED, max_examples=300)
    @given(method=st.sampled_from(["GET", "POST", "PATCH", "PUT", "DELETE", CANARY]), path=paths())
    async def test_is_answered_with_a_problem_or_what_there_is(
        self, premises: Premises, method: str, path: str
    ):
        answer = await premises.send(method, path, [b"{}"])
        if not answer.is_success:
            assert 400 <= answer.status_code < 500
            problem_of(answer, answer.status_code, answer.json()["code"])
        assert await premises.rows() == premises.stored
