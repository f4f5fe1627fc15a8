-- New rows whose term meets another one of the member, in the system or in the file. (line, column_name, code)
WITH term AS (
    SELECT c.line, m.id AS member_id, p.rank, c.opened_on AS starts_on,
           CASE WHEN c.last_day IS NOT NULL THEN c.last_day + 1
                WHEN k.term_unit = 'DAYS' THEN c.opened_on + k.term_days
                ELSE (c.opened_on + make_interval(months => CASE k.term_unit WHEN 'MONTH' THEN 1 WHEN 'QUARTER' THEN 3 ELSE 12 END))::date
           END AS ends_on
    FROM import_checked c
    JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
    JOIN paid_paidprogram p ON p.store_id = c.store_id AND p.name = c.program
    JOIN paid_benefitpack k ON k.id = p.pack_id
    WHERE NOT c.is_bad AND (c.last_day IS NULL OR c.last_day >= c.opened_on)
      AND NOT EXISTS (SELECT FROM paid_paidmembership t WHERE t.store_id = c.store_id AND t.order_no = c.order_no)
)
SELECT DISTINCT ON (term.line) term.line, 'opened_on' AS column_name, CASE WHEN held.rank > term.rank THEN 'member_holds_higher' ELSE 'terms_overlap' END AS code
FROM term
JOIN LATERAL (
    SELECT p.rank FROM paid_paidmembership t JOIN paid_paidprogram p ON p.id = t.program_id
    WHERE t.member_id = term.member_id AND t.starts_on < term.ends_on AND t.ends_on > term.starts_on
    ORDER BY p.rank DESC LIMIT 1
) held ON true
UNION ALL
SELECT term.line, 'opened_on', 'terms_overlap_in_file'
FROM term
WHERE EXISTS (
    SELECT FROM term other
    WHERE other.member_id = term.member_id AND other.line <> term.line AND other.starts_on < term.ends_on AND other.ends_on > term.starts_on
)
