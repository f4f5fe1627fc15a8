-- Stores that are there; a blank keeps what they have.
UPDATE tenancy_store s
SET name = r.name, category = coalesce(r.category, s.category), gateway_url = coalesce(r.gateway_url, s.gateway_url),
    gateway_secret = CASE WHEN r.secret_changes THEN r.gateway_secret ELSE s.gateway_secret END
FROM import_rows r
WHERE r.action = 'update' AND r.store_changes AND s.id = r.store_id
