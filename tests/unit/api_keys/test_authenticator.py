"""What the authenticator remembers, for how long, and what it never lets in."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from msgspec import structs

from sokho.core.domain.identity import (
    Operator,
    Principal,
    TenantSuspendedError,
    UnauthenticatedError,
)
from sokho.core.domain.scopes import Scope
from sokho.core.infrastructure.database import OverloadedError
from sokho.modules.api_keys.domain.entities import ApiKey
from sokho.modules.api_keys.domain.tokens import KeyToken, make_operator_key
from sokho.modules.api_keys.infrastructure.authenticator import ApiKeyAuthenticator
from sokho.modules.api_keys.infrastructure.last_uses import LastUses
from tests.fakes.api_keys import NOON, PEPPER, a_token, an_api_key
from tests.unit.api_keys.key_table import KeyTable

TENANT = UUID(int=1)
OPERATOR_KEY = make_operator_key(b"\7" * 32)


class Service:
    """An authenticator over one key, with the database's time in the test's hands."""

    def __init__(self, **changes: object) -> None:
        self.table = KeyTable()
        self.token = a_token(TENANT, secret=b"\1" * 32)
        self.key: ApiKey = an_api_key(self.token, **changes)
        self.table.put(self.key)
        self.authenticator = ApiKeyAuthenticator(
            self.table,
            PEPPER,
            last_uses=LastUses(self.table),
            operator_key_hash=PEPPER.hash(OPERATOR_KEY).hex(),
            ticks=self.table.ticks,
        )

    @property
    def principal(self) -> Principal:
        return Principal(TENANT, self.key.id, frozenset(self.key.scopes))

    async def let_in(self, token: str | None = None) -> Principal | Operator:
        return await self.authenticator.authenticate(token or self.token)

    async def refuse(self, token: str | None = None) -> None:
        with pytest.raises(UnauthenticatedError):
            await self.let_in(token)

    def another_secret(self, secret: bytes = b"\2" * 32) -> str:
        """Return a well-formed token of the same key with a secret somebody made up."""
        return a_token(TENANT, self.key.id, secret)

    def revoke(self) -> None:
        self.table.put(structs.replace(self.key, revoked_at=self.table.now))

    def wait(self, seconds: float) -> None:
        self.table.seconds += seconds


@pytest.fixture
def service() -> Service:
    return Service(scopes=[Scope.ITEMS_READ, Scope.KEYS_MANAGE])


async def settle() -> None:
    """Let what runs beside the requests go on as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


class TestKnownKey:
    async def test_is_told_who_it_is(self, service: Service):
        assert await service.let_in() == service.principal

    async def test_costs_no_look_up_once_warm(self, service: Service):
        for _ in range(10):
            assert await service.let_in() == service.principal
            service.wait(0.4)
        assert service.table.look_ups == 1

    async def test_is_looked_up_again_after_five_seconds(self, service: Service):
        await service.let_in()
        service.wait(5.0)
        await service.let_in()
        assert service.table.look_ups == 2

    async def test_use_does_not_prolong_its_five_seconds(self, service: Service):
        for _ in range(6):
            await service.let_in()
            service.wait(1.0)
        assert service.table.look_ups == 2

    async def test_ages_from_before_the_look_up_began(self, service: Service):
        service.table.takes = [3.0]
        await service.let_in()
        service.wait(2.0)
        await service.let_in()
        assert service.table.look_ups == 2


