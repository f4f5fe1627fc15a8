-- Open the accounts that are missing, with the balance that they will have. Somebody else opening one at the same moment breaks
-- the unique member, and the file is applied again.
WITH opened AS (
    INSERT INTO members_creditaccount (store_id, member_id, balance, held)
    SELECT store_id, member_id, sum(principal_amount + bonus_amount), 0
    FROM import_rows
    WHERE action = 'create' AND account_id IS NULL
    GROUP BY store_id, member_id
    ORDER BY member_id
    RETURNING id, member_id
)
INSERT INTO import_accounts (id, member_id, balance) SELECT id, member_id, 0 FROM opened
