"""A POST that is sent again with its Idempotency-Key is done once, and answered the same.

After draft-ietf-httpapi-idempotency-key-header: what was answered is kept in the transaction
of the effect, so that there is neither without the other.
"""

import os
from collections.abc import Awaitable, Callable
from hashlib import sha256
from http import HTTPStatus
from typing import Final
from uuid import UUID

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.requests import Request
from starlette.responses import Response

from sokho.core.domain.errors import ConflictError, DomainError, InvalidError
from sokho.core.domain.identity import Operator
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database import CollisionError, Database
from sokho.core.infrastructure.database.idempotency_keys import (
    FIND,
    KeyInUseError,
    KeyUsedError,
    claiming,
    keep,
)
from sokho.core.infrastructure.database.transaction import WriteTransaction
from sokho.core.infrastructure.http.context import RequestContext
from sokho.core.infrastructure.http.headers import short_text
from sokho.core.infrastructure.http.responses import SecretResponse

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
KEY_LENGTH: Final = 255

_KEPT_HEADERS: Final = (b"content-type", b"location", b"etag")
_NONCE_BYTES: Final = 12  # what AES-GCM is made for (NIST SP 800-38D, section 5.2.1.1)


class IdempotencyKeyInUseError(ConflictError):
    """A request with the same key is being answered at this moment."""

    code = "idempotency_key_in_use"
    text = Text(
        vi="Một yêu cầu cùng Idempotency-Key đang được xử lý; hãy thử lại sau giây lát.",
        en="A request with this Idempotency-Key is being processed; retry in a moment.",
    )


class IdempotencyKeyMismatchError(InvalidError):
    """The key belongs to another request: another method, address or body."""

    code = "idempotency_key_mismatch"
    text = Text(
        vi="Idempotency-Key này đã được dùng cho một yêu cầu khác.",
        en="This Idempotency-Key was used for another request.",
    )


class IdempotencyKeyRequiredError(DomainError):
    """What would be done twice must not be sent without a key."""

    code = "idempotency_key_required"
    text = Text(
        vi="Thao tác này cần tiêu đề Idempotency-Key.",
        en="This operation needs the header Idempotency-Key.",
    )


IDEMPOTENT: Final = (IdempotencyKeyInUseError, IdempotencyKeyMismatchError)
"""What can be wrong with the key of a POST, for `problems`."""


class _Answer(msgspec.Struct, array_like=True):
    """What is kept of an answer."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    only_for: str | None
    """Who alone may be told it again; None stands for whoever the operation is permitted."""


class Idempotency:
    """Keeps what requests were answered, encrypted: some answers carry a secret.

    Those are told again to their own caller alone: another one may be allowed less.
    """

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    async def once(
        self, request: Request, key: str, body: bytes, answer: Callable[[], Awaitable[Response]]
    ) -> Response:
        """Return what `answer` returns, or what it once returned for the same key.

        Only success is kept: after anything else the key is free. Raises
        `IdempotencyKeyInUseError`, `IdempotencyKeyMismatchError`, and what `answer` raises.
        """
        context = RequestContext.of(request.scope)
        transaction = context.transaction
        if not isinstance(transaction, WriteTransaction):
            raise TypeError(f"{request.scope['path']} changes nothing that a key could guard")
        caller = context.caller
        assert caller is not None
        operator = isinstance(caller, Operator)
        key_hash = context.key_hash or hash_of(key, transaction.tenant_id, operator=operator)
        fingerprint = _fingerprint(request, body)
        try:
            with claiming(transaction, key_hash, fingerprint):
                response = await answer()
        except KeyInUseError:
            raise IdempotencyKeyInUseError from None
        except KeyUsedError:
            await transaction.rollback()
            return await self._answered_before(request, key_hash, fingerprint, answer)
        if response.status_code < HTTPStatus.MULTIPLE_CHOICES and not transaction.has_kept:
            only_for = caller.actor if isinstance(response, SecretResponse) else None
            sealed = self._sealed(_kept(response, only_for), key_hash)
            keep(transaction, key_hash=key_hash, fingerprint=fingerprint, answer=sealed)
        return response

    async def _answered_before(
        self,
        request: Request,
        key_hash: bytes,
        fingerprint: bytes,
        answer: Callable[[], Awaitable[Response]],
    ) -> Response:
        """Return what was kept; or, where what it is made of was kept, make it again."""
        context = RequestContext.of(request.scope)
        transaction, caller = context.transaction, context.caller
        assert isinstance(transaction, WriteTransaction)
        assert caller is not None
        database: Database = request.app.state.database
        reading = database.transaction(transaction.tenant_id, read_only=True)
        context.begin(reading)
        kept = await reading.fetch_one(FIND, key_hash=key_hash)
        if kept is None:
            raise CollisionError from None  # it has just expired: the key is free
        if kept["fingerprint"] != fingerprint:
            raise IdempotencyKeyMismatchError
        if kept["answer"] is not None:
            return self._replayed(kept["answer"], key_hash, caller.actor)
        transaction.tell_again(kept["result"])
        response = await answer()
        response.headers[REPLAYED] = "true"
        return response

    def _sealed(self, answer: _Answer, key_hash: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, msgspec.msgpack.encode(answer), key_hash)

    def _replayed(self, kept: bytes, key_hash: bytes, actor: str) -> Response:
        nonce, sealed = kept[:_NONCE_BYTES], kept[_NONCE_BYTES:]
        try:
            content = self._cipher.decrypt(nonce, sealed, key_hash)
        except InvalidTag:  # kept under another secret of the service
            raise IdempotencyKeyMismatchError from None
        answer = msgspec.msgpack.decode(content, type=_Answer)
        if answer.only_for not in {None, actor}:
            raise IdempotencyKeyMismatchError
        response = Response(answer.body, answer.status)
        response.raw_headers = [
            *(line for line in response.raw_headers if line[0] == b"content-length"),
            *answer.headers,
            (REPLAYED.lower().encode(), b"true"),
        ]
        return response


def idempotency_key(request: Request) -> str | None:
    """Return the caller's key, or None where the request has none; raises `InvalidError`."""
    return short_text(request, HEADER, KEY_LENGTH)


def hash_of(key: str, tenant_id: UUID, *, operator: bool) -> bytes:
    """Return the 32 bytes that stand for a key: of one business, and not the operator's."""
    whose = b"operator" if operator else b"business"
    return sha256(b"\0".join((whose, tenant_id.bytes, key.encode()))).digest()


def id_from(key: str) -> UUID:
    """Return the id that what the operator makes with a key has: the same for the same key.

    For a new business, whose own rows keep what the request was answered. A UUID of version 8
    (RFC 9562, section 5.8).
    """
    number = int.from_bytes(hash_of(key, UUID(int=0), operator=True)[:16], "big")
    number = number & ~(0xF << 76) | 0x8 << 76
    return UUID(int=number & ~(0b11 << 62) | 0b10 << 62)


def _kept(response: Response, only_for: str | None) -> _Answer:
    headers = [line for line in response.raw_headers if line[0] in _KEPT_HEADERS]
    return _Answer(response.status_code, headers, bytes(response.body), only_for)


def _fingerprint(request: Request, body: bytes) -> bytes:
    scope = request.scope
    head = (scope["method"].encode(), scope["path"].encode(), scope["query_string"])
    return sha256(b"\0".join((*head, body))).digest()