class TestKeyInUse:
    """Asked for anew before the five seconds are over, beside the requests."""

    async def test_is_asked_for_while_nobody_waits(self, service: Service):
        await service.let_in()
        service.wait(4.5)
        service.table.answers.clear()
        assert await service.let_in() == service.principal
        await settle()
        assert service.table.look_ups == 2
        assert await service.let_in() == service.principal
        service.table.answers.set()
        await settle()
        service.wait(2.4)
        assert await service.let_in() == service.principal
        await settle()
        assert service.table.look_ups == 2

    async def test_is_not_asked_for_early_or_unused(self, service: Service):
        await service.let_in()
        service.wait(2.499)
        await service.let_in()
        service.wait(2.5)
        await settle()
        assert service.table.look_ups == 1

    async def test_is_refused_as_soon_as_its_end_is_known(self, service: Service):
        await service.let_in()
        service.revoke()
        service.wait(4.5)
        await service.let_in()
        await settle()
        await service.refuse()
        assert service.table.look_ups == 2

    async def test_is_served_no_longer_where_nothing_can_be_learnt(self, service: Service):
        await service.let_in()
        service.table.is_away = True
        service.wait(4.5)
        assert await service.let_in() == service.principal
        await settle()
        service.wait(0.5)
        with pytest.raises(OverloadedError):
            await service.let_in()

    async def test_is_not_asked_for_at_each_use_where_nothing_can_be_learnt(self, service: Service):
        another = a_token(TENANT, secret=b"\3" * 32)
        service.table.put(an_api_key(another))
        tokens = (service.token, another)
        for token in tokens:
            await service.let_in(token)
        service.table.is_away = True
        service.wait(4.5)
        for token in tokens * 3:
            await service.let_in(token)
            await settle()
        assert service.table.look_ups == 2 + 1

    async def test_is_served_no_longer_where_no_answer_comes(self, service: Service):
        await service.let_in()
        service.revoke()
        service.wait(4.5)
        service.table.answers.clear()
        await service.let_in()
        await settle()
        service.wait(0.5)
        refused = asyncio.create_task(service.refuse())
        await settle()
        service.table.answers.set()
        await refused

    async def test_is_asked_for_once_and_a_few_at_a_time(self, service: Service):
        tokens = [a_token(TENANT, secret=bytes([40 + number]) * 32) for number in range(9)]
        for token in tokens:
            service.table.put(an_api_key(token))
            await service.let_in(token)
        service.wait(4.5)
        service.table.answers.clear()
        for token in [tokens[0], *tokens]:
            await service.let_in(token)
            await settle()
        assert service.table.look_ups == 9 + 4
        service.table.answers.set()
        await settle()

    async def test_is_not_asked_for_together_with_all_others(self, service: Service):
        """What was first used at once is not asked for at once: else all would slow down."""
        tokens = [a_token(TENANT, secret=bytes([number]) * 32) for number in range(100)]
        for token in tokens:
            service.table.put(an_api_key(token))
            await service.let_in(token)
        service.wait(2.55)
        asked = []
        for _ in range(5):
            before = service.table.look_ups
            service.wait(0.4)
            for token in tokens:
                await service.let_in(token)
                await settle()
            asked.append(service.table.look_ups - before)
        assert sum(asked) == 100
        assert max(asked) < 60


class TestRevokedKey:
    async def test_is_refused_after_five_seconds_at_most(self, service: Service):
        await service.let_in()
        service.revoke()
        service.wait(4.999)
        await service.let_in()
        service.wait(0.001)
        await service.refuse()

    async def test_is_refused_at_once_where_it_was_not_warm(self, service: Service):
        service.revoke()
        await service.refuse()


class TestWrongKey:
    async def test_with_the_id_of_a_warm_key_is_refused(self, service: Service):
        await service.let_in()
        await service.refuse(service.another_secret())
        assert await service.let_in() == service.principal

    async def test_does_not_lock_out_the_right_one(self, service: Service):
        await service.refuse(service.another_secret())
        assert await service.let_in() == service.principal

    async def test_of_another_tenant_is_refused(self, service: Service):
        stolen = KeyToken.make(UUID(int=2), service.key.id, b"\1" * 32).text
        await service.refuse(stolen)

    async def test_is_remembered_for_five_seconds(self, service: Service):
        wrong = service.another_secret()
        for _ in range(5):
            await service.refuse(wrong)
            service.wait(1.0)
        assert service.table.look_ups == 1
        await service.refuse(wrong)
        assert service.table.look_ups == 2

    async def test_is_remembered_apart_from_every_other(self, service: Service):
        for secret in range(2, 5):
            await service.refuse(service.another_secret(bytes([secret]) * 32))
        assert service.table.look_ups == 3

    @pytest.mark.parametrize("token", ["", "x", "Bearer", "sokho_", "ộ", "\ud7ff", "a" * 10_000])
    async def test_without_the_form_costs_no_look_up(self, service: Service, token: str):
        with pytest.raises(UnauthenticatedError):
            await service.authenticator.authenticate(token)
        assert service.table.look_ups == 0

    async def test_with_a_wrong_checksum_costs_no_look_up(self, service: Service):
        last = "1" if service.token[-1] == "0" else "0"
        await service.refuse(service.token[:-1] + last)
        assert service.table.look_ups == 0

    async def test_under_another_pepper_is_refused(self, service: Service):
        other = ApiKeyAuthenticator(
            service.table, replace(PEPPER, key=b"another"), last_uses=LastUses(service.table)
        )
        with pytest.raises(UnauthenticatedError):
            await other.authenticate(service.token)


