-- A billing system: bigint tenants, two schemas, a policy for each command to PUBLIC, not forced,
-- the owner another role; open permissive policies above a restrictive one; an append-only table.
-- sokho check isolation --app-role billing_app --tenant-column account --tenant-setting req.account
SET ROLE billing_owner;
CREATE SCHEMA billing;
CREATE SCHEMA "Audit Log";
GRANT USAGE ON SCHEMA billing, "Audit Log" TO billing_app;
CREATE TABLE billing.invoices (
    account bigint NOT NULL, id bigint GENERATED ALWAYS AS IDENTITY, number text NOT NULL,
    PRIMARY KEY (account, id)
);
CREATE UNIQUE INDEX one_number ON billing.invoices (account, lower(number)) WHERE number <> '';
CREATE TABLE billing.lines (
    account bigint NOT NULL, invoice bigint NOT NULL, line int NOT NULL, twice int
    GENERATED ALWAYS AS (line * 2) STORED,
    PRIMARY KEY (account, invoice, line),
    FOREIGN KEY (account, invoice) REFERENCES billing.invoices (account, id)
);
CREATE TABLE billing.drafts (account bigint NOT NULL, id bigserial, PRIMARY KEY (id));
CREATE INDEX ON billing.drafts (account);
CREATE TABLE "Audit Log"."Entries" (account bigint NOT NULL, what text);
CREATE INDEX ON "Audit Log"."Entries" (account);

ALTER TABLE billing.invoices ENABLE ROW LEVEL SECURITY;
CREATE POLICY reads ON billing.invoices FOR SELECT USING (account = current_setting('req.account')::bigint);
CREATE POLICY adds ON billing.invoices FOR INSERT WITH CHECK (account = current_setting('req.account')::bigint);
CREATE POLICY changes ON billing.invoices FOR UPDATE USING (account = current_setting('req.account')::bigint);
CREATE POLICY removes ON billing.invoices FOR DELETE
    USING (account = current_setting('req.account')::bigint AND number = '');
GRANT SELECT, INSERT, UPDATE, DELETE ON billing.invoices TO billing_app;

ALTER TABLE billing.lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY everything ON billing.lines USING (true) WITH CHECK (true);
CREATE POLICY floor ON billing.lines AS RESTRICTIVE
    USING (account = (SELECT current_setting('req.account')::bigint));
GRANT SELECT, INSERT, DELETE ON billing.lines TO billing_app;

ALTER TABLE billing.drafts ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON billing.drafts
    USING (account::text = current_setting('req.account', true))
    WITH CHECK (current_setting('req.account', true) = account::text);
GRANT SELECT, INSERT, UPDATE (id), DELETE ON billing.drafts TO billing_app;
GRANT USAGE ON SEQUENCE billing.drafts_id_seq TO billing_app;

ALTER TABLE "Audit Log"."Entries" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "adds and reads" ON "Audit Log"."Entries" FOR SELECT
    USING (account = (SELECT (NULLIF(current_setting('req.account', true), ''))::bigint));
CREATE POLICY adds ON "Audit Log"."Entries" FOR INSERT
    WITH CHECK (account = (SELECT (NULLIF(current_setting('req.account', true), ''))::bigint));
-- The auditors read everything; the service is none of them.
CREATE POLICY auditors ON "Audit Log"."Entries" FOR SELECT TO billing_auditor USING (true);
GRANT SELECT ON "Audit Log"."Entries" TO billing_auditor;
GRANT SELECT, INSERT ON "Audit Log"."Entries" TO billing_app;
RESET ROLE;

INSERT INTO billing.invoices (account, number) VALUES (1, 'a'), (2, 'a');
INSERT INTO billing.lines (account, invoice, line) SELECT account, id, 1 FROM billing.invoices;
INSERT INTO billing.drafts (account) VALUES (1), (2);
INSERT INTO "Audit Log"."Entries" VALUES (1, 'x'), (2, 'y');
