"""Entering a stock document: one function looks up, holds, reckons and posts (ADR 0055)."""

import sqlalchemy as sa
from alembic import op

from sokho.core.infrastructure.database.policies import APP_ROLE, binding
from sokho.core.infrastructure.database.row_security import backfill

revision = "0013"
down_revision = "0012"

# Each step has a snapshot of its own: what is read behind the held balances is as new as they.
# Without generic plans the loop over the held balances is planned anew at every call: a tenth of
# all that PostgreSQL does for a document, as a plan for one array seems cheaper than one for any.
_ENTER = """
CREATE FUNCTION enter_stock_document(
    tenant uuid, posts boolean,
    -- The document,
    new_id uuid, document_type text, prefix text, own_no text, reference text, dated timestamptz,
    remark text, why text, who text, request bytea, undoes uuid,
    -- its lines,
    item_ids uuid[], sku_keys text[], unit_codes text[], quantities numeric[],
    from_kinds text[], from_places uuid[], to_kinds text[], to_places uuid[],
    -- which were reckoned before if these are given (then `sku_keys` are their SKUs as shown),
    line_nos integer[], own_quantities numeric[], from_accounts uuid[], to_accounts uuid[],
    -- what its digest is made with,
    header bytea, inner_key bytea, outer_key bytea, key_id text,
    -- and what makes a transaction of it: its event, and the claim of its Idempotency-Key.
    alone boolean, event uuid, event_request uuid, event_changes jsonb,
    claim bigint, claimed bytea, request_print bytea,
    OUT done boolean, OUT result text
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    most CONSTANT numeric := 100000000000000;
    is_reckoned CONSTANT boolean := from_accounts IS NOT NULL;
    -- The lines, column by column,
    items uuid[] := item_ids;
    skus text[] := sku_keys;
    units text[] := unit_codes;
    amounts numeric[] := own_quantities;
    sources uuid[] := from_accounts;
    targets uuid[] := to_accounts;
    decimals_of smallint[] := '{}';  -- of the item's unit, and of that which the line is told in
    entered_decimals_of smallint[] := '{}';
    -- and what is looked at of one.
    item record;
    entered smallint;
    multiplier bigint;
    divisor bigint;
    amount numeric;
    fault text;
    faults text[] := '{}';  -- index of the line, its field, code
    line integer;
    account uuid;
    place integer;
    state text;
    from_seq bigint;
    from_after numeric;
    to_seq bigint;
    to_after numeric;
    moves stock_moves[] := '{}';
    shown jsonb[] := '{}';  -- the same, for the answer,
    told text := '';  -- and for the digest
    balance stock_balances;
    held stock_balances[] := '{}';  -- before the document
    accounts uuid[] := '{}';
    there numeric[] := '{}';  -- behind it
    seqs bigint[] := '{}';
    is_short boolean := false;
    is_known boolean;  -- all that is named, and no account is still to be opened
    is_ahead boolean;
    is_locked boolean;
    is_plain boolean := true;  -- crosses no minimum, is of the latest month of its accounts
    zone text;
    locked timestamptz;
    locked_at timestamptz;
    last_posted_at timestamptz;
    seen_at timestamptz;
    posted timestamptz;
    year_of smallint;
    number text;
    counted bigint;
    looking boolean;
    said jsonb;
BEGIN
    IF alone THEN
        PERFORM {binding};
        IF claim IS NOT NULL THEN
            PERFORM claim_idempotency_key(claim, claimed);
        END IF;
    END IF;
    -- Whoever locks a period waits for all who post, or they for him.
    PERFORM pg_advisory_xact_lock_shared(hashtextextended(tenant::text, 3));

    IF NOT is_reckoned THEN
        FOR n IN 1 .. cardinality(quantities) LOOP
            IF item_ids[n] IS NOT NULL THEN
                SELECT i.id, i.sku, i.unit, i.status, u.decimals INTO item
                FROM items AS i JOIN units AS u ON u.tenant_id = tenant AND u.code = i.unit
                WHERE i.tenant_id = tenant AND i.id = item_ids[n];
            ELSE
                SELECT i.id, i.sku, i.unit, i.status, u.decimals INTO item
                FROM items AS i JOIN units AS u ON u.tenant_id = tenant AND u.code = i.unit
                WHERE i.tenant_id = tenant AND i.sku_key = sku_keys[n];
            END IF;
            IF item.id IS NULL THEN
                faults := faults || concat_ws(' ', n - 1, 'item_id unknown_item');
            ELSIF item.status = 'archived' THEN
                faults := faults || concat_ws(' ', n - 1, 'item_id item_archived');
            END IF;
            entered := item.decimals;
            multiplier := NULL;
            IF unit_codes[n] <> item.unit THEN
                SELECT numerator, denominator INTO multiplier, divisor FROM item_conversions
                WHERE tenant_id = tenant AND item_id = item.id AND unit = unit_codes[n];
                entered := NULL;
                IF FOUND THEN
                    SELECT decimals INTO entered FROM units
                    WHERE tenant_id = tenant AND code = unit_codes[n];
                END IF;
            END IF;
            amount := quantities[n];
            fault := CASE
                WHEN amount <= 0 OR amount >= most THEN 'quantity quantity_out_of_range'
                WHEN item.id IS NULL THEN NULL  -- what its unit allows is not known
                WHEN entered IS NULL THEN 'unit unknown_unit'
                WHEN min_scale(amount) > entered THEN 'quantity quantity_precision'
            END;
            IF multiplier IS NOT NULL AND fault IS NULL THEN
                -- In millionths: what does not come out even has no quantity in its own unit.
                amount := amount * multiplier * 1000000;
                IF amount % divisor <> 0 THEN
                    fault := 'quantity quantity_precision';
                END IF;
                amount := div(amount, divisor) * 0.000001;
                IF min_scale(amount) > item.decimals THEN
                    fault := 'quantity quantity_precision';
                ELSIF amount >= most THEN
                    fault := coalesce(fault, 'quantity quantity_out_of_range');
                END IF;
            END IF;
            IF fault IS NOT NULL THEN
                faults := faults || concat_ws(' ', n - 1, fault);
                amount := NULL;
            END IF;
            items[n] := item.id;
            skus[n] := item.sku;
            units[n] := coalesce(unit_codes[n], item.unit);
            amounts[n] := amount;
            IF NOT alone THEN
                decimals_of[n] := item.decimals;
                entered_decimals_of[n] := entered;
            END IF;
            -- An index finds a NULL by IS NULL alone.
            IF from_places[n] IS NULL THEN
                SELECT id INTO account FROM stock_accounts
                WHERE tenant_id = tenant AND item_id = item.id AND kind = from_kinds[n]
                    AND location_id IS NULL;
            ELSE
                SELECT id INTO account FROM stock_accounts
                WHERE tenant_id = tenant AND item_id = item.id AND kind = from_kinds[n]
                    AND location_id = from_places[n];
            END IF;
            sources[n] := account;
            IF to_places[n] IS NULL THEN
                SELECT id INTO account FROM stock_accounts
                WHERE tenant_id = tenant AND item_id = item.id AND kind = to_kinds[n]
                    AND location_id IS NULL;
            ELSE
                SELECT id INTO account FROM stock_accounts
                WHERE tenant_id = tenant AND item_id = item.id AND kind = to_kinds[n]
                    AND location_id = to_places[n];
            END IF;
            targets[n] := account;
        END LOOP;
    END IF;

    -- Nobody else posts to these from now on. In one order, so that no two wait for each other.
    is_known := cardinality(faults) = 0 AND array_position(sources || targets, NULL) IS NULL;
    IF is_known THEN
        FOR balance IN
            SELECT * FROM stock_balances
            WHERE tenant_id = tenant AND account_id = ANY (sources || targets)
            ORDER BY account_id FOR UPDATE
        LOOP
            held := held || balance;
            accounts := accounts || balance.account_id;
            there := there || balance.on_hand;
            seqs := seqs || balance.seq;
            last_posted_at := greatest(last_posted_at, balance.posted_at);
        END LOOP;
    END IF;

    FOR n IN 1 .. cardinality(quantities) LOOP
        line := coalesce(line_nos[n], n);
        -- Only now: a location may have been archived while the balances were waited for.
        IF from_places[n] IS NOT NULL AND NOT is_reckoned THEN
            SELECT status INTO state FROM locations
            WHERE tenant_id = tenant AND id = from_places[n];
            IF state IS NULL THEN
                faults := faults || concat_ws(' ', line - 1, 'from_location_id unknown_location');
            ELSIF state = 'archived' THEN
                faults := faults || concat_ws(' ', line - 1, 'from_location_id location_archived');
            END IF;
        END IF;
        IF to_places[n] IS NOT NULL THEN
            SELECT status INTO state FROM locations
            WHERE tenant_id = tenant AND id = to_places[n];
            IF state IS NULL THEN
                faults := faults || concat_ws(' ', line - 1, 'to_location_id unknown_location');
            ELSIF state = 'archived' THEN
                faults := faults || concat_ws(' ', line - 1, 'to_location_id location_archived');
            END IF;
        END IF;
        CONTINUE WHEN NOT is_known;
        amount := amounts[n];
        from_seq := NULL;
        from_after := NULL;
        place := array_position(accounts, sources[n]);
        IF place IS NOT NULL THEN
            from_seq := seqs[place] + 1;
            seqs[place] := from_seq;
            from_after := there[place] - amount;
            there[place] := from_after;
            is_short := is_short OR from_after < held[place].reserved;
            IF from_after <= -most THEN  -- short by then; less than that cannot be told
                from_after := NULL;
            END IF;
        END IF;
        to_seq := NULL;
        to_after := NULL;
        place := array_position(accounts, targets[n]);
        IF place IS NOT NULL THEN
            to_seq := seqs[place] + 1;
            seqs[place] := to_seq;
            to_after := there[place] + amount;
            there[place] := to_after;
            IF to_after >= most AND posts THEN
                faults := faults || concat_ws(' ', line - 1, 'quantity quantity_out_of_range');
            END IF;
            IF abs(to_after) >= most THEN
                to_after := NULL;
            END IF;
        END IF;
        -- As the table's columns follow each other: who adds one adds it here.
        moves[n] := ROW(
            NULL, NULL, line, items[n], amount, quantities[n], units[n],
            sources[n], from_seq, from_after, targets[n], to_seq, to_after, NULL, NULL
        );
        shown[n] := jsonb_build_object(
            'line_no', line, 'item_id', items[n], 'sku', skus[n], 'quantity', amount,
            'entered_quantity', quantities[n], 'entered_unit', units[n],
            'source', jsonb_build_object('account_id', sources[n], 'location_id', from_places[n],
                                         'seq', from_seq, 'after', from_after),
            'target', jsonb_build_object('account_id', targets[n], 'location_id', to_places[n],
                                         'seq', to_seq, 'after', to_after)
        );
        told := told || ROW(
            line, items[n], trim_scale(amount), trim_scale(quantities[n]),
            encode(convert_to(units[n], 'UTF8'), 'hex'),
            sources[n], from_places[n], from_seq, trim_scale(from_after),
            targets[n], to_places[n], to_seq, trim_scale(to_after)
        )::text;
    END LOOP;

    SELECT time_zone INTO zone FROM tenants WHERE id = tenant;
    SELECT locked_before, set_at INTO locked, locked_at FROM stock_period_locks
    WHERE tenant_id = tenant ORDER BY version DESC LIMIT 1;
    seen_at := clock_timestamp();
    dated := coalesce(dated, seen_at);
    is_ahead := dated > seen_at + interval '5 minutes';
    is_locked := posts AND coalesce(dated < locked, false);
    -- The first hours of the first year are, west of Greenwich, of none.
    year_of := greatest(extract(year FROM dated AT TIME ZONE zone), 1);
    FOR n IN 1 .. cardinality(accounts) LOOP
        balance := held[n];
        is_plain := is_plain
            AND coalesce((balance.on_hand < balance.minimum) = (there[n] < balance.minimum), true)
            AND coalesce(dated >= balance.effective_at, true)
            AND coalesce(date_trunc('month', dated, 'UTC') <= balance.effective_at, true);
    END LOOP;

    IF posts AND is_known AND NOT (is_short OR is_ahead OR is_locked)
        AND cardinality(faults) = 0 AND (is_plain OR NOT alone)
    THEN
        prefix := prefix || '-' || year_of || '-';
        IF own_no IS NULL THEN
            INSERT INTO stock_counters AS counter (tenant_id, type, year, last)
            VALUES (tenant, document_type, year_of, 1)
            ON CONFLICT (tenant_id, type, year) DO UPDATE SET last = counter.last + 1
            RETURNING last, skips INTO counted, looking;
            number := prefix || lpad(counted::text, greatest(6, length(counted::text)), '0');
        ELSE
            number := own_no;
            IF own_no ~ ('^' || prefix || '[0-9]{6,}$') THEN
                -- It may be counted one day: who counts looks out for such from now on.
                INSERT INTO stock_counters AS counter (tenant_id, type, year, last, skips)
                VALUES (tenant, document_type, year_of, 0, true)
                ON CONFLICT (tenant_id, type, year) DO UPDATE SET skips = true;
            END IF;
        END IF;
        IF looking THEN
            WHILE EXISTS (
                SELECT FROM stock_transactions
                WHERE tenant_id = tenant AND type = document_type AND year = year_of
                    AND document_no = number
            ) LOOP
                counted := counted + 1;
                number := prefix || lpad(counted::text, greatest(6, length(counted::text)), '0');
            END LOOP;
            UPDATE stock_counters SET last = counted
            WHERE tenant_id = tenant AND type = document_type AND year = year_of;
        END IF;

        -- Behind every lock. On an account, and behind a lock of periods, time never goes back.
        posted := greatest(
            clock_timestamp(), last_posted_at, locked_at + interval '1 microsecond'
        );
        INSERT INTO stock_transactions (
            tenant_id, id, type, year, document_no, external_ref, effective_at, posted_at,
            note, reason, actor, request_key, reverses_id, digest_key_id, digest
        ) VALUES (
            tenant, new_id, document_type, year_of, number, reference, dated, posted,
            remark, why, who, request, undoes, key_id,
            -- HMAC (RFC 2104) over all that the document says
            sha256(outer_key || sha256(
                inner_key || header || convert_to(
                    concat_ws('|', (extract(epoch FROM posted) * 1000000)::bigint,
                        (extract(epoch FROM dated) * 1000000)::bigint, year_of, told, number),
                    'UTF8'
                )
            ))
        );
        INSERT INTO stock_moves (
            tenant_id, transaction_id, line_no, item_id, quantity, entered_quantity, entered_unit,
            from_account, from_seq, from_after, to_account, to_seq, to_after,
            effective_at, posted_at
        )
        SELECT tenant, new_id, m.line_no, m.item_id, m.quantity, m.entered_quantity, m.entered_unit,
            m.from_account, m.from_seq, m.from_after, m.to_account, m.to_seq, m.to_after,
            dated, posted
        FROM unnest(moves) AS m;
        FOR n IN 1 .. cardinality(accounts) LOOP
            UPDATE stock_balances SET
                on_hand = there[n], seq = seqs[n], posted_at = posted,
                -- The latest of them: a document of the past leaves it.
                effective_at = greatest(effective_at, dated)
            WHERE tenant_id = tenant AND account_id = accounts[n];
        END LOOP;
    END IF;

    done := posted IS NOT NULL;
    said := jsonb_build_object(
        'id', new_id, 'effective_at', dated AT TIME ZONE 'UTC', 'year', year_of, 'actor', who,
        'document_no', number, 'posted_at', posted AT TIME ZONE 'UTC', 'moves', shown
    );
    IF NOT (done AND alone) THEN
        said := said || jsonb_build_object(
            'seen_at', seen_at AT TIME ZONE 'UTC', 'held', held, 'faults', faults,
            'is_known', is_known, 'items', items, 'sources', sources, 'targets', targets,
            'is_short', is_short, 'is_ahead', is_ahead, 'is_locked', is_locked,
            'decimals', decimals_of, 'entered_decimals', entered_decimals_of
        );
    END IF;
    result := said;
    IF done AND alone THEN
        INSERT INTO events
            (tenant_id, id, type, resource_id, actor, request_id, changes, created_at)
        VALUES (
            tenant, event, 'stock.posted', new_id::text, who, event_request, event_changes, now()
        );
        IF claim IS NOT NULL THEN
            INSERT INTO idempotency_keys AS kept
                (tenant_id, key_hash, fingerprint, result, expires_at)
            VALUES (tenant, claimed, request_print, result, now() + interval '7 days')
            ON CONFLICT (tenant_id, key_hash) DO UPDATE
            SET fingerprint = EXCLUDED.fingerprint, answer = NULL, result = EXCLUDED.result,
                expires_at = EXCLUDED.expires_at
            WHERE kept.expires_at <= now();
        END IF;
    END IF;
END $$
""".replace("{binding}", binding("tenant"))


def upgrade() -> None:
    # What was answered; or what the answer is made of, where that is no secret.
    op.add_column("idempotency_keys", sa.Column("result", sa.Text, nullable=True))
    op.alter_column("idempotency_keys", "answer", nullable=True)
    op.execute(_ENTER)
    op.execute("REVOKE ALL ON FUNCTION enter_stock_document FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION enter_stock_document TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("DROP FUNCTION enter_stock_document")
    backfill("idempotency_keys", "DELETE FROM idempotency_keys WHERE answer IS NULL")
    op.alter_column("idempotency_keys", "answer", nullable=False)
    op.drop_column("idempotency_keys", "result")
