-- Take from an account's lots in one call: a spend, or a hold. Installed by migration members/0013 in place of
-- credit_take_2.sql; a change is a new file (credit_take_4.sql) and a new migration.
--
-- Parameters: 'SPEND' or 'HOLD', account, amount in yuan (more than 0, two decimals), deduction order inside a lot (null: the store's policy),
--   idempotency key and the SHA-256 of the request it came with, order number, the order's lines and what each takes (two arrays of one length,
--   amounts more than 0 that sum to the amount; null: no lines), user or null, and the business time: a lot with expires_at <= p_now is not
--   touched, swept or not.
-- Returns one row per entry in order of part, all with outcome 'done' or 'replayed'; or a single row that tells why nothing was changed:
--   'no_account', 'key_reused' (the key came before with another request), 'not_enough' (available: what could be taken).
--   One entry per lot, or with lines per piece of lot and line: the lots in their order fill the lines in theirs. What a lot gives is split into
--   principal and bonus as a whole and then over its pieces by cumulative floor, so that the pieces sum to what the lot gave.
-- Rerunnable: the same key and request return the entries written the first time.
-- Locks: the account row first, so that takers of one account queue; the lots are read by a later statement, whose snapshot (READ
--   COMMITTED) is taken after the lock was given. Every writer of lots holds the account's lock, so lots need none of their own.
-- Index used: credit_lot_spending_order (account, expires_at, opened_at, id) where has_left, one lot a statement until the amount is met. Each is
--   asked for with LIMIT 1 and an expiry that no index can answer, so that the plan is this index in its order, without a sort, for all parameters.
CREATE OR REPLACE FUNCTION members_credit_take(
    p_kind text,
    p_account bigint,
    p_amount numeric,
    p_deduction text,
    p_key text,
    p_body bytea,
    p_order_no text,
    p_lines integer[],
    p_line_amounts numeric[],
    p_actor bigint,
    p_now timestamptz
) RETURNS TABLE (
    outcome text,
    available numeric,
    hold_id bigint,
    entry_id bigint,
    lot_id bigint,
    line_no integer,
    principal numeric,
    bonus numeric,
    balance_after numeric
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_store bigint;
    v_balance numeric;
    v_deduction text;
    v_need numeric := p_amount;
    v_take numeric;
    v_principal numeric;
    v_lot record;
    v_first record;
    v_hold bigint;
    v_only bigint;
    -- what each lot gives
    v_lots bigint[] := '{}';
    v_principals numeric[] := '{}';
    v_bonuses numeric[] := '{}';
    v_afters numeric[] := '{}';
    -- with lines: the same in pieces
    v_line integer;
    v_line_left numeric;
    v_piece numeric;
    v_cut numeric;
    v_given numeric;
    v_given_before numeric;
    v_piece_lots bigint[];
    v_piece_lines integer[];
    v_piece_principals numeric[];
    v_piece_bonuses numeric[];
    v_piece_afters numeric[];
BEGIN
    SELECT a.store_id, a.balance, coalesce(p_deduction, (SELECT p.deduction_order FROM members_creditpolicy p WHERE p.store_id = a.store_id), 'PERCENT')
    INTO v_store, v_balance, v_deduction FROM members_creditaccount a WHERE a.id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        outcome := 'no_account';
        available := 0.00;
        RETURN NEXT;
        RETURN;
    END IF;

    SELECT e.account_id, e.body_hash INTO v_first FROM members_creditentry e WHERE e.store_id = v_store AND e.idempotency_key = p_key AND e.seq = 1;
    IF FOUND THEN
        IF v_first.account_id <> p_account OR v_first.body_hash <> p_body THEN
            outcome := 'key_reused';
            RETURN NEXT;
            RETURN;
        END IF;
        RETURN QUERY
            SELECT 'replayed', NULL::numeric, e.hold_id, e.id, e.lot_id, e.line_no, -e.principal_amount, -e.bonus_amount, e.balance_after
            FROM members_creditentry e WHERE e.store_id = v_store AND e.idempotency_key = p_key ORDER BY e.seq;
        RETURN;
    END IF;

    IF p_lines IS NOT NULL THEN
        IF p_amount <> (SELECT sum(t.amount) FROM unnest(p_line_amounts) AS t (amount)) OR cardinality(p_lines) <> cardinality(p_line_amounts) THEN
            RAISE EXCEPTION 'the lines do not sum to the amount';
        END IF;
        v_line := 1;
        v_line_left := p_line_amounts[1];
    END IF;

    -- First decide on paper, then write: a refusal leaves no trace and needs no savepoint.
    LOOP
        SELECT l.id, l.principal_left, l.bonus_left INTO v_lot
        FROM members_creditlot l
        WHERE l.account_id = p_account
          AND l.has_left
          AND coalesce(l.expires_at > p_now, true)
          AND l.id <> ALL (v_lots)
        ORDER BY l.expires_at, l.opened_at, l.id
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        v_take := least(v_need, v_lot.principal_left + v_lot.bonus_left);
        v_principal := CASE v_deduction
            WHEN 'REAL_BEFORE_GIFT' THEN least(v_take, v_lot.principal_left)
            WHEN 'GIFT_BEFORE_REAL' THEN v_take - least(v_take, v_lot.bonus_left)
            -- PERCENT: floor to the fen. div() is exact where a division would round; the bonus takes the rest, so no fen is made or lost.
            ELSE div(v_take * v_lot.principal_left * 100, v_lot.principal_left + v_lot.bonus_left) / 100
        END;
        v_need := v_need - v_take;
        IF v_take = p_amount AND p_lines IS NULL THEN
            v_only := v_lot.id;
            EXIT;
        END IF;
        v_lots := v_lots || v_lot.id;
        v_principals := v_principals || v_principal;
        v_bonuses := v_bonuses || (v_take - v_principal);
        v_afters := v_afters || (v_balance - p_amount + v_need);
        IF p_lines IS NOT NULL THEN
            v_cut := 0;
            v_given := 0;
            WHILE v_cut < v_take LOOP
                v_piece := least(v_line_left, v_take - v_cut);
                v_cut := v_cut + v_piece;
                v_given_before := v_given;
                v_given := div(v_principal * v_cut * 100, v_take) / 100;
                v_piece_lots := v_piece_lots || v_lot.id;
                v_piece_lines := v_piece_lines || p_lines[v_line];
                v_piece_principals := v_piece_principals || (v_given - v_given_before);
                v_piece_bonuses := v_piece_bonuses || (v_piece - (v_given - v_given_before));
                v_piece_afters := v_piece_afters || (v_balance - p_amount + v_need + v_take - v_cut);
                v_line_left := v_line_left - v_piece;
                IF v_line_left = 0 THEN
                    v_line := v_line + 1;
                    v_line_left := p_line_amounts[v_line];
                END IF;
            END LOOP;
        END IF;
        EXIT WHEN v_need = 0;
    END LOOP;
    IF v_need > 0 THEN
        outcome := 'not_enough';
        available := p_amount - v_need;
        RETURN NEXT;
        RETURN;
    END IF;

    IF p_kind = 'HOLD' THEN
        UPDATE members_creditaccount SET balance = balance - p_amount, held = held + p_amount WHERE id = p_account;
        INSERT INTO members_credithold AS h (store_id, account_id, amount, captured_amount, status, order_no, deduction_order, held_at)
        VALUES (v_store, p_account, p_amount, 0, 'HELD', p_order_no, v_deduction, p_now)
        RETURNING h.id INTO v_hold;
    ELSE
        UPDATE members_creditaccount SET balance = balance - p_amount WHERE id = p_account;
    END IF;
    -- The usual case, one lot pays all, without arrays: half the time of the statements below.
    IF v_only IS NOT NULL THEN
        outcome := 'done';
        hold_id := v_hold;
        lot_id := v_only;
        principal := v_principal;
        bonus := p_amount - v_principal;
        UPDATE members_creditlot l SET principal_left = l.principal_left - principal, bonus_left = l.bonus_left - bonus WHERE l.id = v_only;
        INSERT INTO members_creditentry AS e (
            store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after,
            idempotency_key, seq, body_hash, order_no, hold_id, actor_id, reason, happened_at
        )
        VALUES (
            v_store, p_account, v_only, p_kind, -principal, -bonus, v_balance - p_amount, p_key, 1, p_body, p_order_no, v_hold, p_actor, '', p_now
        )
        RETURNING e.id, e.balance_after INTO entry_id, balance_after;
        RETURN NEXT;
        RETURN;
    END IF;
    UPDATE members_creditlot l SET principal_left = l.principal_left - t.principal, bonus_left = l.bonus_left - t.bonus
    FROM unnest(v_lots, v_principals, v_bonuses) AS t (lot, principal, bonus)
    WHERE l.id = t.lot;
    IF p_lines IS NOT NULL THEN
        v_lots := v_piece_lots;
        v_principals := v_piece_principals;
        v_bonuses := v_piece_bonuses;
        v_afters := v_piece_afters;
    END IF;
    RETURN QUERY
        INSERT INTO members_creditentry AS e (
            store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after,
            idempotency_key, seq, body_hash, order_no, line_no, hold_id, actor_id, reason, happened_at
        )
        SELECT v_store, p_account, t.lot, p_kind, -t.principal, -t.bonus, t.after, p_key, t.seq, p_body, p_order_no, t.line, v_hold, p_actor, '', p_now
        FROM unnest(v_lots, v_piece_lines, v_principals, v_bonuses, v_afters) WITH ORDINALITY AS t (lot, line, principal, bonus, after, seq)
        ORDER BY t.seq
        RETURNING 'done', NULL::numeric, e.hold_id, e.id, e.lot_id, e.line_no, -e.principal_amount, -e.bonus_amount, e.balance_after;
END $$;
