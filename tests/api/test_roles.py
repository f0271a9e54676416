"""Roles and operations: who may do what, for every role and every operation that is documented."""

from collections.abc import AsyncIterator
from typing import Final

import httpx2
import pytest
from fastapi import FastAPI

from sokho.core.domain.roles import Role
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.secrets import DerivedKeys
from sokho.provisioning import open_business
from tests.api.documented import DOCUMENTED, Documented
from tests.api.keyring import KEYS
from tests.api.problems import problem_of
from tests.conftest import client_of

ANY_ID: Final = "00000000-0000-4000-8000-000000000007"

MAY: Final = {
    Role.OWNER: frozenset(Scope),
    Role.MANAGER: frozenset(Scope) - {"keys:manage", "tenant:write"},
    Role.STOREKEEPER: {"items:read", "stock:read", "locations:read", "stock:write"},
    Role.ACCOUNTANT: {
        *("items:read", "stock:read", "locations:read"),
        *("stock:lock", "tenant:read", "audit:read"),
    },
    Role.VIEWER: {"items:read", "stock:read", "locations:read"},
}
"""What a role stands for, written a second time: a slip in the first shows."""


def scopes_of(operation: Documented) -> list[str]:
    """Return the scopes that the document says an operation needs; none of a business has them."""
    [security] = operation.entry["security"]
    return list(security["ApiKey"]) if "ApiKey" in security else ["only the operator"]


@pytest.fixture(scope="module")
async def holders(
    app: FastAPI, derived_keys: DerivedKeys
) -> AsyncIterator[dict[Role, httpx2.AsyncClient]]:
    """A client that holds a key of each role, all of one business."""
    opened = await open_business(app.state.database, derived_keys, "Cửa hàng năm vai")
    owner = client_of(app, opened.api_key)
    found = {}
    for role in Role:
        made = await owner.post(KEYS, json={"name": role, "role": role})
        found[role] = client_of(app, made.json()["api_key"])
    yield found
    for client in (owner, *found.values()):
        await client.aclose()


@pytest.mark.parametrize("operation", DOCUMENTED, ids=str)
@pytest.mark.parametrize("role", Role)
class TestEveryRole:
    async def test_may_call_exactly_what_its_scopes_allow(
        self, holders: dict[Role, httpx2.AsyncClient], role: Role, operation: Documented
    ):
        """No body and an unknown query: whoever may call is told so, and nothing is changed."""
        path = operation.path.format_map(dict.fromkeys(operation.parameters("path"), ANY_ID))
        answer = await holders[role].request(operation.method, f"{path}?nothing=1")
        lacking = [scope for scope in scopes_of(operation) if scope not in MAY[role]]
        if lacking:
            detail = problem_of(answer, 403, "permission_denied")["detail"]
            assert lacking == ["only the operator"] or lacking[0] in detail
        else:
            assert answer.status_code in {400, 415, 422, 428}, answer.text


class TestEveryOperation:
    def test_needs_exactly_one_scope_or_the_operator(self):
        assert len(DOCUMENTED) > 20
        for operation in DOCUMENTED:
            [scope] = scopes_of(operation)
            assert scope == "only the operator" or scope in set(Scope), operation

    def test_of_the_matrix_is_allowed_to_some_role_and_refused_to_another(self):
        """The control: neither column nor row says the same everywhere."""
        for operation in DOCUMENTED:
            [scope] = scopes_of(operation)
            may = [role for role in Role if scope in MAY[role]]
            assert (Role.OWNER in may) == (scope != "only the operator")
        assert len({frozenset(each) for each in MAY.values()}) == len(Role)
