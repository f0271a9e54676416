"""``sokho check isolation``: whether tenants are sealed from each other in any database.

The checks read the system catalogue and then try, as the service's role, what they conclude.
Reasons, codes and limits: docs/en/isolation.md.
"""

from sokho.core.infrastructure.database.isolation.check import check_isolation, role_of
from sokho.core.infrastructure.database.isolation.codes import CODES, Level
from sokho.core.infrastructure.database.isolation.report import Finding, Report
from sokho.core.infrastructure.database.isolation.target import Target

__all__ = ["CODES", "Finding", "Level", "Report", "Target", "check_isolation", "role_of"]
