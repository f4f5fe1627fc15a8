-- New stores, open. Parameters: now.
INSERT INTO tenancy_store (merchant_id, code, name, category, status, gateway_url, gateway_secret, marketing_consent_default, created_at)
SELECT m.id, r.store, r.name, coalesce(r.category, ''), 'OPEN', coalesce(r.gateway_url, ''), r.gateway_secret, true, %(now)s
FROM import_rows r
JOIN tenancy_merchant m ON m.code = r.merchant
WHERE r.action = 'create'
ORDER BY r.store
