-- Lock the accounts that are there, in order of their ids like every writer of credit; the balance is read after the lock was given.
CREATE TEMP TABLE import_accounts ON COMMIT DROP AS
SELECT id, member_id, balance
FROM members_creditaccount
WHERE id IN (SELECT account_id FROM import_rows WHERE action = 'create')
ORDER BY id
FOR UPDATE
