-- A help desk: tenants by name, functions that tell the tenant, keys of one uuid, child tables by
-- inheritance with policies of their own, a SECURITY DEFINER function that reads nobody's rows.
-- sokho check isolation --app-role desk_app --tenant-column "workspace" --tenant-setting desk.ws
--   --shared-table public.plans --shared-table schema_migrations
SET ROLE desk_owner;
CREATE TABLE plans (name text PRIMARY KEY);
CREATE TABLE schema_migrations (version text PRIMARY KEY);
GRANT SELECT ON plans, schema_migrations TO desk_app;

CREATE FUNCTION workspace() RETURNS text STABLE PARALLEL SAFE LANGUAGE sql AS
    $$ SELECT current_setting('desk.ws', true) $$;
CREATE FUNCTION bound_workspace() RETURNS text STABLE LANGUAGE plpgsql AS $$
DECLARE bound text := current_setting('desk.ws', true);
BEGIN
    IF bound IS NULL OR bound = '' THEN
        RAISE EXCEPTION 'no workspace is bound';
    END IF;
    RETURN bound;
END $$;
CREATE FUNCTION own_workspace() RETURNS varchar STABLE LANGUAGE sql
    RETURN nullif(current_setting('desk.ws'::text), '');
CREATE FUNCTION server_time() RETURNS timestamptz LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS 'SELECT now()';

CREATE TABLE tickets (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace varchar(40) NOT NULL, title text,
    UNIQUE (workspace, id)
);
CREATE TABLE replies (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), workspace varchar(40) NOT NULL, ticket uuid,
    FOREIGN KEY (workspace, ticket) REFERENCES tickets (workspace, id) ON DELETE SET NULL (ticket)
);
CREATE INDEX ON replies (workspace);
CREATE TABLE files (workspace text NOT NULL, name text, PRIMARY KEY (workspace, name));
CREATE TABLE images (width int, PRIMARY KEY (workspace, name)) INHERITS (files);
CREATE TABLE rooms (
    workspace text NOT NULL, room int NOT NULL, during int4range NOT NULL,
    UNIQUE (room, workspace, during)
);
CREATE INDEX ON rooms (workspace);

DO $$
DECLARE name text; rules text[] := ARRAY['tickets', 'workspace()', 'replies', 'bound_workspace()',
    'files', '(SELECT workspace())', 'images', 'own_workspace()', 'rooms', 'current_setting(''desk.ws'')'];
BEGIN
    FOR at IN 1 .. 9 BY 2 LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', rules[at]);
        EXECUTE format('CREATE POLICY by_workspace ON %I USING (workspace = %s)', rules[at], rules[at + 1]);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO desk_app', rules[at]);
    END LOOP;
END $$;
RESET ROLE;

INSERT INTO plans VALUES ('free');
INSERT INTO tickets (workspace, title) VALUES ('one', 't'), ('two', 't');
INSERT INTO replies (workspace, ticket) SELECT workspace, id FROM tickets;
INSERT INTO files VALUES ('one', 'f'), ('two', 'f');
INSERT INTO images VALUES ('one', 'i', 1), ('two', 'i', 1);
INSERT INTO rooms VALUES ('one', 1, '[1,2)'), ('two', 1, '[1,2)');
