-- Every difference between the entries (the truth) and what is cached from them, one row a difference.
--
-- Parameters: limit, the most rows to name. Nothing is written; one scan of accounts, lots and entries each, joined by hash.
-- What must hold: a lot's principal_left and bonus_left are the sums of its entries; an account's balance is the sum of its lots and of its
--   entries, and the balance_after of its last entry; what is held is what HOLD took and RELEASE has not given back and CAPTURE has not made
--   final; account, lot, entry and member name one store, and every entry's lot and account exist and belong together; the parts of one key are
--   numbered without a gap and came with one request.
WITH entry_lot AS (
    SELECT lot_id, min(account_id) AS account_id, max(account_id) AS other_account_id, min(store_id) AS store_id, max(store_id) AS other_store_id,
           sum(principal_amount) AS principal, sum(bonus_amount) AS bonus,
           sum(principal_amount + bonus_amount + coalesce(captured_principal + captured_bonus, 0))
               FILTER (WHERE kind IN ('HOLD', 'RELEASE', 'CAPTURE')) AS hold_moves, max(id) AS last_id
    FROM members_creditentry
    GROUP BY lot_id
), lot AS (
    SELECT l.id, l.account_id, l.store_id, l.principal_left, l.bonus_left, e.lot_id, e.account_id AS entry_account_id,
           e.other_account_id, e.store_id AS entry_store_id, e.other_store_id,
           coalesce(e.principal, 0) AS principal, coalesce(e.bonus, 0) AS bonus, coalesce(e.hold_moves, 0) AS hold_moves, e.last_id
    FROM members_creditlot l FULL JOIN entry_lot e ON e.lot_id = l.id
), lot_sums AS (
    SELECT account_id, sum(principal_left + bonus_left) AS left_sum, sum(principal + bonus) AS entry_sum, -sum(hold_moves) AS held, max(last_id) AS last_id
    FROM lot WHERE id IS NOT NULL
    GROUP BY account_id
), account AS (
    SELECT a.id, a.store_id, m.store_id AS member_store_id, a.balance, a.held AS told_held, coalesce(s.left_sum, 0) AS left_sum,
           coalesce(s.entry_sum, 0) AS entry_sum, coalesce(s.held, 0) AS held, coalesce(e.balance_after, 0) AS last_balance
    FROM members_creditaccount a
    LEFT JOIN members_member m ON m.id = a.member_id
    LEFT JOIN lot_sums s ON s.account_id = a.id
    LEFT JOIN members_creditentry e ON e.id = s.last_id
), difference AS (
    SELECT 'account' AS what, id, 'balance_is_sum_of_entries' AS rule, balance AS told, entry_sum AS proved FROM account WHERE balance <> entry_sum
    UNION ALL
    SELECT 'account', id, 'balance_is_sum_of_lots', balance, left_sum FROM account WHERE balance <> left_sum
    UNION ALL
    SELECT 'account', id, 'balance_is_balance_after_last_entry', balance, last_balance FROM account WHERE balance <> last_balance
    UNION ALL
    SELECT 'account', id, 'held_is_what_holds_took', told_held, held FROM account WHERE told_held <> held
    UNION ALL
    SELECT 'account', id, 'store_is_the_members', store_id, member_store_id FROM account WHERE store_id IS DISTINCT FROM member_store_id
    UNION ALL
    SELECT 'lot', id, 'principal_left_is_sum_of_entries', principal_left, principal FROM lot WHERE id IS NOT NULL AND principal_left <> principal
    UNION ALL
    SELECT 'lot', id, 'bonus_left_is_sum_of_entries', bonus_left, bonus FROM lot WHERE id IS NOT NULL AND bonus_left <> bonus
    UNION ALL
    SELECT 'lot', lot.id, 'store_is_the_accounts', lot.store_id, a.store_id
    FROM lot LEFT JOIN members_creditaccount a ON a.id = lot.account_id
    WHERE lot.id IS NOT NULL AND lot.store_id IS DISTINCT FROM a.store_id
    UNION ALL
    SELECT 'lot', id, 'entries_name_the_lots_account', account_id, CASE WHEN entry_account_id <> account_id THEN entry_account_id ELSE other_account_id END
    FROM lot WHERE id IS NOT NULL AND lot_id IS NOT NULL AND (entry_account_id <> account_id OR other_account_id <> account_id)
    UNION ALL
    SELECT 'lot', id, 'entries_name_the_lots_store', store_id, CASE WHEN entry_store_id <> store_id THEN entry_store_id ELSE other_store_id END
    FROM lot WHERE id IS NOT NULL AND lot_id IS NOT NULL AND (entry_store_id <> store_id OR other_store_id <> store_id)
    UNION ALL
    SELECT 'entry', last_id, 'lot_exists', lot_id, NULL FROM lot WHERE id IS NULL
    UNION ALL
    SELECT 'entry', e.id, 'parts_of_a_key_follow_each_other', e.seq, NULL
    FROM members_creditentry e
    LEFT JOIN members_creditentry before
        ON before.store_id = e.store_id AND before.idempotency_key = e.idempotency_key AND before.seq = e.seq - 1 AND before.body_hash = e.body_hash
    WHERE e.seq <> 1 AND before.id IS NULL
)
SELECT what, id, rule, told, proved, count(*) OVER () AS difference_count
FROM difference
ORDER BY what, id, rule
LIMIT %(limit)s
