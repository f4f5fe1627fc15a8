-- One chunk of the issue engine. Locks paid memberships of a range of ids whose next day of issue has come, writes every issue from that day to today that lies
-- inside the term, and sets the next day. Days before next_issue_on were looked at by earlier runs. A month after the 31st is the last day of
-- a shorter month: PostgreSQL cuts anchor + n months one by one, as members.paid.terms.add_months does; a test compares the two.
WITH due AS MATERIALIZED (
    SELECT id, store_id, member_id, pack_id, is_renewal, opened_at, anchor_on, starts_on, ends_on, months_before, next_issue_on AS since,
           (extract(year FROM anchor_on) * 12 + extract(month FROM anchor_on))::int + months_before AS first_month,
           least(%(today)s::date, ends_on - 1) AS until
    FROM paid_paidmembership
    WHERE id BETWEEN %(first)s AND %(last)s AND next_issue_on <= %(today)s AND status = 'ACTIVE'
    ORDER BY id
    FOR NO KEY UPDATE SKIP LOCKED
), given AS MATERIALIZED (
    SELECT r.pack_id, r.from_on, b.id AS benefit_id, b.kind, b.schedule, b.every_days, b.on_date, b.disabled_at, b.code_pool, b.deadline_days,
           b.kind IN ('EARLY_ACCESS', 'STORE_DISCOUNT', 'ITEM_DISCOUNT') AS is_standing,
           CASE b.expiry WHEN 'DAYS' THEN b.expiry_days END AS expiry_days
    FROM paid_packreach r JOIN paid_benefit b ON b.id = r.benefit_id
    WHERE r.pack_id IN (SELECT pack_id FROM due)
), reached AS (
    -- Who bought after a benefit was switched off does not get it; who bought before keeps it.
    SELECT due.*, given.from_on, given.benefit_id, given.kind, given.schedule, given.every_days, given.on_date, given.code_pool, given.deadline_days,
           given.is_standing,
           given.expiry_days, greatest(due.since, due.starts_on, given.from_on) AS lower, greatest(%(today)s::date + 1, due.starts_on, given.from_on) AS later
    FROM due JOIN given ON given.pack_id = due.pack_id
    WHERE given.disabled_at IS NULL OR given.disabled_at > due.opened_at
), planned AS (
    SELECT reached.*, days.period, days.day
    FROM reached CROSS JOIN LATERAL (
        -- At once: on the opening day; at a renewal that follows on only a standing right, which ended with the term before; an addition of a later
        -- pack on the day from which it holds.
        SELECT 0 AS period, greatest(starts_on, from_on) AS day
        WHERE schedule = 'AT_ONCE' AND (NOT is_renewal OR is_standing OR from_on >= starts_on)
        UNION ALL
        SELECT 0, on_date WHERE schedule = 'ON_DATE'
        UNION ALL
        SELECT n, starts_on + every_days * n
        FROM generate_series((lower - starts_on + every_days - 1) / every_days, (until - starts_on) / every_days) n
        WHERE schedule = 'EVERY_N_DAYS'
        UNION ALL
        SELECT n, (anchor_on + make_interval(months => months_before + n))::date
        FROM generate_series(
            (extract(year FROM lower) * 12 + extract(month FROM lower))::int - first_month,
            (extract(year FROM until) * 12 + extract(month FROM until))::int - first_month
        ) n
        WHERE schedule = 'MONTHLY'
    ) days
    WHERE days.day BETWEEN lower AND until
), issued AS (
    INSERT INTO paid_benefitissue (
        store_id, paid_membership_id, member_id, benefit_id, period, due_on, issued_at, expires_on, status, code, used_reference, failure, retry_at
    )
    SELECT store_id, id, member_id, benefit_id, period, day, CASE WHEN code_pool = '' THEN %(now)s::timestamptz END,
           CASE WHEN expiry_days IS NULL THEN ends_on ELSE %(today)s::date + expiry_days END,
           -- A benefit with codes is issued by the statement that gives it one.
           CASE WHEN code_pool = '' THEN 'ISSUED' ELSE 'FAILED' END, '', '', CASE WHEN code_pool = '' THEN '' ELSE 'no_code_left' END,
           CASE WHEN code_pool <> '' THEN %(now)s::timestamptz END
    FROM planned
    ON CONFLICT (paid_membership_id, benefit_id, period) DO NOTHING
    RETURNING id, store_id, benefit_id, due_on, status
), promised AS (
    INSERT INTO paid_fulfilment (issue_id, store_id, status, deliver_by, evidence)
    SELECT i.id, i.store_id, 'DUE', i.due_on + coalesce(g.deadline_days, %(late_after)s), ''
    FROM issued i JOIN (SELECT DISTINCT benefit_id, deadline_days FROM given WHERE kind = 'CUSTOM') g USING (benefit_id)
), coming AS (
    SELECT id, min(day) AS day
    FROM (
        SELECT id, ends_on, later, CASE schedule
            WHEN 'AT_ONCE' THEN CASE WHEN NOT is_renewal OR is_standing OR from_on >= starts_on THEN greatest(starts_on, from_on) END
            WHEN 'ON_DATE' THEN on_date
            WHEN 'EVERY_N_DAYS' THEN starts_on + (later - starts_on + every_days - 1) / every_days * every_days
            ELSE CASE
                WHEN (anchor_on + make_interval(months => months_before + to_later))::date >= later
                    THEN (anchor_on + make_interval(months => months_before + to_later))::date
                ELSE (anchor_on + make_interval(months => months_before + to_later + 1))::date
            END
        END AS day
        FROM (SELECT *, (extract(year FROM later) * 12 + extract(month FROM later))::int - first_month AS to_later FROM reached) r
    ) each
    WHERE day >= later AND day < ends_on
    GROUP BY id
), moved AS (
    UPDATE paid_paidmembership m SET next_issue_on = coming.day
    FROM due LEFT JOIN coming ON coming.id = due.id
    WHERE m.id = due.id
    RETURNING m.id
)
SELECT (SELECT count(*) FROM moved) AS memberships, (SELECT count(*) FROM issued) AS issues,
       (SELECT coalesce(array_agg(id), '{}') FROM issued WHERE status = 'FAILED') AS wanting
