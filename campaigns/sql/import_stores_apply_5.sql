-- The new period, until further notice or until the next one that is planned. Parameters: today.
INSERT INTO tenancy_merchanttier (merchant_id, tier, valid_from, valid_to)
SELECT m.id, r.tier, %(today)s, (SELECT min(next.valid_from) FROM tenancy_merchanttier next WHERE next.merchant_id = m.id AND next.valid_from > %(today)s)
FROM (SELECT DISTINCT merchant, tier FROM import_rows WHERE action IN ('create', 'update') AND tier_changes) r
JOIN tenancy_merchant m ON m.code = r.merchant
WHERE NOT EXISTS (SELECT 1 FROM tenancy_merchanttier t WHERE t.merchant_id = m.id AND t.valid_from = %(today)s)
ORDER BY m.id