class TestExpiringKey:
    async def test_is_refused_from_its_instant_on_though_warm(self):
        service = Service(expires_at=NOON + timedelta(seconds=2))
        assert await service.let_in() == service.principal
        service.wait(1.999)
        await service.let_in()
        service.wait(0.001)
        await service.refuse()
        assert service.table.look_ups == 1

    async def test_ends_no_later_for_a_slow_look_up(self):
        """What the database told was its time at some moment of the look-up, not at its end."""
        service = Service(expires_at=NOON + timedelta(seconds=4))
        service.table.takes = [3.0]
        await service.let_in()
        service.wait(1.0)
        await service.refuse()

    async def test_is_refused_where_it_had_expired_before(self):
        service = Service(expires_at=NOON + timedelta(seconds=1))
        service.wait(1.0)
        await service.refuse()


class TestSuspendedBusiness:
    async def test_is_told_so_with_the_right_key(self, service: Service):
        service.table.put(service.key, tenant_state="suspended")
        for _ in range(2):
            with pytest.raises(TenantSuspendedError):
                await service.let_in()
        assert service.table.look_ups == 1

    async def test_is_not_told_with_a_wrong_key(self, service: Service):
        service.table.put(service.key, tenant_state="suspended")
        await service.refuse(service.another_secret())

    async def test_is_not_told_with_a_revoked_or_an_expired_key(self):
        service = Service()
        key = service.key
        for withdrawn in (
            structs.replace(key, revoked_at=NOON),
            structs.replace(key, expires_at=NOON),
        ):
            service.table.put(withdrawn, tenant_state="suspended")
            await service.refuse()
            service.wait(5.0)

    async def test_is_refused_and_served_again_after_five_seconds(self, service: Service):
        await service.let_in()
        service.table.put(service.key, tenant_state="suspended")
        service.wait(5.0)
        with pytest.raises(TenantSuspendedError):
            await service.let_in()
        service.table.put(service.key)
        service.wait(5.0)
        assert await service.let_in() == service.principal


class TestOperatorKey:
    async def test_is_known_without_a_look_up(self, service: Service):
        assert await service.let_in(OPERATOR_KEY) == Operator()
        assert service.table.look_ups == 0

    async def test_of_somebody_else_is_refused(self, service: Service):
        await service.refuse(make_operator_key(b"\6" * 32))
        assert service.table.look_ups == 0

    async def test_is_nobodys_where_none_is_set(self, service: Service):
        without = ApiKeyAuthenticator(service.table, PEPPER, last_uses=LastUses(service.table))
        with pytest.raises(UnauthenticatedError):
            await without.authenticate(OPERATOR_KEY)


class TestMemory:
    async def test_is_bounded_and_forgets_the_oldest(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(service.authenticator._verified, "_size", 2)
        tokens = [service.token]
        for number in range(2):
            tokens.append(a_token(TENANT, secret=bytes([40 + number]) * 32))
            service.table.put(an_api_key(tokens[-1]))
        for token in tokens:
            await service.let_in(token)
        assert service.table.look_ups == 3
        await service.let_in(tokens[2])
        await service.let_in(tokens[1])
        assert service.table.look_ups == 3
        await service.let_in(tokens[0])
        assert service.table.look_ups == 4

    async def test_of_failures_does_not_push_out_those_who_are_known(self, service: Service):
        await service.let_in()
        for number in range(10_001):
            await service.refuse(f"x{number}")
        await service.let_in()
        assert service.table.look_ups == 1
        assert len(service.authenticator._failed._entries) == 10_000
