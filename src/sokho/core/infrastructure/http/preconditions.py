"""Conditional requests (RFC 9110, section 13): If-Match for changes, If-None-Match for reads."""

import re
from typing import Annotated, Final

from fastapi import Depends, Header
from pydantic.config import JsonDict

from sokho.core.application.schemas import LONGEST_VALUE
from sokho.core.domain.versions import ANY_VERSION, ExpectedVersion
from sokho.core.infrastructure.http.errors import PreconditionRequiredError

# An element of a list, whole: what stands beside the quotes makes it no tag.
_ENTITY_TAG: Final = re.compile(r'(?:^|,)[ \t]*(W/)?"([^"]*)"[ \t]*(?=,|$)')
_VERSION: Final = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)

_FIELD_VALUE: Final[JsonDict] = {"pattern": r"^[\t\x20-\x7e\x80-\xff]*$"}  # RFC 9110, 5.5

_IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        description="The `ETag` of the state that the change is meant for, or `*` for any.",
        max_length=LONGEST_VALUE,
        json_schema_extra=_FIELD_VALUE,
        examples=['"1"', "*"],
    ),
]


def etag(version: int | str) -> dict[str, str]:
    """Return the header with the strong validator of a resource's version."""
    return {"ETag": f'"{version}"'}


async def get_expected_version(if_match: _IfMatch = None) -> ExpectedVersion:
    """Return the version that the change is meant for; raises `PreconditionRequiredError`."""
    if if_match is None:
        raise PreconditionRequiredError
    return _versions_in(if_match)


async def get_expected_version_if_given(if_match: _IfMatch = None) -> ExpectedVersion:
    """Return the version that the change is meant for; without If-Match any will do."""
    return ANY_VERSION if if_match is None else _versions_in(if_match)


Expected = Annotated[ExpectedVersion, Depends(get_expected_version)]
ExpectedIfGiven = Annotated[ExpectedVersion, Depends(get_expected_version_if_given)]


IfNoneMatch = Annotated[
    str | None,
    Header(
        alias="If-None-Match",
        description="The `ETag` of what the caller has; 304 if nothing has changed since.",
        max_length=LONGEST_VALUE,
        json_schema_extra=_FIELD_VALUE,
        examples=['"1"'],
    ),
]


def is_known(if_none_match: str | None, version: int | str) -> bool:
    """Return whether If-None-Match says that the caller has this version already.

    The comparison is the weak one (RFC 9110, section 13.1.2).
    """
    if if_none_match is None:
        return False
    tags = {tag for _, tag in _ENTITY_TAG.findall(if_none_match)}
    return if_none_match.strip() == "*" or str(version) in tags


def _versions_in(if_match: str) -> ExpectedVersion:
    """Read If-Match by the strong comparison: a weak tag, and what is no tag, match nothing."""
    if if_match.strip() == "*":
        return ANY_VERSION
    tags = _ENTITY_TAG.findall(if_match)
    return ExpectedVersion({int(tag) for weak, tag in tags if not weak and _VERSION.fullmatch(tag)})
