-- Empty the lapsed lots of some accounts: entries, lots, balances and payouts in one statement, so that all see one snapshot.
--
-- Parameters: accounts (ids, locked by this transaction in a statement before this one), now (a lot with expires_at <= now has lapsed),
--   default_policy (of stores without a row of their own).
-- The same arithmetic as `lapse_moves`: under PAY_BACK the principal goes to the payer, never more in all than was paid for the top-up, and the
--   rest is void; under VOID all is void. A lot that a refund opened shares the price of its top-up (origin); lots of one top-up take what is
--   left of it in their order. A lot's entries have the key "lapse:<lot>:<n>" with the first n that is free: one more sweep after the lot got
--   something back has one more key.
-- Rerunnable: lots with nothing left are not met again.
-- Indexes: credit_lot_spending_order (account, expires_at, ...), the payouts' by lot, credit_entry_once_per_key.
WITH lapsed AS MATERIALIZED (
    SELECT l.id, l.store_id, l.account_id, l.principal_left, l.bonus_left, l.expires_at, l.opened_at, 'lapse:' || l.id || ':' || next.n AS key,
           CASE WHEN coalesce(p.on_lapse, %(default_policy)s) = 'PAY_BACK'
                THEN greatest(0, least(l.principal_left, coalesce(top_up.principal_amount, l.principal_amount) - paid.amount - coalesce(
                    sum(l.principal_left) OVER (
                        PARTITION BY coalesce(l.origin_id, l.id) ORDER BY l.expires_at, l.opened_at, l.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                    ), 0)))
                ELSE 0 END AS paid_back
    FROM members_creditlot l
    LEFT JOIN members_creditlot top_up ON top_up.id = l.origin_id
    LEFT JOIN members_creditpolicy p ON p.store_id = l.store_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(o.amount), 0) AS amount FROM (
            SELECT amount FROM members_creditpayout WHERE lot_id = coalesce(l.origin_id, l.id)
            UNION ALL
            SELECT o.amount FROM members_creditpayout o JOIN members_creditlot d ON d.id = o.lot_id WHERE d.origin_id = coalesce(l.origin_id, l.id)
        ) o
    ) paid
    CROSS JOIN LATERAL (
        WITH RECURSIVE probe AS (
            SELECT 0 AS n
            UNION ALL
            SELECT n + 1 FROM probe
            -- Not EXISTS: made a join, it reads the first entry of every key of the store, for each lot.
            WHERE (SELECT true FROM members_creditentry e
                   WHERE e.store_id = l.store_id AND e.idempotency_key = 'lapse:' || l.id || ':' || n AND e.seq = 1 LIMIT 1)
        )
        SELECT max(n) AS n FROM probe
    ) next
    WHERE l.account_id = ANY(%(accounts)s) AND l.expires_at <= %(now)s AND l.has_left
), move AS (
    SELECT lapsed.store_id, lapsed.account_id, lapsed.id AS lot_id, lapsed.key, m.kind, m.principal, m.bonus,
           row_number() OVER (PARTITION BY lapsed.id ORDER BY m.place) AS seq,
           a.balance - sum(m.principal + m.bonus) OVER (
               PARTITION BY lapsed.account_id ORDER BY lapsed.expires_at, lapsed.opened_at, lapsed.id, m.place ROWS UNBOUNDED PRECEDING
           ) AS balance_after,
           row_number() OVER (ORDER BY lapsed.account_id, lapsed.expires_at, lapsed.opened_at, lapsed.id, m.place) AS place
    FROM lapsed
    JOIN members_creditaccount a ON a.id = lapsed.account_id
    CROSS JOIN LATERAL (VALUES ('PAYOUT', lapsed.paid_back, 0, 1), ('LAPSE', lapsed.principal_left - lapsed.paid_back, lapsed.bonus_left, 2)) AS m (kind, principal, bonus, place)
    WHERE m.principal + m.bonus > 0
), emptied AS (
    UPDATE members_creditlot l SET principal_left = 0, bonus_left = 0 FROM lapsed WHERE l.id = lapsed.id
), lowered AS (
    UPDATE members_creditaccount a SET balance = a.balance - t.amount
    FROM (SELECT account_id, sum(principal_left + bonus_left) AS amount FROM lapsed GROUP BY account_id) t
    WHERE a.id = t.account_id
), booked AS (
    INSERT INTO members_creditentry (
        store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after,
        idempotency_key, seq, body_hash, order_no, actor_id, reason, happened_at
    )
    SELECT store_id, account_id, lot_id, kind, -principal, -bonus, balance_after, key, seq, sha256(convert_to(key, 'UTF8')), '', NULL, '', %(now)s
    FROM move
    ORDER BY place
    RETURNING id, store_id, account_id, lot_id, kind, principal_amount, bonus_amount
), queued AS (
    INSERT INTO members_creditpayout (store_id, account_id, lot_id, entry_id, cause, amount, status, attempt_count, reference, error, created_at)
    SELECT store_id, account_id, lot_id, id, 'LAPSE', -(principal_amount + bonus_amount), 'WAITING', 0, '', '', %(now)s
    FROM booked
    WHERE kind = 'PAYOUT'
    ORDER BY id
)
SELECT count(DISTINCT account_id) AS accounts, count(DISTINCT lot_id) AS lots, count(*) FILTER (WHERE kind = 'PAYOUT') AS payouts,
       coalesce(-sum(principal_amount + bonus_amount) FILTER (WHERE kind = 'PAYOUT'), 0)::numeric(14, 2) AS paid_back,
       coalesce(-sum(principal_amount) FILTER (WHERE kind = 'LAPSE'), 0)::numeric(14, 2) AS void_principal,
       coalesce(-sum(bonus_amount) FILTER (WHERE kind = 'LAPSE'), 0)::numeric(14, 2) AS void_bonus
FROM booked
