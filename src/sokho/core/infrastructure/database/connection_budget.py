"""Whether all the connections that the service may open fit into what PostgreSQL allows."""

from typing import Final

from sokho.core.domain.errors import OperatorError
from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.database import Database

WORKER_POOL_SIZE: Final = 2
"""Connections of each process as the role that may list businesses."""

_LIMITS: Final = """
SELECT current_setting('max_connections')::integer
       - current_setting('superuser_reserved_connections')::integer
       - coalesce(current_setting('reserved_connections', true), '0')::integer AS server,
       nullif((SELECT datconnlimit FROM pg_database WHERE datname = current_database()), -1)
           AS database,
       nullif((SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), -1) AS role,
       current_user::text AS user
"""

_TOO_MANY: Final = Text(
    vi=(
        "Dịch vụ có thể mở {wanted} kết nối ({workers} tiến trình × {each} kết nối, để dành"
        " {reserve}), nhưng {limit} chỉ cho phép {allowed}. Hãy giảm SOKHO_WORKERS, SOKHO_POOL_SIZE"
        " hoặc SOKHO_CONNECTION_RESERVE, hoặc nâng giới hạn đó."
    ),
    en=(
        "The service may open {wanted} connections ({workers} processes × {each}, and a reserve of"
        " {reserve}), but {limit} allows {allowed}. Lower SOKHO_WORKERS, SOKHO_POOL_SIZE or"
        " SOKHO_CONNECTION_RESERVE, or raise that limit."
    ),
)
_LIMIT_OF: Final = {
    "server": Text(
        vi="máy chủ PostgreSQL (max_connections, trừ phần dành riêng)",
        en="the PostgreSQL server (max_connections, less what it reserves)",
    ),
    "database": Text(
        vi="cơ sở dữ liệu này (CONNECTION LIMIT)", en="this database (its CONNECTION LIMIT)"
    ),
    "role": Text(
        vi="vai trò {user} (CONNECTION LIMIT)", en="the role {user} (its CONNECTION LIMIT)"
    ),
}


async def refuse_unless_connections_suffice(
    database: Database, *, workers: int, pools: int, of_role: int, reserve: int
) -> None:
    """Raise `OperatorError` unless every process can fill its pools and `reserve` are left.

    Each has `pools` connections, `of_role` of them as the role that `database` is reached as.

    The reserve is for whatever else connects: the command line, backups, other services. Below
    zero nothing is checked, for a pooler in between, behind which these limits say nothing.
    """
    if reserve < 0:
        return
    async with database.unbound() as connection:
        limits = await connection.fetchrow(_LIMITS)
    assert limits is not None
    for name, limit in _LIMIT_OF.items():
        text = limit.format(user=limits["user"])
        each = of_role if name == "role" else pools
        wanted, allowed = workers * each + reserve, limits[name]
        if allowed is not None and wanted > allowed:
            numbers = {"wanted": wanted, "workers": workers, "each": each, "reserve": reserve}
            raise OperatorError(
                Text(
                    vi=_TOO_MANY.vi.format(limit=text.vi, allowed=allowed, **numbers),
                    en=_TOO_MANY.en.format(limit=text.en, allowed=allowed, **numbers),
                )
            )
