"""Is this database sealed? A quick look at the catalogue, before the service serves from it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sokho.core.domain.texts import Text
from sokho.core.infrastructure.database.migrate import VERSION_TABLE
from sokho.core.infrastructure.database.policies import (
    ACCESS_POLICY,
    FLOOR_POLICY,
    TENANT_COLUMN,
    tenant_predicate,
)
from sokho.core.infrastructure.database.pool import Connection
from sokho.core.infrastructure.database.transaction import Row

# The column that says whose a row is, where it is not `tenant_id`.
_TENANT_COLUMNS: Final = {"tenants": "id"}

# What every tenant may read: nothing of anybody's.
_SHARED_TABLES: Final = frozenset({VERSION_TABLE})

_ALL: Final = "*"  # how the catalogue writes FOR ALL


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which tenants are not sealed: a stable code, the object, and a reason."""

    code: str
    object: str
    text: Text

    @property
    def line(self) -> Text:
        """The finding as a line of a list."""
        return Text(*(f"{self.object}: {sentence} [{self.code}]" for sentence in self.text))


_REASONS: Final = {
    "privileged_role": Text(
        vi="vai trò của dịch vụ có, hoặc có thể có, đặc quyền vượt qua bảo mật theo dòng",
        en="the service's role is, or can become, a superuser, one with BYPASSRLS, or an owner",
    ),
    "search_path": Text(
        vi="dịch vụ tìm bảng ở lược đồ khác ngoài public",
        en="the service would look for its tables in another schema than public",
    ),
    "not_a_table": Text(
        vi="dịch vụ đọc được một đối tượng không thể bảo vệ theo dòng",
        en="the service can read a relation that row-level security cannot protect",
    ),
    "no_tenant_column": Text(
        vi="bảng không có cột doanh nghiệp kiểu uuid NOT NULL",
        en="the table has no tenant column of type uuid NOT NULL",
    ),
    "excess_grant": Text(
        vi="dịch vụ có quyền TRUNCATE, REFERENCES hoặc TRIGGER, vượt ngoài bảo mật theo dòng",
        en="the service holds TRUNCATE, REFERENCES or TRIGGER, which row-level security ignores",
    ),
    "rls_disabled": Text(vi="bảo mật theo dòng chưa bật", en="row-level security is not enabled"),
    "rls_not_forced": Text(
        vi="bảo mật theo dòng chưa áp dụng cho chủ bảng (FORCE)",
        en="row-level security is not forced on the owner",
    ),
    "policy_missing": Text(
        vi="thiếu chính sách truy cập hoặc chính sách chặn (RESTRICTIVE)",
        en="the access policy or the restrictive floor is missing",
    ),
    "policy_altered": Text(
        vi="nội dung chính sách khác với mẫu chuẩn",
        en="a policy does not say what the generator writes",
    ),
}

_ROLE_IS_PRIVILEGED: Final = """
SELECT EXISTS (
    SELECT FROM pg_roles AS role
    WHERE (pg_has_role(current_user, role.oid, 'MEMBER') OR role.rolname = session_user)
      AND (role.rolsuper OR role.rolbypassrls OR role.rolcreaterole OR role.rolreplication
           OR EXISTS (SELECT FROM pg_database WHERE datdba = role.oid)
           OR EXISTS (SELECT FROM pg_namespace WHERE nspowner = role.oid)
           OR role.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
                               'pg_write_server_files', 'pg_execute_server_program')
           OR EXISTS (SELECT FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
                      WHERE relowner = role.oid AND n.nspname !~ '^(pg_|information_schema$)'))
)
"""

_RELATIONS: Final = """
SELECT c.oid::regclass::text AS relname, c.relkind::text AS kind,
       c.relrowsecurity, c.relforcerowsecurity,
       EXISTS (SELECT FROM pg_attribute AS a
               WHERE a.attrelid = c.oid AND a.attname = coalesce($1::jsonb ->> c.relname::text, $2)
                 AND a.atttypid = 'uuid'::regtype AND a.attnotnull) AS has_tenant,
       has_table_privilege(c.oid, 'TRUNCATE, REFERENCES, TRIGGER') AS excess
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema$)' AND has_schema_privilege(n.oid, 'USAGE')
  AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND (has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
       OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE'))
ORDER BY c.relname
"""

_POLICIES: Final = """
SELECT c.oid::regclass::text AS relname, p.polname, p.polpermissive, p.polcmd::text AS command,
       pg_get_expr(p.polqual, p.polrelid) AS using,
       pg_get_expr(p.polwithcheck, p.polrelid) AS check
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid
WHERE (p.polroles = '{0}' OR EXISTS (
      SELECT FROM unnest(p.polroles) AS member(oid)
      WHERE member.oid <> 0 AND pg_has_role(current_user, member.oid, 'MEMBER')))
"""


async def find_leaks(connection: Connection) -> list[Finding]:
    """Return what keeps tenants from being sealed for the role that `connection` uses.

    An empty list lets the service start. It reads the catalogue alone, in a few queries.
    """
    leaks: list[tuple[str, str]] = []
    if await connection.fetchval(_ROLE_IS_PRIVILEGED):
        leaks.append(("privileged_role", await connection.fetchval("SELECT current_user")))
    if await connection.fetchval("SELECT current_schemas(false)") != ["public"]:
        leaks.append(("search_path", await connection.fetchval("SHOW search_path")))
    policies: dict[str, list[Row]] = defaultdict(list)
    for policy in await connection.fetch(_POLICIES):
        policies[policy["relname"]].append(policy)
    for relation in await connection.fetch(_RELATIONS, _TENANT_COLUMNS, TENANT_COLUMN):
        name: str = relation["relname"]
        if name not in _SHARED_TABLES:
            leaks += [(code, name) for code in _faults(relation, policies[name])]
    return [Finding(code, name, _REASONS[code]) for code, name in leaks]


def _faults(relation: Row, policies: Sequence[Row]) -> Iterator[str]:
    """Yield the code of each thing that is wrong with one relation."""
    if relation["kind"] not in {"r", "p"}:
        yield "not_a_table"
        return
    if relation["excess"]:
        yield "excess_grant"
    if not relation["has_tenant"]:
        yield "no_tenant_column"
    if not relation["relrowsecurity"]:
        yield "rls_disabled"
    if not relation["relforcerowsecurity"]:
        yield "rls_not_forced"
    present = {(each["polname"], each["polpermissive"], each["command"]) for each in policies}
    if not {(ACCESS_POLICY, True, _ALL), (FLOOR_POLICY, False, _ALL)} <= present:
        yield "policy_missing"
    column = _TENANT_COLUMNS.get(relation["relname"], TENANT_COLUMN)
    rule = _bare(tenant_predicate(column))
    texts = (policy[side] or "" for policy in policies for side in ("using", "check"))
    if any(_bare(text) != rule for text in texts):
        yield "policy_altered"


def _bare(rule: str) -> str:
    """Return a policy's text without what PostgreSQL adds when it prints one."""
    return re.sub(r"[()\s]|::text|AS\s*current_setting", "", rule).lower()
