"""What the check tells: findings, advice, and what could not be exercised."""

from collections.abc import Sequence
from dataclasses import dataclass

from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.isolation.codes import CODES, Level


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or could be better, with one object."""

    code: str
    object: str
    detail: str = ""
    """What of the object: a policy's name, privileges, columns."""

    mend: str = ""
    """The statement that mends it; empty where only people can tell how."""

    level: Level | None = None
    """Where it is not what the code stands for otherwise."""

    @property
    def is_advice(self) -> bool:
        """Whether tenants are sealed all the same."""
        return (self.level or CODES[self.code].level) is not Level.FINDING

    @property
    def reason(self) -> Text:
        """Why it matters, in a line."""
        return CODES[self.code].reason


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found, and how much was looked at."""

    app_role: str
    found: Sequence[Finding]
    tenant_tables: int

    @property
    def findings(self) -> list[Finding]:
        """What keeps tenants from being sealed."""
        return [each for each in self.found if not each.is_advice]

    @property
    def advice(self) -> list[Finding]:
        """What would make the seal stronger or quicker."""
        return [
            each
            for each in self.found
            if each.is_advice and CODES[each.code].level is not Level.NOT_EXERCISED
        ]

    @property
    def not_exercised(self) -> list[Finding]:
        """What could not be tried, and so is not known."""
        return [each for each in self.found if CODES[each.code].level is Level.NOT_EXERCISED]
