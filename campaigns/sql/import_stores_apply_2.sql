-- Merchants with another name.
UPDATE tenancy_merchant m
SET name = r.merchant_name
FROM (SELECT DISTINCT merchant_id, merchant_name FROM import_rows WHERE action IN ('create', 'update') AND merchant_changes) r
WHERE m.id = r.merchant_id
