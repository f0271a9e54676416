"""Verifies keys under row-level security, and remembers the answer for a few seconds."""

import asyncio
import hmac
import math
import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from time import monotonic
from typing import Final, Generic, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import bindparam as p

from sokho.core.domain.identity import (
    Authenticator,
    Operator,
    Principal,
    TenantSuspendedError,
    UnauthenticatedError,
)
from sokho.core.infrastructure.database import TENANT, Database, OverloadedError, Statement
from sokho.modules.api_keys.domain.entities import Pepper
from sokho.modules.api_keys.domain.tokens import KeyToken, is_operator_key
from sokho.modules.api_keys.infrastructure.last_uses import LastUses
from sokho.modules.api_keys.infrastructure.postgres_repo import to_api_key
from sokho.modules.api_keys.infrastructure.tables import api_keys

REMEMBERED_SECONDS: Final = 5.0
"""The longest time for which a revoked key or a suspended business may still be served."""

_ASKED_AHEAD_SECONDS: Final = (2.5, 4.5)
"""Between which ages the answer to a key is asked for anew while it still stands.

By the key: what was learnt of many at once, when they were first used, is not asked at once again.
"""

_ASKED_AHEAD_AT_ONCE: Final = 4
"""So most connections of a worker are left to its requests."""

_REST_SECONDS: Final = 1.0
"""How long nothing is asked ahead where it came to nothing: the database is away, or overloaded."""

_REMEMBERED_KEYS: Final = 10_000
_REMEMBERED_FAILURES: Final = 10_000

_tenants = sa.table("tenants", sa.column("id", sa.Uuid), sa.column("state", sa.Text))

_KEY_AND_TENANT_STATE = Statement(
    sa.select(
        api_keys,
        _tenants.c.state.label("tenant_state"),
        sa.func.clock_timestamp().label("now"),
    ).where(api_keys.c.tenant_id == TENANT, api_keys.c.id == p("key_id"), _tenants.c.id == TENANT)
)

_T = TypeVar("_T")


