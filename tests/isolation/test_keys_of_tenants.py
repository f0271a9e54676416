"""Whatever is kept by a key is kept by the tenant too: in memory, under locks, in core's tables."""

import re
from uuid import uuid4

import pytest

from sokho.core.domain.identity import Principal
from sokho.core.infrastructure.database import Statement, events, idempotency_keys, metadata
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.errors import RateLimitedError
from sokho.core.infrastructure.http.idempotency import hash_of
from sokho.core.infrastructure.http.quotas import Quotas


class TestIdempotencyKey:
    def test_of_one_business_holds_nobody_else_up(self):
        """Its hash is also the number of the lock, which all businesses share."""
        ours, theirs = (hash_of("k-1", uuid4(), operator=False) for _ in range(2))
        assert ours != theirs

    def test_of_the_operator_is_another(self):
        tenant_id = uuid4()
        assert hash_of("k", tenant_id, operator=True) != hash_of("k", tenant_id, operator=False)


class TestQuota:
    def test_is_used_up_by_the_business_itself_alone(self):
        """Who may write keys chooses their ids: another's key with the same id is another key."""
        quotas, key_id = Quotas(1), uuid4()
        ours, theirs = (Principal(uuid4(), key_id, frozenset()) for _ in range(2))
        context = RequestContext(str(uuid4()), ())
        quotas.count(ours, context)
        quotas.count(theirs, context)
        with pytest.raises(RateLimitedError):
            quotas.count(ours, context)


class TestStatementsOfCore:
    @pytest.mark.parametrize("module", [events, idempotency_keys])
    def test_name_the_tenant_of_each_table(self, module: object):
        statements = {
            name: value.text for name, value in vars(module).items() if isinstance(value, Statement)
        }
        assert len(statements) >= 3
        tables = "|".join(metadata.tables)
        for name, text in statements.items():
            read = re.findall(rf"(?:FROM|UPDATE|USING|JOIN) (?:{tables})\b", text)
            named = re.findall(r"\b\w+\.tenant_id = \$", text)
            assert len(named) >= len(read), (name, text)
