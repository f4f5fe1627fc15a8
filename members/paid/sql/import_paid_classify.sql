-- What each good row would do. The term of a new purchase is its own last day, or that of the program's pack from the opening day.
-- A known order with the same member, plan, opening day and price is unchanged, whatever became of it since; with others a conflict.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT c.line, c.store_id, m.id AS member_id, p.id AS program_id, k.id AS pack_id, c.order_no, coalesce(c.price, k.card_fee) AS price,
       c.opened_on AS starts_on,
       CASE WHEN c.last_day IS NOT NULL THEN c.last_day + 1
                WHEN k.term_unit = 'DAYS' THEN c.opened_on + k.term_days
                ELSE (c.opened_on + make_interval(months => CASE k.term_unit WHEN 'MONTH' THEN 1 WHEN 'QUARTER' THEN 3 ELSE 12 END))::date
           END AS ends_on,
       CASE
           WHEN t.id IS NULL THEN 'create'
           WHEN t.member_id = m.id AND t.program_id = p.id AND t.starts_on = c.opened_on AND (c.price IS NULL OR t.price = c.price)
                AND (c.last_day IS NULL OR t.bought_until = c.last_day + 1) THEN 'unchanged'
           ELSE 'conflict'
       END AS action
FROM import_checked c
JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
JOIN paid_paidprogram p ON p.store_id = c.store_id AND p.name = c.program
LEFT JOIN paid_benefitpack k ON k.id = p.pack_id
LEFT JOIN paid_paidmembership t ON t.store_id = c.store_id AND t.order_no = c.order_no
WHERE NOT c.is_bad
