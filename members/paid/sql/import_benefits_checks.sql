-- Rows of a benefits file that cannot be applied. Read by the import engine: (line, column_name, code).
WITH placed AS (
    SELECT c.*, g.id AS program_id, o.status AS open_status,
           EXISTS (
               SELECT 1 FROM tenancy_merchantbar b JOIN tenancy_store s ON s.merchant_id = b.merchant_id WHERE s.id = c.store_id AND b.ended_at IS NULL
           ) AS is_barred,
           coalesce(o.id, g.pack_id, (SELECT p.id FROM paid_benefitpack p WHERE p.program_id = g.id ORDER BY p.version DESC LIMIT 1)) AS pack_id
    FROM import_checked c
    LEFT JOIN paid_paidprogram g ON g.store_id = c.store_id AND g.name = c.program AND g.status NOT IN ('CLOSED', 'REVOKED')
    LEFT JOIN paid_benefitpack o ON o.program_id = g.id AND o.status IN ('DRAFT', 'IN_REVIEW', 'CHANGES_REQUESTED')
    WHERE NOT c.is_bad
)
SELECT line, fault ->> 'column' AS column_name, fault ->> 'code' AS code
FROM placed CROSS JOIN LATERAL jsonb_array_elements(faults) AS fault
UNION ALL
SELECT line, 'program', 'benefit_program_unknown' FROM placed WHERE program_id IS NULL
UNION ALL
SELECT line, 'program', 'benefit_pack_in_review' FROM placed WHERE open_status = 'IN_REVIEW'
UNION ALL
SELECT line, 'program', 'benefit_merchant_barred' FROM placed WHERE is_barred
UNION ALL
SELECT line, 'key', 'benefits_too_many'
FROM (
    SELECT p.line, p.pack_id, row_number() OVER (PARTITION BY p.pack_id ORDER BY p.line) AS place
    FROM placed p
    WHERE p.pack_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM paid_benefit b WHERE b.pack_id = p.pack_id AND b.key = p.key)
) fresh
WHERE (SELECT count(*) FROM paid_benefit b WHERE b.pack_id = fresh.pack_id) + fresh.place > 30
