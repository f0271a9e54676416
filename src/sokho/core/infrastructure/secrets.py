"""The service's secret, and the keys derived from it."""

import contextlib
import hmac
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.private_files import write_private

_KEY_BYTES: Final = 32

_NO_SECRET: Final = Text(
    vi="Không đọc hoặc tạo được {path}: {reason}. Hãy kiểm tra SOKHO_DATA_DIR, "
    "hoặc đặt SOKHO_SECRET.",
    en="{path} can be neither read nor made: {reason}. Check SOKHO_DATA_DIR, or set SOKHO_SECRET.",
)


@dataclass(frozen=True, slots=True)
class DerivedKeys:
    """Keys for one purpose each, so that what leaks of one says nothing of another."""

    pepper: bytes
    pepper_id: str
    cursor: bytes
    answers: bytes
    ledger: bytes
    ledger_id: str

    @classmethod
    def from_secret(cls, secret: str) -> Self:
        """Derive the keys with HKDF-SHA256 (RFC 5869)."""
        root = secret.encode()
        return cls(
            pepper=_derive(root, b"api-key pepper"),
            pepper_id=_derive(root, b"api-key pepper id").hex()[:8],
            cursor=_derive(root, b"list cursor"),
            answers=_derive(root, b"kept answers"),
            ledger=_derive(root, b"ledger digest"),
            ledger_id=_derive(root, b"ledger digest id").hex()[:8],
        )


def keyed_hash(key: bytes, message: bytes) -> bytes:
    """Return HMAC-SHA256 of `message`: 32 bytes."""
    return hmac.digest(key, message, "sha256")


def secret_in(data_dir: Path) -> str:
    """Return the secret kept in the data folder, made on first use, for its owner alone.

    Raises `OperatorError` when it can be neither read nor made.
    """
    path = data_dir / "secret"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with contextlib.suppress(FileExistsError):  # another process was faster
                write_private(path, secrets.token_urlsafe(_KEY_BYTES), replace=False)
        return path.read_text().strip()
    except OSError as error:
        raise OperatorError(_NO_SECRET.format(path=path, reason=error.strerror)) from error


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), length=_KEY_BYTES, salt=None, info=b"sokho " + purpose).derive(root)
