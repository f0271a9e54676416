"""Ways to weaken the seal, one at a time: of the schema by SQL, of the code by other source."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from sokho.core.infrastructure.database.policies import tenant_predicate

_RULE: Final = tenant_predicate()
_BOUND: Final = "current_setting('app.current_tenant', true)"


class SchemaMutant(NamedTuple):
    """A change of Sokho's own schema, which the checks must find."""

    kind: str
    sql: str
    undo: str = ""
    """For what belongs to the cluster: it is there for every database of the server."""


def _policies(sql: str) -> SchemaMutant:
    return SchemaMutant("policies", sql)


def _both(text: str) -> SchemaMutant:
    """Give both policies of items another text."""
    return _policies(
        ";".join(
            f"ALTER POLICY {name} ON items USING ({text}) WITH CHECK ({text})"
            for name in ("tenant_access", "tenant_floor")
        )
    )


def _role(grant: str, undo: str) -> SchemaMutant:
    return SchemaMutant("roles", grant, undo)


SCHEMA_MUTANTS: Final[Mapping[str, SchemaMutant]] = {
    "row security is off": _policies("ALTER TABLE items DISABLE ROW LEVEL SECURITY"),
    "row security is off, of tenants": _policies("ALTER TABLE tenants DISABLE ROW LEVEL SECURITY"),
    "the policy is gone": _policies("DROP POLICY tenant_access ON units"),
    "the policy is true": _policies("ALTER POLICY tenant_access ON items USING (true)"),
    "both are true": _both("true"),
    "OR true": _both(f"({_RULE}) OR true"),
    "nothing bound shows all": _both(f"({_RULE}) OR {_BOUND} IS NULL"),
    "nothing bound is forgiven": _both(f"tenant_id = {_BOUND}::uuid"),
    "another setting": _both("tenant_id = current_setting('app.other')::uuid"),
    "another column": _both("id = current_setting('app.current_tenant')::uuid"),
    "for reading alone": _policies(
        "DROP POLICY tenant_access ON items; CREATE POLICY tenant_access ON items FOR SELECT "
        f"TO sokho_app USING ({_RULE})"
    ),
    "for another role": _policies("ALTER POLICY tenant_access ON items TO sokho_worker"),
    "a third policy": _policies("CREATE POLICY more ON items FOR SELECT USING (unit = 'kg')"),
    "not forced": SchemaMutant("FORCE", "ALTER TABLE items NO FORCE ROW LEVEL SECURITY"),
    "not forced, of events": SchemaMutant(
        "FORCE", "ALTER TABLE events NO FORCE ROW LEVEL SECURITY"
    ),
    "no check": SchemaMutant("WITH CHECK", "ALTER POLICY tenant_access ON items WITH CHECK (true)"),
    "no check of the floor": SchemaMutant(
        "WITH CHECK", "ALTER POLICY tenant_floor ON stock_moves WITH CHECK (true)"
    ),
    "no floor": SchemaMutant("floors", "DROP POLICY tenant_floor ON api_keys"),
    "a floor for one role": SchemaMutant(
        "floors", "ALTER POLICY tenant_floor ON items TO sokho_worker"
    ),
    "a floor for one command": SchemaMutant(
        "floors",
        "DROP POLICY tenant_floor ON items; CREATE POLICY tenant_floor ON items AS RESTRICTIVE "
        f"FOR DELETE USING ({_RULE})",
    ),
    "TRUNCATE": SchemaMutant("grants", "GRANT TRUNCATE ON items TO sokho_app"),
    "TRIGGER": SchemaMutant("grants", "GRANT TRIGGER ON stock_moves TO sokho_app"),
    "REFERENCES": SchemaMutant("grants", "GRANT REFERENCES ON items TO sokho_app"),
    "PUBLIC": SchemaMutant("grants", "GRANT SELECT ON items TO PUBLIC"),
    "tomorrow's tables": SchemaMutant(
        "grants", "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO sokho_app"
    ),
    "CREATE": SchemaMutant("grants", "GRANT CREATE ON SCHEMA public TO sokho_app"),
    "the worker's times": SchemaMutant("grants", "GRANT SELECT ON chores TO sokho_app"),
    "an owner": SchemaMutant("roles", "ALTER TABLE items OWNER TO sokho_app"),
    "a superuser": _role("ALTER ROLE sokho_app SUPERUSER", "ALTER ROLE sokho_app NOSUPERUSER"),
    "BYPASSRLS": _role("ALTER ROLE sokho_app BYPASSRLS", "ALTER ROLE sokho_app NOBYPASSRLS"),
    "a member of the owner": _role(
        "GRANT sokho_owner TO sokho_app", "REVOKE sokho_owner FROM sokho_app"
    ),
    "a reader of everything": _role(
        "GRANT pg_read_all_data TO sokho_app", "REVOKE pg_read_all_data FROM sokho_app"
    ),
    "a preset tenant": _role(
        "ALTER ROLE sokho_app SET app.current_tenant = '0195a0de-0000-7000-8000-000000000001'",
        "ALTER ROLE sokho_app RESET app.current_tenant",
    ),
    "a foreign key without the tenant": SchemaMutant(
        "foreign keys",
        "ALTER TABLE items ADD UNIQUE (id); ALTER TABLE item_tags"
        " DROP CONSTRAINT item_tags_tenant_id_item_id_fkey,"
        " ADD FOREIGN KEY (item_id) REFERENCES items (id) ON DELETE CASCADE",
    ),
    "a foreign key that clears": SchemaMutant(
        "foreign keys",
        "ALTER TABLE locations DROP CONSTRAINT locations_tenant_id_parent_id_fkey,"
        " ADD FOREIGN KEY (tenant_id, parent_id) REFERENCES locations ON DELETE SET NULL",
    ),
    "a tenant that may be missing": SchemaMutant(
        "foreign keys",
        "ALTER TABLE item_tags DROP CONSTRAINT item_tags_pkey, ALTER tenant_id DROP NOT NULL",
    ),
    "unique without the tenant": SchemaMutant(
        "unique constraints",
        "ALTER TABLE items DROP CONSTRAINT items_tenant_id_sku_key_key, ADD UNIQUE (sku_key)",
    ),
    "a primary key without the tenant": SchemaMutant(
        "unique constraints",
        "ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_pkey,"
        " ADD PRIMARY KEY (key_hash)",
    ),
    "a unique index without the tenant": SchemaMutant(
        "indexes", "CREATE UNIQUE INDEX ON items (lower(name)) INCLUDE (tenant_id)"
    ),
    "a view": SchemaMutant(
        "views", "CREATE VIEW every_item AS TABLE items; GRANT SELECT ON every_item TO sokho_app"
    ),
    "a materialized view": SchemaMutant(
        "views", "CREATE MATERIALIZED VIEW kept AS TABLE items; GRANT SELECT ON kept TO sokho_app"
    ),
    "a definer function": SchemaMutant(
        "definer functions",
        "CREATE FUNCTION every_item() RETURNS SETOF items SECURITY DEFINER LANGUAGE sql"
        " SET search_path = public, pg_temp AS 'SELECT * FROM items'",
    ),
    "a definer trigger": SchemaMutant(
        "definer functions",
        "CREATE FUNCTION copied() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql"
        " SET search_path = public, pg_temp AS"
        " 'BEGIN INSERT INTO units SELECT * FROM units; RETURN NEW; END';"
        "CREATE TRIGGER copied AFTER INSERT ON items FOR EACH ROW EXECUTE FUNCTION copied()",
    ),
    "a leakproof function": SchemaMutant(
        "definer functions",
        "CREATE FUNCTION loud(text) RETURNS boolean LEAKPROOF LANGUAGE plpgsql"
        " AS 'BEGIN RAISE NOTICE ''%'', $1; RETURN true; END'",
    ),
    "a rule": SchemaMutant(
        "definer functions",
        "CREATE RULE copied AS ON DELETE TO items DO ALSO DELETE FROM units",
    ),
    "an open child table": SchemaMutant(
        "partitions",
        "CREATE TABLE old_items (CONSTRAINT old_key PRIMARY KEY (tenant_id, id)) INHERITS (items);"
        "GRANT SELECT ON old_items TO sokho_app",
    ),
    "an open partition": SchemaMutant(
        "partitions",
        "CREATE TABLE readings (tenant_id uuid NOT NULL, at date) PARTITION BY RANGE (at);"
        "CREATE TABLE readings_rest PARTITION OF readings DEFAULT;"
        "GRANT SELECT ON readings_rest TO sokho_app",
    ),
    "a publication": SchemaMutant("publications", "CREATE PUBLICATION feed FOR TABLE items"),
}


