"""Every refusal has the same face, in the caller's language, with the request's id."""

from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest

from sokho.core.application.dto import Problem
from tests.api.problems import CANARY, problem_of, without_id
from tests.conftest import Business


class TestUnknownPath:
    @pytest.mark.parametrize(
        "path", ["/", f"/{CANARY}", "/v1", "/v1/", "/v2/items", "/v1/items/a/b", "/v1/Items"]
    )
    @pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
    async def test_is_not_found(self, anonymous: httpx2.AsyncClient, method: str, path: str):
        problem_of(await anonymous.request(method, path), 404, "not_found")


class TestUnknownMethod:
    @pytest.mark.parametrize(
        ("path", "allowed"),
        [
            ("/v1/items", "GET, HEAD, POST"),
            (f"/v1/items/{UUID(int=7)}", "DELETE, GET, HEAD, PATCH"),
            ("/v1/items/batch", "POST"),
            ("/livez", "GET, HEAD"),
        ],
    )
    @pytest.mark.parametrize("method", ["PUT", "OPTIONS", "TRACE", CANARY])
    async def test_is_told_which_there_are(
        self, anonymous: httpx2.AsyncClient, method: str, path: str, allowed: str
    ):
        answer = await anonymous.request(method, path)
        problem_of(answer, 405, "method_not_allowed")
        assert answer.headers["allow"] == allowed

    async def test_of_the_document_is_refused_alike(self, anonymous: httpx2.AsyncClient):
        problem_of(await anonymous.post("/openapi.json"), 405, "method_not_allowed")


class TestEveryProblem:
    async def refused(self, business: Business) -> list[httpx2.Response]:
        """One answer of each kind that can be had without breaking anything."""
        http = business.http
        await http.post("/v1/items", json={"sku": "A", "name": "B"})
        return [
            await http.get("/v1/items", headers={"Authorization": "Bearer x"}),
            await http.get("/nowhere"),
            await http.put("/v1/items"),
            await http.get(f"/v1/items/{uuid4()}"),
            await http.get("/v1/items?cursor=x"),
            await http.get("/v1/items?limit=0"),
            await http.post("/v1/items", json={}),
            await http.post("/v1/items", json={"sku": "a", "name": "B"}),
            await http.post("/v1/items", content=b"{", headers={"Content-Type": "text/plain"}),
            await http.post(
                "/v1/items", content=b"{", headers={"Content-Type": "application/json"}
            ),
        ]

    async def test_is_what_the_document_says(self, business: Business):
        codes = set()
        for answer in await self.refused(business):
            documented = Problem.model_validate_json(answer.content)
            codes.add(documented.code)
            assert documented.model_dump(exclude_none=True) == answer.json()
        assert len(codes) == 9  # a required field and a bad parameter are of one kind

    async def test_is_vietnamese_by_default_and_english_when_asked(self, business: Business):
        for language in ("vi", "en"):
            business.http.headers["Accept-Language"] = f"{language}, fr;q=0.5"
            for answer in await self.refused(business):
                problem = problem_of(answer, answer.status_code, answer.json()["code"])
                texts = [problem["title"], problem["detail"]]
                texts += [error["detail"] for error in problem.get("errors", [])]
                assert answer.headers["content-language"] == language
                for text in texts:
                    assert text.isascii() is (language == "en"), text


class TestLanguage:
    @pytest.mark.parametrize(
        ("header", "language"),
        [
            (None, "vi"),
            ("en", "en"),
            ("en-US,en;q=0.9,vi;q=0.8", "en"),
            ("vi-VN,vi;q=0.9,en-US;q=0.8", "vi"),
            ("vi;q=0.1,en;q=0.2", "en"),
            ("fr", "vi"),
            ("en;q=0", "vi"),
        ],
    )
    async def test_is_the_one_that_ranks_highest(
        self, anonymous: httpx2.AsyncClient, header: str | None, language: str
    ):
        headers = {} if header is None else {"Accept-Language": header}
        answer = await anonymous.get("/nowhere", headers=headers)
        assert answer.headers["content-language"] == language
        title = {"vi": "Không tìm thấy.", "en": "Not found."}[language]
        assert answer.json()["title"] == title

    async def test_does_not_change_what_programs_read(self, business: Business):
        def for_programs(answer: httpx2.Response) -> dict[str, Any]:
            problem = without_id(answer.json())
            errors = [(error["pointer"], error["code"]) for error in problem.pop("errors")]
            return {k: v for k, v in problem.items() if k not in {"title", "detail"}} | {
                "errors": errors
            }

        body = {"sku": "", "name": "", CANARY: 1}
        answers = [
            await business.http.post("/v1/items", json=body, headers={"Accept-Language": language})
            for language in ("vi", "en")
        ]
        assert for_programs(answers[0]) == for_programs(answers[1])


class TestRequestId:
    async def test_stands_on_every_answer_and_is_its_own(self, business: Business):
        answers = [
            await business.http.post("/v1/items", json={"sku": "A", "name": "B"}),
            await business.http.get("/v1/items"),
            await business.http.get("/livez"),
            await business.http.get("/readyz"),
            await business.http.get("/openapi.json"),
            await business.http.get("/nowhere"),
            await business.http.put("/v1/items"),
        ]
        ids = [UUID(answer.headers["x-request-id"]) for answer in answers]
        assert len(set(ids)) == len(ids)
        assert all(len(answer.headers.get_list("x-request-id")) == 1 for answer in answers)

    async def test_is_not_the_one_a_caller_makes_up(self, anonymous: httpx2.AsyncClient):
        answer = await anonymous.get("/nowhere", headers={"X-Request-Id": CANARY})
        problem_of(answer, 404, "not_found")
