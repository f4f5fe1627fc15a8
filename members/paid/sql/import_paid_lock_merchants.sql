-- In share mode, as require_no_bar does: a sanction waits for the file, or the file for the sanction.
SELECT id FROM tenancy_merchant
WHERE id IN (SELECT s.merchant_id FROM import_rows r JOIN tenancy_store s ON s.id = r.store_id WHERE r.action = 'create')
ORDER BY id FOR SHARE
