-- Pairs issues that wait for a coupon code with free codes of their store's list, in order. Codes that somebody else is giving are left alone.
WITH waiting AS MATERIALIZED (
    SELECT i.id, i.store_id, i.benefit_id FROM paid_benefitissue i
    WHERE i.id = ANY(%(issues)s) AND i.status = 'FAILED'
    ORDER BY i.id
    FOR NO KEY UPDATE SKIP LOCKED
), wanting AS (
    SELECT w.id, w.store_id, b.code_pool AS pool, CASE b.expiry WHEN 'DAYS' THEN b.expiry_days END AS expiry_days,
           row_number() OVER (PARTITION BY w.store_id, b.code_pool ORDER BY w.id) AS place
    FROM waiting w JOIN paid_benefit b ON b.id = w.benefit_id
), free AS MATERIALIZED (
    SELECT c.id, c.code, p.store_id, p.pool, row_number() OVER (PARTITION BY p.store_id, p.pool ORDER BY c.id) AS place
    FROM (SELECT store_id, pool, count(*) AS wanted FROM wanting GROUP BY store_id, pool) p
    CROSS JOIN LATERAL (
        SELECT id, code FROM paid_couponcode WHERE store_id = p.store_id AND pool = p.pool AND issue_id IS NULL
        ORDER BY id LIMIT p.wanted FOR UPDATE SKIP LOCKED
    ) c
), paired AS (
    SELECT wanting.id AS issue_id, wanting.expiry_days, free.id AS code_id, free.code FROM wanting JOIN free USING (store_id, pool, place)
), taken AS (
    UPDATE paid_couponcode c SET issue_id = paired.issue_id FROM paired WHERE c.id = paired.code_id
), given AS (
    UPDATE paid_benefitissue i
    SET status = 'ISSUED', issued_at = %(now)s, code = paired.code, failure = '', retry_at = NULL,
        -- The days of a code count from the day on which it is given.
        expires_on = CASE WHEN paired.expiry_days IS NULL THEN i.expires_on ELSE %(today)s::date + paired.expiry_days END
    FROM paired WHERE i.id = paired.issue_id
    RETURNING i.id
), postponed AS (
    UPDATE paid_benefitissue i SET retry_at = %(retry_at)s
    FROM waiting WHERE i.id = waiting.id AND NOT EXISTS (SELECT FROM paired WHERE paired.issue_id = i.id)
)
SELECT count(*) AS given FROM given
