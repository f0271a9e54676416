"""How values travel between Python and PostgreSQL, where the driver's own way is not taken."""

from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from sokho.core.infrastructure.database.pool import Connection

# PostgreSQL writes instants in the session's style and zone. Whatever a role or a database has as
# its own, here it is the one that `fromisoformat` reads.
INSTANTS_IN_ISO_AND_UTC: Final = {"DateStyle": "ISO", "TimeZone": "UTC"}


async def set_codecs(connection: "Connection") -> None:
    """Have jsonb read and written by msgspec, and instants as texts.

    From the binary form the driver makes an instant in Python's `timedelta` arithmetic, which
    takes six times as long as reading the text.
    """
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=_encode_jsonb,
        decoder=_decode_jsonb,
        format="binary",
    )
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=datetime.isoformat,
        decoder=datetime.fromisoformat,
        format="text",
    )


def _encode_jsonb(value: object) -> bytes:
    return b"\x01" + msgspec.json.encode(value)  # the binary format's version number


def _decode_jsonb(data: bytes) -> object:
    return msgspec.json.decode(data[1:])
