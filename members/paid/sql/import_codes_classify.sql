-- What each good row of a file of coupon codes would do. A code that is there stays, given or not; under another list it is a conflict.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT c.line, c.store_id, c.pool, c.code,
       CASE WHEN k.id IS NULL THEN 'create' WHEN k.pool = c.pool THEN 'unchanged' ELSE 'conflict' END AS action
FROM import_checked c
LEFT JOIN paid_couponcode k ON k.store_id = c.store_id AND k.code = c.code
WHERE NOT c.is_bad
