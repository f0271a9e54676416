"""What every refusal must look like (RFC 9457), whatever it refuses."""

from typing import Any
from uuid import UUID

import httpx2

CANARY = "canary7Q"
"""Sent where an answer must not repeat it."""

SHORTAGE = {"item_id", "location_id", "requested", "available"}

MEMBERS = {"type", "title", "status", "detail", "instance", "code", "request_id"}


def problem_of(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return the problem in `answer`, which has the contract's shape, this status and code."""
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    ), answer.text
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem.keys() - {"errors"} == MEMBERS
    assert problem["status"] == status
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert UUID(problem["request_id"]).version == 7
    assert problem["instance"] == f"urn:uuid:{problem['request_id']}"
    assert problem["type"] == f"urn:sokho:problem:{code}"
    assert problem["title"]
    assert problem["detail"]
    for error in problem.get("errors", []):
        more = SHORTAGE if error["code"] in {"insufficient_stock", "stock_reserved"} else set()
        assert error.keys() - {"short_at"} == {"pointer", "code", "detail"} | more
        assert error.get("short_at", "") is not None
        assert error["detail"]
    assert CANARY not in answer.text
    assert CANARY not in str(answer.headers)
    assert "Traceback" not in answer.text
    return problem


def faults_of(answer: httpx2.Response) -> list[tuple[str, str]]:
    """Return pointer and code of each field at fault, in a 422 of the contract's shape."""
    problem = problem_of(answer, 422, "validation_failed")
    return [(error["pointer"], error["code"]) for error in problem["errors"]]


def without_id(problem: dict[str, Any]) -> dict[str, Any]:
    """Return what two problems of one kind have in common."""
    return {k: v for k, v in problem.items() if k not in {"request_id", "instance"}}
