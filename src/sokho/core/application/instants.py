"""An instant as clients send it: RFC 3339, with its offset, and nothing that has to be guessed."""

import re
from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

INSTANT_LENGTH: Final = 35
"""With nine decimals of a second and an offset."""

_ENDS: Final = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))


def _is_no_number(instant: object) -> object:
    """Refuse seconds or milliseconds since 1970: which of them, one could only guess."""
    is_number = isinstance(instant, int | float)
    if is_number or (isinstance(instant, str) and re.fullmatch(r"[-+]?[0-9.]+", instant)):
        raise ValueError("an RFC 3339 date-time is needed")
    if isinstance(instant, str) and len(instant) > INSTANT_LENGTH:
        raise ValueError("longer than any date-time")
    return instant


def _in_utc(instant: datetime) -> datetime:
    """Refuse an instant that in UTC lies before the first year or after the last.

    Their very first and last ones, too: the driver takes them for infinity.
    """
    try:
        in_utc = instant.astimezone(UTC)
    except OverflowError:
        raise ValueError("out of range") from None
    if in_utc in _ENDS:
        raise ValueError("out of range")
    return in_utc


Instant = Annotated[AwareDatetime, BeforeValidator(_is_no_number), AfterValidator(_in_utc)]
