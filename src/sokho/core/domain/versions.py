"""Which version of a thing a change was meant for (optimistic concurrency control)."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from sokho.core.domain.errors import PreconditionFailedError


@dataclass(frozen=True, slots=True)
class ExpectedVersion:
    """The versions that the caller has seen and means to change; None stands for any."""

    versions: Collection[int] | None

    def require(self, version: int) -> None:
        """Raise `PreconditionFailedError` unless `version` is one of the expected."""
        if self.versions is not None and version not in self.versions:
            raise PreconditionFailedError


ANY_VERSION: Final = ExpectedVersion(None)
