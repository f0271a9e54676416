"""The text of an API key: recognisable, checkable without a look-up, and shown once.

``sokho_`` + tenant (32 hex) + ``_`` + key (32 hex) + ``_`` + secret (43 base62) + CRC32 of
everything before (6 base62). The prefix and the checksum let secret scanners find a leaked
key without false alarms (after GitHub's token format). The tenant's id is in it so that the
tenant can be bound first and the key verified under row-level security.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECKSUM_LENGTH: Final = 6
_SECRET_LENGTH: Final = 43

SECRET_BYTES: Final = 32

_TENANT_KEY: Final = re.compile(r"sokho_([0-9a-f]{32})_([0-9a-f]{32})_[0-9A-Za-z]{49}")
_OPERATOR_KEY: Final = re.compile(r"sokhoop_[0-9A-Za-z]{49}")


@dataclass(frozen=True, slots=True)
class KeyToken:
    """A well-formed key of a business. Whether it is genuine, only its hash tells."""

    text: str
    tenant_id: UUID
    key_id: UUID

    @classmethod
    def make(cls, tenant_id: UUID, key_id: UUID, secret: bytes) -> Self:
        """Write the key with `SECRET_BYTES` random bytes."""
        text = _with_checksum(f"sokho_{tenant_id.hex}_{key_id.hex}_{_secret_text(secret)}")
        return cls(text, tenant_id, key_id)

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Read a key, or return None where the form or the checksum is wrong."""
        form = _TENANT_KEY.fullmatch(text)
        if form is None or not _checks_out(text):
            return None
        return cls(text, UUID(form[1]), UUID(form[2]))


def make_operator_key(secret: bytes) -> str:
    """Write an operator's key with `SECRET_BYTES` random bytes."""
    return _with_checksum(f"sokhoop_{_secret_text(secret)}")


def is_operator_key(text: str) -> bool:
    """Whether this has the form and the checksum of an operator's key."""
    return _OPERATOR_KEY.fullmatch(text) is not None and _checks_out(text)


def _secret_text(secret: bytes) -> str:
    return _base62(int.from_bytes(secret, "big"), _SECRET_LENGTH)


def _with_checksum(text: str) -> str:
    return text + _base62(zlib.crc32(text.encode()), _CHECKSUM_LENGTH)


def _checks_out(text: str) -> bool:
    return _with_checksum(text[:-_CHECKSUM_LENGTH]) == text


def _base62(number: int, length: int) -> str:
    digits = []
    while number:
        number, remainder = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[remainder])
    return "".join(reversed(digits)).rjust(length, _DIGITS[0])
