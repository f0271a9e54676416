"""Structured logs: one JSON object a line on standard error, and never a secret."""

import logging
import re
import sys
from typing import Any, Final

import msgspec
import structlog

# Whatever looks like a key of ours, and the password in a URL, wherever it stands in a line.
_SECRETS: Final = re.compile(
    rb"""sokho(?:op)?_[0-9A-Za-z_]{20,}|(?<=://)[^\s"/:@]*:[^\s"]+(?=@)|(?<=password=)[^\s"&]+"""
)

logger: Final[Any] = structlog.get_logger("sokho")


def configure_logging(level: str) -> None:
    """Send the service's own events and those of the libraries through one renderer."""
    threshold = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(serializer=_to_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        handlers=[_LibraryHandler()], level=max(threshold, logging.WARNING), force=True
    )
    for name in ("uvicorn", "uvicorn.error"):
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(threshold)


class _LibraryHandler(logging.Handler):
    """Hands a library's record to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.log(
            record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info
        )


def _to_json(event: object, **_: object) -> bytes:
    return _SECRETS.sub(b"[secret]", msgspec.json.encode(event, enc_hook=str))
