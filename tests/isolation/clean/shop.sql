-- A shop system: uuid tenants, keys that lead with the tenant, forced policies for one role,
-- a partitioned table, views that read as whoever reads them, a declared table of countries.
-- sokho check isolation --app-role shop_app --tenant-column org_id --tenant-setting app.org
--   --shared-table countries
SET ROLE shop_owner;
CREATE TABLE countries (code text PRIMARY KEY, name text NOT NULL);
GRANT SELECT ON countries TO shop_app;

CREATE TABLE orgs (id uuid PRIMARY KEY, name text NOT NULL);
CREATE TABLE customers (
    org_id uuid NOT NULL REFERENCES orgs (id), id uuid NOT NULL, email text, country text
    REFERENCES countries (code),
    PRIMARY KEY (org_id, id), UNIQUE (org_id, email)
);
CREATE TABLE orders (
    org_id uuid NOT NULL, id uuid NOT NULL, customer_id uuid NOT NULL, total numeric,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, customer_id) REFERENCES customers (org_id, id) ON DELETE CASCADE
);
CREATE TABLE readings (
    org_id uuid NOT NULL, at date NOT NULL, value int, PRIMARY KEY (org_id, at)
) PARTITION BY RANGE (at);
CREATE TABLE readings_2025 PARTITION OF readings FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE readings_2026 PARTITION OF readings FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE notes (org_id uuid NOT NULL, id uuid NOT NULL, body text, PRIMARY KEY (org_id, id));
-- Rows that went out of use; the service does not reach them.
CREATE TABLE archive (org_id uuid NOT NULL, body text);

DO $$
DECLARE name text; rule text;
BEGIN
    FOREACH name IN ARRAY ARRAY['orgs', 'customers', 'orders', 'readings', 'notes'] LOOP
        rule := format('%I = nullif(current_setting(''app.org'', true), '''')::uuid',
                       CASE name WHEN 'orgs' THEN 'id' ELSE 'org_id' END);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('CREATE POLICY of_org ON %I TO shop_app USING (%s) WITH CHECK (%2$s)', name, rule);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO shop_app', name);
    END LOOP;
END $$;

CREATE VIEW totals WITH (security_invoker = true) AS
    SELECT org_id, customer_id, sum(total) AS total FROM orders GROUP BY org_id, customer_id;
CREATE VIEW best WITH (security_invoker = on, security_barrier) AS SELECT * FROM totals WHERE total > 9;
CREATE VIEW country_names AS SELECT name FROM countries;
GRANT SELECT ON totals, best, country_names TO shop_app;

CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.body := trim(NEW.body); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
CREATE FUNCTION add_up(a int, b int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT a + b';
RESET ROLE;

INSERT INTO countries VALUES ('vn', 'Việt Nam');
INSERT INTO orgs VALUES ('00000000-0000-0000-0000-0000000000aa', 'A'),
                        ('00000000-0000-0000-0000-0000000000bb', 'B');
INSERT INTO customers SELECT id, id, 'one@' || name, 'vn' FROM orgs;
INSERT INTO orders SELECT org_id, id, id, 10 FROM customers;
INSERT INTO readings SELECT id, d::date, 1 FROM orgs, unnest(ARRAY['2025-05-05', '2026-06-06']) AS d;
INSERT INTO notes SELECT id, id, 'note' FROM orgs;
INSERT INTO archive SELECT id, 'old' FROM orgs;