class ApiKeyAuthenticator(Authenticator):
    """Knows the keys of every business, and the operator's.

    The tenant's id stands in the token, so the tenant is bound before its key is looked up:
    a forged one finds nothing. A warm key costs no round trip; one that stays in use is asked for
    anew before what is known of it ends, beside the requests, so few of them ever wait.

    A key ends by the database's time, which its look-up tells; from there on a monotonic clock
    counts. The clock of this machine may be anything.
    """

    def __init__(
        self,
        database: Database,
        pepper: Pepper,
        *,
        last_uses: LastUses,
        operator_key_hash: str | None = None,
        ticks: Callable[[], float] = monotonic,
    ) -> None:
        self._database = database
        self._pepper = pepper
        self._operator_key_hash = operator_key_hash
        self._verified: _Memory[_Verified] = _Memory(_REMEMBERED_KEYS, ticks)
        self._failed: _Memory[bool] = _Memory(_REMEMBERED_FAILURES, ticks)
        self._last_uses = last_uses
        self._asked_ahead: dict[bytes, asyncio.Task[None]] = {}
        self._rests_until = -math.inf
        self._key_of_memory = os.urandom(blake2b.MAX_KEY_SIZE)

    async def authenticate(self, token: str) -> Principal | Operator:
        # By a hash of the whole token: by the key's id alone, whoever knows the id of a warm
        # key would be let in with any secret. No hash that is stored anywhere: it need not be
        # OpenSSL's HMAC, which takes four times as long.
        digest = blake2b(token.encode(), digest_size=32, key=self._key_of_memory).digest()
        verified = self._verified.recall(digest)
        if verified is None:
            if self._failed.recall(digest):
                raise UnauthenticatedError
            verified = await self._verify(token, digest)
        elif verified.asked_ahead <= self._verified.now():
            self._ask_ahead(token, digest)
        if verified.ends is not None and verified.ends <= self._verified.now():
            raise UnauthenticatedError
        if verified.suspended:
            raise TenantSuspendedError
        return verified.caller

    def _ask_ahead(self, token: str, digest: bytes) -> None:
        """Verify a key anew beside the requests: a few at a time, and the next use tries again.

        What is known of it stands meanwhile, to its own end and no longer.
        """
        rests = self._verified.now() < self._rests_until
        if rests or digest in self._asked_ahead or len(self._asked_ahead) >= _ASKED_AHEAD_AT_ONCE:
            return
        self._asked_ahead[digest] = asyncio.create_task(self._try_to_verify(token, digest))

    async def _try_to_verify(self, token: str, digest: bytes) -> None:
        try:
            await self._verify(token, digest)
        except UnauthenticatedError:
            pass  # the next use is told
        except (OverloadedError, asyncpg.PostgresError):
            # A request that has to ask will tell, if that lasts.
            self._rests_until = self._verified.now() + _REST_SECONDS
        finally:
            del self._asked_ahead[digest]

    async def _verify(self, token: str, remembered_by: bytes) -> "_Verified":
        asked = self._verified.now()
        digest = self._pepper.hash(token)
        found = self._operator(token, digest) or await self._key(token, digest, asked)
        if found is None:
            self._verified.forget(remembered_by)
            self._failed.remember(remembered_by, True, since=asked)
            raise UnauthenticatedError
        self._verified.remember(remembered_by, found, since=asked)
        return found

    def _operator(self, token: str, digest: bytes) -> "_Verified | None":
        expected = self._operator_key_hash
        if expected is None or not is_operator_key(token):
            return None
        if not hmac.compare_digest(digest.hex(), expected):
            return None
        return _Verified(Operator())

    async def _key(self, token: str, digest: bytes, asked: float) -> "_Verified | None":
        parsed = KeyToken.parse(token)
        if parsed is None:
            return None
        async with self._database.transaction(parsed.tenant_id, read_only=True) as transaction:
            row = await transaction.fetch_one(_KEY_AND_TENANT_STATE, key_id=parsed.key_id)
        # An unknown key is compared too: it takes the time that a wrong secret takes.
        stored = bytes(len(digest)) if row is None else row["secret_hash"]
        if not hmac.compare_digest(stored, digest) or row is None:
            return None
        key = to_api_key(row)
        if key.revoked_at is not None:
            return None
        suspended = row["tenant_state"] == "suspended"
        now = row["now"]
        least, most = _ASKED_AHEAD_SECONDS
        if key.is_active(now) and not suspended:
            self._last_uses.note(key, now)
        return _Verified(
            Principal(tenant_id=key.tenant_id, key_id=key.id, scopes=frozenset(key.scopes)),
            ends=asked + (key.expires_at - now).total_seconds() if key.expires_at else None,
            suspended=suspended,
            asked_ahead=asked + least + (most - least) * key.id.bytes[-1] / 255,
        )


@dataclass(frozen=True, slots=True)
class _Verified:
    caller: Principal | Operator
    ends: float | None = None
    """The tick from which the key is not served: counted from before the database was asked."""
    suspended: bool = False
    asked_ahead: float = math.inf
    """The tick from which a use has it verified anew."""


class _Memory(Generic[_T]):
    """What was learnt in the last seconds: bounded, the least recently used goes first."""

    def __init__(self, size: int, ticks: Callable[[], float]) -> None:
        self._size = size
        self._entries: OrderedDict[bytes, tuple[float, _T]] = OrderedDict()
        self.now = ticks

    def recall(self, digest: bytes) -> _T | None:
        entry = self._entries.get(digest)
        if entry is None:
            return None
        since, value = entry
        if self.now() - since >= REMEMBERED_SECONDS:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return value

    def forget(self, digest: bytes) -> None:
        self._entries.pop(digest, None)

    def remember(self, digest: bytes, value: _T, *, since: float) -> None:
        """Keep `value`; its age counts from before it was asked for."""
        self._entries[digest] = (since, value)
        self._entries.move_to_end(digest)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
