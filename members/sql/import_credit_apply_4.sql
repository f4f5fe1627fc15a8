-- The lots, and with them one TOP_UP entry each; entries in the order of the file, so that an account's last one tells its balance.
-- Parameters: by. Unique keys (store, source_no) and (store, idempotency key) refuse what somebody else booked meanwhile; the file is applied again.
WITH lots AS (
    INSERT INTO members_creditlot (id, store_id, account_id, source_no, principal_amount, bonus_amount, principal_left, bonus_left, opened_at, expires_at)
    SELECT id, store_id, lot_account_id, source_no, principal_amount, bonus_amount, principal_amount, bonus_amount, opened_at, expires_at
    FROM import_lots
    ORDER BY store_id, source_no
)
INSERT INTO members_creditentry (
    store_id, account_id, lot_id, kind, principal_amount, bonus_amount, balance_after,
    idempotency_key, seq, body_hash, order_no, actor_id, reason, happened_at
)
SELECT store_id, lot_account_id, id, 'TOP_UP', principal_amount, bonus_amount, balance_after, 'topup:' || source_no, 1,
       sha256(convert_to(concat_ws('|', 'TOP_UP', lot_account_id, source_no, principal_amount, bonus_amount,
                                   extract(epoch FROM opened_at), extract(epoch FROM expires_at)), 'UTF8')),
       '', %(by)s, '', opened_at
FROM import_lots
ORDER BY line
