-- Stock as tutorials keep it: a level that is written over, and documents beside it.
CREATE TABLE naive_levels (
    tenant_id uuid NOT NULL,
    item_id uuid NOT NULL,
    location_id uuid NOT NULL,
    on_hand numeric(20, 6) NOT NULL CHECK (on_hand >= 0),
    PRIMARY KEY (tenant_id, item_id, location_id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES items (tenant_id, id)
) WITH (fillfactor = 70);

CREATE TABLE naive_documents (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    type text NOT NULL,
    note text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);

CREATE TABLE naive_lines (
    tenant_id uuid NOT NULL,
    id uuid NOT NULL,
    document_id uuid NOT NULL,
    item_id uuid NOT NULL,
    location_id uuid NOT NULL,
    quantity numeric(20, 6) NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, document_id) REFERENCES naive_documents (tenant_id, id),
    FOREIGN KEY (tenant_id, item_id) REFERENCES items (tenant_id, id)
);
CREATE INDEX ON naive_lines (tenant_id, document_id);
CREATE INDEX ON naive_lines (tenant_id, item_id, id);

-- Sealed as Sokho's own tables are: it refuses to serve beside one that is not.
DO $$
DECLARE
    sealed text;
    rule text := 'tenant_id = (SELECT current_setting(''app.current_tenant'')::uuid)';
BEGIN
    FOREACH sealed IN ARRAY ARRAY['naive_levels', 'naive_documents', 'naive_lines'] LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO sokho_owner', sealed);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', sealed);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', sealed);
        EXECUTE format('CREATE POLICY tenant_access ON %I TO sokho_app, sokho_owner '
                       'USING (%s) WITH CHECK (%2$s)', sealed, rule);
        EXECUTE format('CREATE POLICY tenant_floor ON %I AS RESTRICTIVE '
                       'USING (%s) WITH CHECK (%2$s)', sealed, rule);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE ON %I TO sokho_app', sealed);
    END LOOP;
END $$;
