"""Headers that forbid a browser everything with an answer but to hand it to whoever asked."""

from typing import Final

HeaderLines = tuple[tuple[bytes, bytes], ...]

_POLICY: Final = b"content-security-policy"

# The OWASP cheat sheet on REST security, but for HSTS.
_EVERYWHERE: Final[HeaderLines] = (
    (b"cache-control", b"no-store"),
    (_POLICY, b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)

# A browser must not hear this over plain HTTP (RFC 6797, section 7.2).
_OVER_TLS: Final[HeaderLines] = (
    *_EVERYWHERE,
    (b"strict-transport-security", b"max-age=31536000"),
)


def security_headers(scheme: str) -> HeaderLines:
    """Return the headers of every answer over ``http`` or ``https``."""
    return _OVER_TLS if scheme == "https" else _EVERYWHERE


def with_policy(headers: HeaderLines, policy: str) -> HeaderLines:
    """Return `headers` with another Content-Security-Policy, for a page that loads something."""
    return tuple(
        (name, policy.encode("ascii") if name == _POLICY else value) for name, value in headers
    )