class CodeMutant(NamedTuple):
    """A text of the source replaced by another; these tests must fail."""

    kind: str
    file: str
    old: str
    new: str
    tests: str


_DATABASE: Final = "sokho/core/infrastructure/database"
_HTTP: Final = "sokho/core/infrastructure/http"
_TRANSACTION: Final = "tests/integration/test_transaction.py"
_COMMITS_WITH_CHANGE: Final = "tests/integration/test_commit_with_change.py"
_KEYS: Final = "tests/isolation/test_keys_of_tenants.py"
_SEALING: Final = "tests/integration/test_sealing.py::TestFindLeaks::"
_CLEAN: Final = f"{_SEALING}test_finds_nothing_on_a_migrated_database"

CODE_MUTANTS: Final[Mapping[str, CodeMutant]] = {
    "the binding stays for the session": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/transaction.py",
        "BEGIN; SET LOCAL {TENANT_SETTING}",
        "BEGIN; SET {TENANT_SETTING}",
        _TRANSACTION,
    ),
    "a read's binding stays for the session": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/statements.py",
        "::uuid::text, true)",
        "::uuid::text, false)",
        _TRANSACTION,
    ),
    "a change's binding stays for the session": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/statements.py",
        "sa.cast(TENANT, sa.Text), sa.true()",
        "sa.cast(TENANT, sa.Text), sa.false()",
        _COMMITS_WITH_CHANGE,
    ),
    "a change commits itself though it looks for rows": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/statements.py",
        "isinstance(part, (Update, Delete))",
        "isinstance(part, Delete)",
        _COMMITS_WITH_CHANGE,
    ),
    "nothing is bound": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/transaction.py",
        "bind = f\"BEGIN; SET LOCAL {TENANT_SETTING} = '{self.tenant_id}'\"",
        'bind = "BEGIN"',
        _TRANSACTION,
    ),
    "anything may be bound": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/transaction.py",
        "if not isinstance(self.tenant_id, UUID):",
        "if False:",
        _TRANSACTION,
    ),
    "a connection is lent on inside its transaction": CodeMutant(
        "the binding hook",
        f"{_DATABASE}/pool.py",
        "if connection.is_closed() or connection.is_in_transaction():",
        "if connection.is_closed():",
        _TRANSACTION,
    ),
    "migrations forgive an unbound tenant": CodeMutant(
        "the generator",
        f"{_DATABASE}/policies.py",
        "current_setting('{TENANT_SETTING}')::uuid",
        "current_setting('{TENANT_SETTING}', true)::uuid",
        _TRANSACTION,
    ),
    "migrations do not force": CodeMutant(
        "the generator",
        f"{_DATABASE}/row_security.py",
        'op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")',
        "pass",
        _CLEAN,
    ),
    "migrations make no floor": CodeMutant(
        "the generator",
        f"{_DATABASE}/row_security.py",
        '(FLOOR_POLICY, "RESTRICTIVE", floor)',
        '(FLOOR_POLICY, "PERMISSIVE", floor)',
        _CLEAN,
    ),
    "migrations check nothing": CodeMutant(
        "the generator",
        f"{_DATABASE}/row_security.py",
        "WITH CHECK ({rule})",
        "WITH CHECK (true)",
        _CLEAN,
    ),
    "migrations restore no FORCE": CodeMutant(
        "the generator",
        f"{_DATABASE}/row_security.py",
        '{plain_identifier(table)} FORCE ROW LEVEL SECURITY"',
        '{plain_identifier(table)} NO FORCE ROW LEVEL SECURITY"',
        "tests/integration/test_migrations.py",
    ),
    "a statement does not name the tenant": CodeMutant(
        "the predicate",
        "sokho/modules/items/infrastructure/postgres_repo.py",
        "items.c.tenant_id == TENANT",
        "items.c.tenant_id == items.c.tenant_id",
        "tests/architecture/test_house_rules.py",
    ),
    "a kept answer is found without the tenant": CodeMutant(
        "the predicate",
        f"{_DATABASE}/idempotency_keys.py",
        "_OURS = _columns.tenant_id == TENANT",
        "_OURS = _columns.tenant_id == _columns.tenant_id",
        _KEYS,
    ),
    "who is known is known by the id alone": CodeMutant(
        "cache keys",
        "sokho/modules/api_keys/infrastructure/authenticator.py",
        "key=self._key_of_memory).digest()\n        verified",
        "key=self._key_of_memory).digest()\n"
        "        parsed = KeyToken.parse(token)\n"
        "        digest = digest if parsed is None else parsed.key_id.bytes * 2\n"
        "        verified",
        "tests/api/test_forged_keys.py",
    ),
    "any secret will do": CodeMutant(
        "cache keys",
        "sokho/modules/api_keys/infrastructure/authenticator.py",
        "if not hmac.compare_digest(stored, digest) or row is None:",
        "if row is None:",
        "tests/api/test_forged_keys.py",
    ),
    "quotas are counted by the key's id alone": CodeMutant(
        "cache keys",
        f"{_HTTP}/quotas.py",
        "key = (principal.tenant_id.int, principal.key_id.int)",
        "key = (0, principal.key_id.int)",
        _KEYS,
    ),
    "an Idempotency-Key is everybody's": CodeMutant(
        "idempotency keys",
        f"{_HTTP}/idempotency.py",
        "(whose, tenant_id.bytes, key.encode())",
        "(whose, key.encode())",
        _KEYS,
    ),
    "the operator's Idempotency-Key is the business's": CodeMutant(
        "idempotency keys",
        f"{_HTTP}/idempotency.py",
        'whose = b"operator" if operator else b"business"',
        'whose = b"anybody"',
        "tests/api/test_idempotency.py",
    ),
    "a secret is told again to anybody": CodeMutant(
        "idempotency keys",
        f"{_HTTP}/idempotency.py",
        "if answer.only_for not in {None, actor}:",
        "if False:",
        "tests/api/test_idempotency.py",
    ),
    "a cursor is of any list": CodeMutant(
        "cursors",
        f"{_HTTP}/cursors.py",
        'len(query).to_bytes(4, "big") + query + payload',
        "payload",
        "tests/api/test_items_paging.py",
    ),
    "a cursor is of any tenant": CodeMutant(
        "cursors",
        f"{_HTTP}/pages.py",
        "bound_to = (tenant_id.bytes, ",
        "bound_to = (",
        "tests/api/test_items_paging.py",
    ),
    "a cursor is not signed": CodeMutant(
        "cursors",
        f"{_HTTP}/cursors.py",
        "if not genuine or",
        "if",
        "tests/api/test_items_paging.py",
    ),
}
