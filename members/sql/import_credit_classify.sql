-- What each good row of a top-up file would do. Parameters: now.
-- A known top-up number with the same member and amounts is unchanged (its dates stay, whatever the file says), with others a conflict.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT c.line, c.store_id, m.id AS member_id, a.id AS account_id, c.source_no, c.principal_amount,
       coalesce(c.bonus_amount, 0)::numeric(14, 2) AS bonus_amount, coalesce(c.opened_at, %(now)s) AS opened_at, c.expires_at,
       CASE
           WHEN l.id IS NULL THEN 'create'
           WHEN l.account_id IS NOT DISTINCT FROM a.id AND l.principal_amount = c.principal_amount AND l.bonus_amount = coalesce(c.bonus_amount, 0)
               THEN 'unchanged'
           ELSE 'conflict'
       END AS action,
       l.opened_at <> c.opened_at OR l.expires_at IS DISTINCT FROM c.expires_at AS other_dates
FROM import_checked c
JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
LEFT JOIN members_creditaccount a ON a.member_id = m.id
LEFT JOIN members_creditlot l ON l.store_id = c.store_id AND l.source_no = c.source_no
WHERE NOT c.is_bad
