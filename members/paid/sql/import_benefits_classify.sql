-- What each good row of a benefits file would do to the program's draft, or to the copy of the pack in force that becomes it.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT c.line, c.key, c.kind, c.cleaned, g.id AS program_id,
       CASE
           WHEN b.id IS NULL THEN 'create'
           WHEN b.kind <> c.kind THEN 'conflict'
           WHEN jsonb_build_object(
               'title', b.title, 'description', b.description, 'schedule', b.schedule, 'every_days', b.every_days, 'on_date', b.on_date,
               'expiry', b.expiry, 'expiry_days', b.expiry_days, 'value_amount', b.value_amount::text, 'cost_amount', b.cost_amount::text,
               'code_pool', b.code_pool, 'deadline_days', b.deadline_days, 'settings', b.settings
           ) = c.cleaned THEN 'unchanged'
           ELSE 'update'
       END AS action
FROM import_checked c
JOIN paid_paidprogram g ON g.store_id = c.store_id AND g.name = c.program AND g.status NOT IN ('CLOSED', 'REVOKED')
LEFT JOIN paid_benefitpack o ON o.program_id = g.id AND o.status IN ('DRAFT', 'CHANGES_REQUESTED')
LEFT JOIN paid_benefit b ON b.key = c.key AND b.pack_id = coalesce(
    o.id, g.pack_id, (SELECT p.id FROM paid_benefitpack p WHERE p.program_id = g.id ORDER BY p.version DESC LIMIT 1))
WHERE NOT c.is_bad
