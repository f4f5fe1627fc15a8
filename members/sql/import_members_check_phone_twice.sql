-- One phone on several rows of one store: nobody knows whose it is.
SELECT c.line, 'phone', 'phone_twice'
FROM import_checked c
JOIN (
    SELECT store_id, phone_hash FROM import_checked WHERE NOT is_bad AND phone_hash IS NOT NULL GROUP BY store_id, phone_hash HAVING count(*) > 1
) twice USING (store_id, phone_hash)
WHERE NOT c.is_bad
