-- The new codes, in the order of the file: the first of a list is given first.
INSERT INTO paid_couponcode (store_id, pool, code)
SELECT store_id, pool, code FROM import_rows WHERE action = 'create' ORDER BY line
