-- The new lots with their ids, and the account's balance after each, in the order of the file.
CREATE TEMP TABLE import_lots ON COMMIT DROP AS
SELECT nextval(pg_get_serial_sequence('members_creditlot', 'id')) AS id, a.id AS lot_account_id, r.*,
       a.balance + sum(r.principal_amount + r.bonus_amount) OVER (PARTITION BY a.id ORDER BY r.line ROWS UNBOUNDED PRECEDING) AS balance_after
FROM import_rows r
JOIN import_accounts a ON a.member_id = r.member_id
WHERE r.action = 'create'
