-- Accounts that were there before: their balance grows once, by what the file brings.
UPDATE members_creditaccount a
SET balance = a.balance + t.amount
FROM (
    SELECT account_id, sum(principal_amount + bonus_amount) AS amount
    FROM import_lots
    WHERE account_id IS NOT NULL
    GROUP BY account_id
) t
WHERE a.id = t.account_id
