-- Another tier holds from today. A period that began today never held for a whole day: it takes the new tier. Parameters: today.
UPDATE tenancy_merchanttier t
SET tier = r.tier
FROM (SELECT DISTINCT merchant_id, tier FROM import_rows WHERE action IN ('create', 'update') AND tier_changes) r
WHERE t.merchant_id = r.merchant_id AND t.valid_from = %(today)s
