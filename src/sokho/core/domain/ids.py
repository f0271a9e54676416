"""Identifiers: UUID version 7, so that new rows land at the end of an index (RFC 9562)."""

import sys
from uuid import UUID

if sys.version_info >= (3, 14):
    from uuid import uuid7
    from uuid import uuid7 as _uuid7_of_text
else:
    from uuid_utils import uuid7 as _uuid7_of_text  # nothing but a number until it is written
    from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """Return a fresh identifier; those made by one process grow monotonically."""
    return uuid7()


def new_id_text() -> str:
    """Return the text of a fresh identifier, where nobody needs the identifier itself."""
    return str(_uuid7_of_text())
