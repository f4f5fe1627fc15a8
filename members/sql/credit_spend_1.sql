-- Spend from an account's lots in one call. Installed by migration members/0004; a change is a new file (credit_spend_2.sql) and a new migration.
--
-- Parameters: account, amount in yuan (more than 0, two decimals), deduction order inside a lot, idempotency key and the SHA-256 of the
--   request it came with, order number, user or null, and the business time: a lot with expires_at <= p_now is not spent, swept or not.
-- Returns one row per entry in order of part, all with outcome 'done' or 'replayed'; or a single row that tells why nothing was changed:
--   'no_account', 'key_reused' (the key came before with another request), 'not_enough' (available: what could be spent).
-- Rerunnable: the same key and request return the entries written the first time.
-- Locks: the account row first, so that spenders of one account queue; the lots are read by a later statement, whose snapshot (READ
--   COMMITTED) is taken after the lock was given. Every writer of lots holds the account's lock, so lots need none of their own.
-- Index used: credit_lot_spending_order (account, expires_at, opened_at, id) where something is left; reading stops when the amount is met.
CREATE OR REPLACE FUNCTION members_credit_spend(
    p_account bigint,
    p_amount numeric,
    p_deduction text,
    p_key text,
    p_body bytea,
    p_order_no text,
    p_actor bigint,
    p_now timestamptz
) RETURNS TABLE (
    outcome text,
    available numeric,
    entry_id bigint,
    lot_id bigint,
    principal numeric,
    bonus numeric,
    balance_after numeric
) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_store bigint;
    v_balance numeric;
    v_need numeric := p_amount;
    v_take numeric;
    v_principal numeric;
    v_lot record;
    v_first record;
    v_lots bigint[] := '{}';
    v_principals numeric[] := '{}';
    v_bonuses numeric[] := '{}';
    v_afters numeric[] := '{}';
BEGIN
    SELECT a.store_id, a.balance INTO v_store, v_balance FROM members_creditaccount a WHERE a.id = p_account FOR UPDATE;
    IF NOT FOUND THEN
        RETURN QUERY SELECT 'no_account', 0.00, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric;
        RETURN;
    END IF;

    SELECT e.account_id, e.body_hash INTO v_first FROM members_creditentry e WHERE e.store_id = v_store AND e.idempotency_key = p_key AND e.seq = 1;
    IF FOUND THEN
        IF v_first.account_id <> p_account OR v_first.body_hash <> p_body THEN
            RETURN QUERY SELECT 'key_reused', NULL::numeric, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric;
            RETURN;
        END IF;
        RETURN QUERY
            SELECT 'replayed', NULL::numeric, e.id, e.lot_id, -e.principal_amount, -e.bonus_amount, e.balance_after
            FROM members_creditentry e WHERE e.store_id = v_store AND e.idempotency_key = p_key ORDER BY e.seq;
        RETURN;
    END IF;

    -- First decide on paper, then write: a refusal leaves no trace and needs no savepoint.
    FOR v_lot IN
        SELECT l.id, l.principal_left, l.bonus_left
        FROM members_creditlot l
        WHERE l.account_id = p_account
          AND (l.principal_left > 0 OR l.bonus_left > 0)
          AND (l.expires_at IS NULL OR l.expires_at > p_now)
        ORDER BY l.expires_at, l.opened_at, l.id
    LOOP
        v_take := least(v_need, v_lot.principal_left + v_lot.bonus_left);
        v_principal := CASE p_deduction
            WHEN 'REAL_BEFORE_GIFT' THEN least(v_take, v_lot.principal_left)
            WHEN 'GIFT_BEFORE_REAL' THEN v_take - least(v_take, v_lot.bonus_left)
            -- PERCENT: floor to the fen. div() is exact where a division would round; the bonus takes the rest, so no fen is made or lost.
            ELSE div(v_take * v_lot.principal_left * 100, v_lot.principal_left + v_lot.bonus_left) / 100
        END;
        v_need := v_need - v_take;
        v_lots := v_lots || v_lot.id;
        v_principals := v_principals || v_principal;
        v_bonuses := v_bonuses || (v_take - v_principal);
        v_afters := v_afters || (v_balance - p_amount + v_need);
        EXIT WHEN v_need = 0;
    END LOOP;
    IF v_need > 0 THEN
        RETURN QUERY SELECT 'not_enough', p_amount - v_need, NULL::bigint, NULL::bigint, NULL::numeric, NULL::numeric, NULL::numeric;
        RETURN;
    END IF;

    UPDATE members_creditaccount SET balance = balance - p_amount WHERE id = p_account;
    UPDATE members_creditlot l SET principal_left = l.principal_left - t.principal, bonus_left = l.bonus_left - t.bonus
    FROM unnest(v_lots, v_principals, v_bonuses) AS t (lot, principal, bonus)
    WHERE l.id = t.lot;
    RETURN QUERY
        INSERT INTO members_creditentry AS e (
            store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after,
            idempotency_key, seq, body_hash, order_no, actor_id, reason, happened_at
        )
        SELECT v_store, p_account, t.lot, 'SPEND', -t.principal, -t.bonus, t.after, p_key, t.seq, p_body, p_order_no, p_actor, '', p_now
        FROM unnest(v_lots, v_principals, v_bonuses, v_afters) WITH ORDINALITY AS t (lot, principal, bonus, after, seq)
        ORDER BY t.seq
        RETURNING 'done', NULL::numeric, e.id, e.lot_id, -e.principal_amount, -e.bonus_amount, e.balance_after;
END $$;
