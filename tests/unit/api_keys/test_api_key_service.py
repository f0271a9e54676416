"""The operations on API keys, over a store in memory."""

import hashlib
import hmac
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec.structs import astuple

from sokho.core.domain.ids import new_id
from sokho.core.domain.scopes import Scope
from sokho.modules.api_keys.domain.errors import ApiKeyNotFoundError, TenantNotFoundError
from sokho.modules.api_keys.domain.service import ApiKeyService
from sokho.modules.api_keys.domain.tokens import KeyToken
from tests.fakes.api_keys import NOON, PEPPER, ApiKeyStore, FakeApiKeyRepo
from tests.fakes.events import FakeEventLog
from tests.unit.faults import faults

OURS, THEIRS = UUID(int=1), UUID(int=2)


@pytest.fixture
def store() -> ApiKeyStore:
    return ApiKeyStore(OURS)


@pytest.fixture
def keys(store: ApiKeyStore) -> ApiKeyService:
    return ApiKeyService(FakeApiKeyRepo(OURS, store), PEPPER, FakeEventLog())


class TestCreateApiKey:
    async def test_answers_a_token_that_names_tenant_and_key(self, keys: ApiKeyService):
        key, token = await keys.create(OURS, "quầy 1", [Scope.ITEMS_READ])
        parsed = KeyToken.parse(token)
        assert parsed is not None
        assert (parsed.tenant_id, parsed.key_id) == (OURS, key.id) == (key.tenant_id, key.id)

    async def test_stores_what_it_was_given(self, keys: ApiKeyService):
        expiry = NOON + timedelta(days=1)
        key, _ = await keys.create(
            OURS, " quầy 1 ", [Scope.ITEMS_READ, Scope.ITEMS_READ], expires_at=expiry
        )
        assert (key.name, key.scopes) == ("quầy 1", (Scope.ITEMS_READ,))
        assert (key.created_at, key.expires_at, key.revoked_at) == (NOON, expiry, None)
        assert await keys.list() == [key]

    async def test_stores_the_hash_and_never_the_secret(self, keys: ApiKeyService):
        key, token = await keys.create(OURS, "quầy 1", [Scope.ITEMS_READ])
        assert key.secret_hash == hmac.new(PEPPER.key, token.encode(), hashlib.sha256).digest()
        assert key.pepper_id == PEPPER.id
        assert token[-49:-6] not in str(astuple(key))

    async def test_makes_the_secret_of_32_random_bytes(self, store: ApiKeyStore):
        asked: list[int] = []

        def zeros(size: int) -> bytes:
            asked.append(size)
            return bytes(size)

        keys = ApiKeyService(
            FakeApiKeyRepo(OURS, store),
            PEPPER,
            FakeEventLog(),
            random_bytes=zeros,
            make_id=lambda: UUID(int=7),
        )
        _, token = await keys.create(OURS, "quầy 1", [Scope.ITEMS_READ])
        assert asked == [32]
        assert token == KeyToken.make(OURS, UUID(int=7), bytes(32)).text

    async def test_makes_another_token_each_time(self, keys: ApiKeyService):
        made = [await keys.create(OURS, "quầy", [Scope.ITEMS_READ]) for _ in range(20)]
        assert len({new.token[-49:] for new in made}) == 20

    @pytest.mark.parametrize("name", ["", "  ", "a" * 101, "a\nb", "a\0", "\ud800"])
    async def test_refuses_a_name_that_does_not_fit(self, keys: ApiKeyService, name: str):
        with faults(("/name", "invalid")):
            await keys.create(OURS, name, [Scope.ITEMS_READ])

    async def test_takes_a_name_of_a_hundred_characters(self, keys: ApiKeyService):
        key, _ = await keys.create(OURS, "ộ" * 100, [Scope.ITEMS_READ])
        assert key.name == "ộ" * 100

    async def test_refuses_a_key_of_no_business(self, store: ApiKeyStore):
        keys = ApiKeyService(FakeApiKeyRepo(THEIRS, store), PEPPER, FakeEventLog())
        with pytest.raises(TenantNotFoundError):
            await keys.create(THEIRS, "quầy", [Scope.ITEMS_READ])

    async def test_refuses_a_key_that_may_do_nothing(self, keys: ApiKeyService):
        with faults(("/scopes", "too_short")):
            await keys.create(OURS, "quầy", [])
        assert await keys.list() == []


class TestRevokeApiKey:
    async def test_marks_the_key(self, keys: ApiKeyService):
        key, _ = await keys.create(OURS, "quầy", [Scope.ITEMS_READ])
        await keys.revoke(key.id)
        assert [key.revoked_at for key in await keys.list()] == [NOON]

    async def test_tells_which_key_is_not_there(self, keys: ApiKeyService):
        missing = new_id()
        with pytest.raises(ApiKeyNotFoundError) as caught:
            await keys.revoke(missing)
        assert caught.value.key_id == missing

    async def test_does_not_find_the_key_of_another_tenant(
        self, keys: ApiKeyService, store: ApiKeyStore
    ):
        key, _ = await keys.create(OURS, "quầy", [Scope.ITEMS_READ])
        store.tenants.add(THEIRS)
        with pytest.raises(ApiKeyNotFoundError):
            await ApiKeyService(FakeApiKeyRepo(THEIRS, store), PEPPER, FakeEventLog()).revoke(
                key.id
            )
