-- The running period of another tier ends today: periods are half-open, so today is the first day on which it no longer holds. Parameters: today.
UPDATE tenancy_merchanttier t
SET valid_to = %(today)s
FROM (SELECT DISTINCT merchant_id, tier FROM import_rows WHERE action IN ('create', 'update') AND tier_changes) r
WHERE t.merchant_id = r.merchant_id AND t.tier <> r.tier AND t.valid_from < %(today)s AND (t.valid_to IS NULL OR t.valid_to > %(today)s)
