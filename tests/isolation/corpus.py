"""Databases of other people: clean ones in several styles, and each way to break one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

CLEAN: Final = Path(__file__).parent / "clean"

A: Final = "00000000-0000-0000-0000-0000000000aa"


class Style(NamedTuple):
    """A clean schema, and what the check has to be told of it."""

    name: str
    tenant_column: str
    tenant_setting: str
    shared_tables: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """What makes it, as a superuser."""
        return (CLEAN / f"{self.name}.sql").read_text()

    @property
    def app_role(self) -> str:
        """The role that its service logs in as."""
        return f"{self.name}_app"


SHOP: Final = Style("shop", "org_id", "app.org", ("countries",))
BILLING: Final = Style("billing", "account", "req.account")
DESK: Final = Style("desk", "workspace", "desk.ws", ("public.plans", "schema_migrations"))
STYLES: Final = (SHOP, BILLING, DESK)


class Broken(NamedTuple):
    """One way to break a clean schema, and what the check must then say."""

    sql: str
    code: str
    object: str
    undo: str = ""
    """For what belongs to the cluster."""

    style: Style = SHOP


_RULE: Final = "org_id = nullif(current_setting('app.org', true), '')::uuid"
_NOTES: Final = "public.notes"


def _using(rule: str, *, code: str = "policy_open") -> Broken:
    return Broken(f"ALTER POLICY of_org ON notes USING ({rule}) WITH CHECK ({_RULE})", code, _NOTES)


def _checking(rule: str) -> Broken:
    return Broken(f"ALTER POLICY of_org ON notes WITH CHECK ({rule})", "check_open", _NOTES)


def _wrapped(function: str, code: str = "policy_function") -> Broken:
    return Broken(
        f"CREATE FUNCTION org() RETURNS uuid {function};"
        "ALTER POLICY of_org ON notes USING (org_id = org()) WITH CHECK (org_id = org())",
        code,
        _NOTES,
    )


def _role(grant: str, undo: str, code: str, object: str = "shop_app") -> Broken:
    return Broken(grant, code, object, undo)


def _table(name: str, rest: str = "org_id uuid NOT NULL") -> str:
    return f"CREATE TABLE {name} ({rest}); GRANT SELECT ON {name} TO shop_app"


_VALUE: Final = "current_setting('app.org', true)::uuid"

BROKEN: Final[Mapping[str, Broken]] = {
    # Roles
    "a superuser": _role(
        "ALTER ROLE shop_app SUPERUSER", "ALTER ROLE shop_app NOSUPERUSER", "role_superuser"
    ),
    "BYPASSRLS": _role(
        "ALTER ROLE shop_app BYPASSRLS", "ALTER ROLE shop_app NOBYPASSRLS", "role_bypassrls"
    ),
    "CREATEROLE": _role(
        "ALTER ROLE shop_app CREATEROLE", "ALTER ROLE shop_app NOCREATEROLE", "role_createrole"
    ),
    "REPLICATION": _role(
        "ALTER ROLE shop_app REPLICATION", "ALTER ROLE shop_app NOREPLICATION", "role_replication"
    ),
    "member of a superuser": _role(
        "CREATE ROLE shop_boss SUPERUSER; GRANT shop_boss TO shop_app",
        "DROP ROLE shop_boss",
        "role_superuser",
    ),
    "member of one with BYPASSRLS, by SET ROLE alone": _role(
        (
            "CREATE ROLE shop_ops BYPASSRLS; ALTER ROLE shop_app NOINHERIT;"
            "GRANT shop_ops TO shop_app"
        ),
        "DROP ROLE shop_ops; ALTER ROLE shop_app INHERIT",
        "role_bypassrls",
    ),
    "member of the owner": _role(
        "GRANT shop_owner TO shop_app",
        "REVOKE shop_owner FROM shop_app",
        "role_owner",
        "public.archive, public.customers, public.notes, … (8)",
    ),
    "member of a member of the owner": _role(
        "CREATE ROLE shop_dev; GRANT shop_owner TO shop_dev; GRANT shop_dev TO shop_app",
        "DROP ROLE shop_dev",
        "role_owner",
        "public.archive, public.customers, public.notes, … (8)",
    ),
    "owner of a table": Broken("ALTER TABLE notes OWNER TO shop_app", "role_owner", _NOTES),
    "owner of a table without FORCE": Broken(
        "ALTER TABLE notes OWNER TO shop_app; ALTER TABLE notes NO FORCE ROW LEVEL SECURITY",
        "rls_not_forced",
        _NOTES,
    ),
    "pg_read_all_data": _role(
        "GRANT pg_read_all_data TO shop_app",
        "REVOKE pg_read_all_data FROM shop_app",
        "role_predefined",
    ),
    "pg_monitor": _role(
        "GRANT pg_monitor TO shop_app", "REVOKE pg_monitor FROM shop_app", "role_predefined"
    ),
    "pg_read_server_files": _role(
        "GRANT pg_read_server_files TO shop_app",
        "REVOKE pg_read_server_files FROM shop_app",
        "role_predefined",
    ),
    "member of a role that a policy lets read all": Broken(
        "GRANT billing_auditor TO billing_app",
        "policy_open",
        '"Audit Log"."Entries"',
        "REVOKE billing_auditor FROM billing_app",
        BILLING,
    ),
    # Tables
    "row security is off": Broken(
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY", "rls_disabled", _NOTES
    ),
    "a new table is not sealed": Broken(_table("fresh"), "rls_disabled", "public.fresh"),
    "a column of a new table is granted": Broken(
        "CREATE TABLE fresh (org_id uuid NOT NULL, a int); GRANT SELECT (a) ON fresh TO shop_app",
        "rls_disabled",
        "public.fresh",
    ),
    "a new table is granted to a group": Broken(
        "CREATE ROLE shop_group; GRANT shop_group TO shop_app;"
        "CREATE TABLE fresh (org_id uuid NOT NULL); GRANT UPDATE ON fresh TO shop_group",
        "rls_disabled",
        "public.fresh",
        "DROP OWNED BY shop_group; DROP ROLE shop_group",
    ),
    "a table of another schema": Broken(
        "CREATE SCHEMA other; GRANT USAGE ON SCHEMA other TO shop_app;" + _table("other.fresh"),
        "rls_disabled",
        "other.fresh",
    ),
    "a table belongs to nobody": Broken(
        _table("sessions", "token text"), "no_tenant_column", "public.sessions"
    ),
    "the tenant may be NULL": Broken(
        "ALTER TABLE orders DROP CONSTRAINT orders_pkey, ALTER org_id DROP NOT NULL",
        "tenant_nullable",
        "public.orders",
    ),
    "the registry is open": Broken(
        "ALTER TABLE orgs DISABLE ROW LEVEL SECURITY", "rls_disabled", "public.orgs"
    ),
    "a partition can be reached": Broken(
        "GRANT SELECT ON readings_2025 TO shop_app", "partition_unsealed", "public.readings_2025"
    ),
    "a new partition can be reached": Broken(
        "CREATE TABLE readings_rest PARTITION OF readings DEFAULT;"
        "GRANT SELECT, INSERT ON readings_rest TO shop_app",
        "partition_unsealed",
        "public.readings_rest",
    ),
    "a child table is open": Broken(
        "ALTER TABLE images DISABLE ROW LEVEL SECURITY",
        "partition_unsealed",
        "public.images",
        style=DESK,
    ),
    "a foreign table": Broken(
        "CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far;"
        "CREATE FOREIGN TABLE faraway (org_id uuid) SERVER far;"
        "GRANT SELECT ON faraway TO shop_app",
        "foreign_table",
        "public.faraway",
    ),
    # Policies
    "the policy is gone": Broken("DROP POLICY of_org ON notes", "policy_missing", _NOTES),
    "the policy is for reading alone": Broken(
        "DROP POLICY of_org ON notes;"
        f"CREATE POLICY of_org ON notes FOR SELECT TO shop_app USING ({_RULE})",
        "policy_missing",
        _NOTES,
    ),
    "the policy is for another role": Broken(
        "ALTER POLICY of_org ON notes TO shop_owner", "policy_missing", _NOTES
    ),
    "true": _using("true"),
    "OR true": _using(f"{_RULE} OR true"),
    "or nothing is bound": _using(f"{_RULE} OR {_VALUE} IS NULL"),
    "or the empty string is": _using(f"{_RULE} OR current_setting('app.org', true) = ''"),
    "or the row is nobody's": _using(f"{_RULE} OR org_id IS NULL"),
    "or a switch is on": _using(f"{_RULE} OR current_setting('app.admin', true) = 'on'"),
    "or somebody is somebody": _using(f"{_RULE} OR current_user = 'shop_app'"),
    "unless it is another": _using(f"org_id <> {_VALUE}"),
    "not": _using(f"NOT ({_RULE})"),
    "not distinct": _using(f"org_id IS NOT DISTINCT FROM {_VALUE}"),
    "no smaller": _using(f"org_id >= {_VALUE}"),
    "coalesce to the row's own": _using(f"org_id = coalesce({_VALUE}, org_id)"),
    "coalesce to a tenant": _using(f"org_id = coalesce({_VALUE}, '{A}')"),
    "a fixed tenant": _using(f"org_id = '{A}'"),
    "the column itself": _using("org_id = org_id"),
    "by case": _using(f"CASE WHEN body = 'x' THEN true ELSE {_RULE} END"),
    "the first letters": _using("left(org_id::text, 8) = left(current_setting('app.org'), 8)"),
    "a cast that cuts": _using("org_id::varchar(8) = current_setting('app.org')::varchar(8)"),
    "is not null": _using("org_id IS NOT NULL"),
    "exists": _using("EXISTS (SELECT FROM orgs WHERE orgs.id = notes.org_id)"),
    "a list": _using("org_id::text = ANY (string_to_array(current_setting('app.org'), ','))"),
    "another setting": _using(
        "org_id = current_setting('app.user', true)::uuid", code="policy_other_setting"
    ),
    "another column": _using(
        "id = current_setting('app.org', true)::uuid", code="policy_other_column"
    ),
    "a second policy": Broken(
        "CREATE POLICY more ON notes TO shop_app USING (body LIKE 'public%')", "policy_open", _NOTES
    ),
    "a second policy, for one command": Broken(
        "CREATE POLICY more ON notes FOR DELETE USING (true)", "policy_open", _NOTES
    ),
    "a second policy, to add": Broken(
        "CREATE POLICY more ON notes FOR INSERT WITH CHECK (org_id IS NOT NULL)",
        "check_open",
        _NOTES,
    ),
    "anybody's may be written": _checking("true"),
    "or written": _checking(f"{_RULE} OR body = 'x'"),
    "an update may give away": Broken(
        "ALTER POLICY changes ON billing.invoices WITH CHECK (number <> 'never')",
        "check_open",
        "billing.invoices",
        style=BILLING,
    ),
    "the floor is gone from under an open policy": Broken(
        "DROP POLICY floor ON billing.lines", "policy_open", "billing.lines", style=BILLING
    ),
    "the floor is for another role": Broken(
        "ALTER POLICY floor ON billing.lines TO billing_owner",
        "policy_open",
        "billing.lines",
        style=BILLING,
    ),
    "the floor is of another setting": Broken(
        "ALTER POLICY floor ON billing.lines USING (account = current_setting('x.y')::bigint)",
        "policy_open",
        "billing.lines",
        style=BILLING,
    ),
    "a function that is IMMUTABLE": _wrapped(f"IMMUTABLE LANGUAGE sql AS $$SELECT {_VALUE}$$"),
    "a function that is VOLATILE": _wrapped(f"VOLATILE LANGUAGE sql AS $$SELECT {_VALUE}$$"),
    "a function that is LEAKPROOF": _wrapped(
        f"STABLE LEAKPROOF LANGUAGE sql AS $$SELECT {_VALUE}$$"
    ),
    "a function with a tenant to fall back on": _wrapped(
        f"STABLE LANGUAGE sql AS $$SELECT coalesce({_VALUE}, '{A}')$$"
    ),
    "a function that tells another setting": _wrapped(
        "STABLE LANGUAGE sql AS $$SELECT current_setting('app.user', true)::uuid$$"
    ),
    "a function with a back door": _wrapped(
        f"STABLE LANGUAGE plpgsql AS $$BEGIN IF current_setting('app.admin', true) = 'on' "
        f"THEN RETURN '{A}'; END IF; RETURN {_VALUE}; END$$"
    ),
    "a function that the service may change": _wrapped(
        f"STABLE LANGUAGE sql AS $$SELECT {_VALUE}$$; ALTER FUNCTION org() OWNER TO shop_app"
    ),
    "a function of the system's": _using("org_id = gen_random_uuid()"),
    "a helper that is declared LEAKPROOF": Broken(
        "CREATE FUNCTION loud(text) RETURNS boolean LEAKPROOF LANGUAGE plpgsql AS"
        "  $$BEGIN RAISE NOTICE '%', $1; RETURN true; END$$",
        "leakproof_function",
        "public.loud(text)",
    ),
    "a floor for each command but one": Broken(
        "DROP POLICY of_org ON notes;"
        "CREATE POLICY ok ON notes TO shop_app USING (true) WITH CHECK (true);"
        f"CREATE POLICY a ON notes AS RESTRICTIVE FOR SELECT USING ({_RULE});"
        f"CREATE POLICY b ON notes AS RESTRICTIVE FOR INSERT WITH CHECK ({_RULE});"
        f"CREATE POLICY d ON notes AS RESTRICTIVE FOR DELETE USING ({_RULE})",
        "policy_open",
        _NOTES,
    ),
    "is not false": _using(f"({_RULE}) IS NOT FALSE"),
    "an operator of one's own": Broken(
        "CREATE FUNCTION yes(uuid, uuid) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT true';"
        "CREATE SCHEMA mine; CREATE OPERATOR mine.= (LEFTARG=uuid, RIGHTARG=uuid, FUNCTION=yes);"
        f"ALTER POLICY of_org ON notes USING (org_id OPERATOR(mine.=) {_VALUE})",
        "policy_open",
        _NOTES,
    ),
    # Keys
    "a unique key over all tenants": Broken(
        "ALTER TABLE customers ADD UNIQUE (email)", "unique_without_tenant", "public.customers"
    ),
    "a unique index over all tenants": Broken(
        "CREATE UNIQUE INDEX ON customers (lower(email)) INCLUDE (org_id) WHERE email <> ''",
        "unique_without_tenant",
        "public.customers",
    ),
    "a primary key over all tenants": Broken(
        "UPDATE notes SET body = org_id;"
        "ALTER TABLE notes DROP CONSTRAINT notes_pkey, ADD PRIMARY KEY (body)",
        "unique_without_tenant",
        _NOTES,
    ),
    "an exclusion over all tenants": Broken(
        "ALTER TABLE rooms ADD EXCLUDE USING gist (during WITH &&) WHERE (room = 9)",
        "unique_without_tenant",
        "public.rooms",
        style=DESK,
    ),
    "a foreign key without the tenant": Broken(
        "ALTER TABLE customers ADD CONSTRAINT ids UNIQUE (id);"
        "ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers (id)",
        "foreign_key_without_tenant",
        "public.orders",
    ),
    "a foreign key that clears the tenant": Broken(
        "ALTER TABLE orders DROP CONSTRAINT orders_org_id_customer_id_fkey,"
        "  ADD FOREIGN KEY (org_id, customer_id) REFERENCES customers ON DELETE SET NULL",
        "foreign_key_clears_tenant",
        "public.orders",
    ),
    "orphans": Broken(
        "SET session_replication_role = replica;"
        f"INSERT INTO orders VALUES ('{A}', gen_random_uuid(), gen_random_uuid(), 1)",
        "orphans",
        "public.orders",
    ),
    # Views and functions
    "a view with its owner's rights": Broken(
        "ALTER VIEW totals RESET (security_invoker)", "view_definer", "public.totals"
    ),
    "a view of the superuser's": Broken(
        "CREATE VIEW everything AS SELECT * FROM notes; GRANT SELECT ON everything TO shop_app",
        "view_definer",
        "public.everything",
    ),
    "a view over such a view": Broken(
        "CREATE VIEW inner_one AS SELECT * FROM notes;"
        "CREATE VIEW outer_one WITH (security_invoker) AS SELECT * FROM inner_one;"
        "GRANT SELECT ON outer_one TO shop_app",
        "view_definer",
        "public.outer_one",
    ),
    "a view that may be written": Broken(
        "CREATE VIEW everything AS SELECT * FROM notes; GRANT DELETE ON everything TO shop_app",
        "view_definer",
        "public.everything",
    ),
    "a materialized view": Broken(
        "CREATE MATERIALIZED VIEW sums AS SELECT count(*) FROM totals;"
        "GRANT SELECT ON sums TO shop_app",
        "materialized_view",
        "public.sums",
    ),
    "a function with its owner's rights": Broken(
        "CREATE FUNCTION everything() RETURNS SETOF notes SECURITY DEFINER LANGUAGE sql"
        "  SET search_path = public, pg_temp AS 'SELECT * FROM notes'",
        "definer_function",
        "public.everything()",
    ),
    "a procedure with its owner's rights": Broken(
        "CREATE PROCEDURE purge() SECURITY DEFINER LANGUAGE plpgsql"
        "  SET search_path = public, pg_temp AS 'BEGIN DELETE FROM totals; END'",
        "definer_function",
        "public.purge()",
    ),
    "a function that runs any SQL": Broken(
        "CREATE FUNCTION run(sql text) RETURNS void SECURITY DEFINER LANGUAGE plpgsql"
        "  SET search_path = pg_catalog, pg_temp AS 'BEGIN EXECUTE sql; END'",
        "definer_function",
        "public.run(sql text)",
    ),
    "a unique index of one partition": Broken(
        "CREATE UNIQUE INDEX ON readings_2026 (value) WHERE value > 100",
        "unique_without_tenant",
        "public.readings_2026",
    ),
    "a function that calls one that reads everything": Broken(
        "CREATE FUNCTION size() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM public.notes';"
        "CREATE FUNCTION told() RETURNS bigint SECURITY DEFINER LANGUAGE sql"
        "  SET search_path = pg_catalog, pg_temp AS 'SELECT public.size()'",
        "definer_function",
        "public.told()",
    ),
    "a function whose insert lets a trigger write": Broken(
        "CREATE TABLE inbox (body text);"
        "CREATE FUNCTION spread() RETURNS trigger LANGUAGE plpgsql AS"
        "  'BEGIN UPDATE public.notes SET body = NEW.body; RETURN NEW; END';"
        "CREATE TRIGGER spread AFTER INSERT ON inbox FOR EACH ROW EXECUTE FUNCTION spread();"
        "CREATE FUNCTION tell(t text) RETURNS void SECURITY DEFINER LANGUAGE sql"
        "  SET search_path = pg_catalog, pg_temp AS 'INSERT INTO public.inbox VALUES (t)'",
        "definer_function",
        "public.tell(t text)",
    ),
    "a function that reads a table whose name is no word": Broken(
        'ALTER TABLE notes RENAME TO "the notes";'
        "CREATE FUNCTION size() RETURNS bigint SECURITY DEFINER LANGUAGE sql"
        "  SET search_path = public, pg_temp AS 'SELECT count(*) FROM \"the notes\"'",
        "definer_function",
        "public.size()",
    ),
    "a function whose tables the caller chooses": Broken(
        "CREATE FUNCTION size() RETURNS bigint SECURITY DEFINER LANGUAGE sql"
        "  AS 'SELECT count(*) FROM countries'",
        "definer_search_path",
        "public.size()",
    ),
    "a trigger with its owner's rights": Broken(
        "CREATE FUNCTION copy() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql"
        "  SET search_path = public, pg_temp AS"
        "  'BEGIN INSERT INTO archive VALUES (NEW.org_id, NEW.body); RETURN NEW; END';"
        "CREATE TRIGGER copy AFTER INSERT ON notes FOR EACH ROW EXECUTE FUNCTION copy()",
        "definer_trigger",
        _NOTES,
    ),
    "a function that binds a tenant": Broken(
        "CREATE FUNCTION as_a() RETURNS SETOF notes LANGUAGE sql"
        f"  SET app.org = '{A}' AS 'SELECT * FROM notes'",
        "function_binds_tenant",
        "public.as_a()",
    ),
    "a rule": Broken(
        "CREATE RULE copy AS ON INSERT TO notes DO ALSO"
        "  INSERT INTO archive VALUES (NEW.org_id, NEW.body)",
        "rewrite_rule",
        _NOTES,
    ),
    "a rule on a view": Broken(
        "CREATE VIEW v WITH (security_invoker) AS SELECT * FROM notes;"
        "GRANT INSERT ON v TO shop_app; CREATE RULE copy AS ON INSERT TO v DO INSTEAD"
        "  INSERT INTO archive VALUES (NEW.org_id, NEW.body)",
        "rewrite_rule",
        "public.v",
    ),
    # Grants
    "TRUNCATE": Broken("GRANT TRUNCATE ON notes TO shop_app", "excess_grant", _NOTES),
    "REFERENCES of a column": Broken(
        "GRANT REFERENCES (id) ON notes TO shop_app", "excess_grant", _NOTES
    ),
    "TRIGGER": Broken("GRANT TRIGGER ON notes TO PUBLIC", "excess_grant", _NOTES),
    "PUBLIC may read": Broken("GRANT SELECT ON notes TO PUBLIC", "granted_to_public", _NOTES),
    "PUBLIC may read a column": Broken(
        "GRANT SELECT (body) ON notes TO PUBLIC", "granted_to_public", _NOTES
    ),
    "CREATE in a schema": Broken(
        "GRANT CREATE ON SCHEMA public TO shop_app", "schema_create", "public"
    ),
    "what is made later is granted": Broken(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO shop_app",
        "default_privileges",
        "public",
    ),
    "what is made later is PUBLIC's": Broken(
        "ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner GRANT SELECT ON TABLES TO PUBLIC",
        "default_privileges",
        "every schema",
    ),
    "a sequence can be read": Broken(
        "CREATE SEQUENCE numbers; GRANT SELECT ON SEQUENCE numbers TO shop_app",
        "sequence_granted",
        "public.numbers",
    ),
    "statistics can be read": Broken(
        "GRANT SELECT ON pg_statistic TO shop_app", "system_grant", "pg_statistic"
    ),
    "files of the server can be read": Broken(
        "GRANT EXECUTE ON FUNCTION pg_read_file(text) TO shop_app",
        "system_grant",
        "pg_read_file(text)",
    ),
    # Settings and publications
    "a role begins as a tenant": _role(
        f"ALTER ROLE shop_app SET app.org = '{A}'",
        "ALTER ROLE shop_app RESET app.org",
        "setting_preset",
    ),
    "a role begins as a tenant, here alone": _role(
        f"DO $$BEGIN EXECUTE format('ALTER ROLE shop_app IN DATABASE %I SET app.org = ''{A}''',"
        "  current_database()); END$$",
        "",
        "setting_preset",
    ),
    "row_security is off": _role(
        "ALTER ROLE shop_app SET row_security = off",
        "ALTER ROLE shop_app RESET row_security",
        "row_security_off",
    ),
    "a table is published": Broken(
        "CREATE PUBLICATION feed FOR TABLE notes", "publication", "feed"
    ),
    "a schema is published": Broken(
        "CREATE PUBLICATION feed FOR TABLES IN SCHEMA public", "publication", "feed"
    ),
    # Behaviour
    "rows with nothing bound": _using(f"{_RULE} OR {_VALUE} IS NULL", code="rows_unbound"),
    "rows with nothing in what is bound": _using(
        f"{_RULE} OR current_setting('app.org', true) = ''", code="rows_empty"
    ),
    "rows of others": _using(f"{_RULE} OR body = 'note'", code="rows_foreign"),
    "rows that others may write": Broken(
        "CREATE POLICY more ON notes FOR INSERT WITH CHECK (true)", "writes_foreign", _NOTES
    ),
    "rows that others may take": Broken(
        "CREATE POLICY more ON notes FOR UPDATE USING (true);"
        "CREATE POLICY all_of_them ON notes FOR SELECT USING (true)",
        "writes_foreign",
        _NOTES,
    ),
}

STILL_CLEAN: Final[Mapping[str, str]] = {
    "everything is the superuser's": "REASSIGN OWNED BY shop_owner TO CURRENT_USER",
    "a group holds grants and policies": (
        "CREATE ROLE shop_team; GRANT shop_team TO shop_app;"
        "CREATE TABLE shifts (org_id uuid NOT NULL, day date, PRIMARY KEY (org_id, day));"
        "ALTER TABLE shifts ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY team ON shifts TO shop_team USING ({_RULE});"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON shifts TO shop_team"
    ),
    "a group hands on grants, and the policies name its member": (
        "CREATE ROLE shop_team; GRANT shop_team TO shop_app;"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON notes, orders TO shop_team"
    ),
    "tenants by name, whatever the case": (
        "CREATE EXTENSION citext;"
        "CREATE TABLE docs (org_id citext, id int, PRIMARY KEY (org_id, id));"
        "ALTER TABLE docs ENABLE ROW LEVEL SECURITY; GRANT SELECT, INSERT ON docs TO shop_app;"
        "CREATE POLICY docs ON docs USING (org_id = current_setting('app.org')::citext)"
    ),
    "a function with its owner's rights that calls harmless ones": (
        "CREATE TABLE log (what text); CREATE FUNCTION loud(t text) RETURNS text LANGUAGE sql AS"
        " 'SELECT upper(t)';"
        "CREATE FUNCTION note(t text) RETURNS void SECURITY DEFINER LANGUAGE sql"
        "  SET search_path = public, pg_temp AS 'INSERT INTO log VALUES (loud(t))'"
    ),
    "a domain": (
        "CREATE DOMAIN org AS uuid NOT NULL; CREATE TABLE days (org_id org, day date);"
        "CREATE INDEX ON days (org_id); ALTER TABLE days ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY days ON days USING ({_RULE}); GRANT SELECT, INSERT ON days TO shop_app"
    ),
    "other spellings": (
        "ALTER POLICY of_org ON notes USING ((SELECT current_setting('App.Org', false))::uuid"
        " = notes.org_id) WITH CHECK (org_id = CAST(current_setting('app.org') AS uuid));"
        "ALTER POLICY of_org ON orders USING (org_id IN (current_setting('app.org')::uuid));"
        "ALTER POLICY of_org ON customers USING"
        " (org_id::text = (SELECT NULLIF(current_setting('app.org', true), 'none')))"
    ),
    "a narrower policy": f"ALTER POLICY of_org ON notes USING (body IS NOT NULL AND ({_RULE}))",
    "a second policy, as tight": (
        f"CREATE POLICY again ON notes FOR SELECT TO PUBLIC USING ({_RULE} AND body <> '')"
    ),
    "two ways, both tight": f"ALTER POLICY of_org ON notes USING (({_RULE}) OR ({_RULE}))",
    "a restrictive one that narrows": (
        "CREATE POLICY living ON notes AS RESTRICTIVE USING (body IS NOT NULL)"
    ),
    "an open policy for others": (
        "CREATE POLICY all_of_it ON notes TO shop_auditor USING (true);"
        "GRANT SELECT ON notes TO shop_auditor"
    ),
    "partitions with policies of their own": (
        "ALTER TABLE readings_2025 ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY own ON readings_2025 USING ({_RULE});"
        "GRANT SELECT, INSERT, UPDATE, DELETE ON readings_2025 TO shop_app;"
        "ALTER TABLE readings_2026 ENABLE ROW LEVEL SECURITY;"  # closed to who comes directly
        "GRANT SELECT ON readings_2026 TO shop_app"
    ),
    "a closed table": (
        "CREATE TABLE jobs (id int); ALTER TABLE jobs ENABLE ROW LEVEL SECURITY;"
        "GRANT SELECT ON jobs TO shop_app"
    ),
    "a table of nobody's concern": "CREATE TABLE migrations (version text)",
    "a default that is bound": (
        "ALTER TABLE notes ALTER org_id SET DEFAULT current_setting('app.org')::uuid"
    ),
    "a check instead of NOT NULL": (
        "CREATE TABLE days (org_id uuid CHECK (org_id IS NOT NULL), day date);"
        "CREATE INDEX ON days (org_id); ALTER TABLE days ENABLE ROW LEVEL SECURITY;"
        f"CREATE POLICY days ON days USING ({_RULE}); GRANT SELECT ON days TO shop_app"
    ),
    "an empty preset": (
        "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET app.org = ''''', current_database());"
        "EXECUTE format('ALTER DATABASE %I SET app.other = ''x''', current_database()); END$$"
    ),
    "a published table of countries": "CREATE PUBLICATION feed FOR TABLE countries",
    "a materialized view of countries": (
        "CREATE MATERIALIZED VIEW names AS SELECT name FROM countries;"
        "GRANT SELECT ON names TO shop_app"
    ),
    "a materialized view for others": "CREATE MATERIALIZED VIEW names AS SELECT * FROM notes",
    "a function with its owner's rights for others": (
        "CREATE FUNCTION everything() RETURNS SETOF notes SECURITY DEFINER LANGUAGE sql"
        "  AS 'SELECT * FROM notes'; REVOKE EXECUTE ON FUNCTION everything() FROM PUBLIC"
    ),
    "a function of the service's own rights": (
        "CREATE FUNCTION everything() RETURNS SETOF notes LANGUAGE sql AS 'SELECT * FROM notes'"
    ),
    "a narrower exclusion": (
        "CREATE EXTENSION btree_gist; ALTER TABLE notes ADD during daterange,"
        " ADD EXCLUDE USING gist (org_id WITH =, during WITH &&)"
    ),
    "what extensions bring": "CREATE EXTENSION postgres_fdw; CREATE EXTENSION pg_stat_statements",
    "a function that forgives and explains": (
        "CREATE FUNCTION org() RETURNS uuid STABLE LANGUAGE plpgsql AS"
        " $$BEGIN RETURN current_setting('app.org')::uuid; -- of the user"
        "\nEXCEPTION WHEN OTHERS THEN RETURN NULL; END$$;"
        "ALTER POLICY of_org ON notes USING (org_id = (SELECT org()))"
    ),
    "a floor for each command": (
        "DROP POLICY of_org ON notes;"
        "CREATE POLICY ok ON notes TO shop_app USING (true) WITH CHECK (true);"
        f"CREATE POLICY a ON notes AS RESTRICTIVE FOR SELECT USING ({_RULE});"
        f"CREATE POLICY b ON notes AS RESTRICTIVE FOR INSERT WITH CHECK ({_RULE});"
        f"CREATE POLICY c ON notes AS RESTRICTIVE FOR UPDATE USING ({_RULE});"
        f"CREATE POLICY d ON notes AS RESTRICTIVE FOR DELETE USING ({_RULE})"
    ),
    "a comment": "COMMENT ON TABLE notes IS 'OR true'",
}
"""Changes of the shop after which its tenants are as sealed as before."""
