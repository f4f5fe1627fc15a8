-- New rows for which the program's stock does not reach, the later ones of the file. (line, column_name, code)
SELECT line, 'program' AS column_name, 'stock_is_gone' AS code
FROM (
    SELECT c.line, p.stock_limit, p.sold_count + row_number() OVER (PARTITION BY p.id ORDER BY c.line) AS would_be
    FROM import_checked c
    JOIN paid_paidprogram p ON p.store_id = c.store_id AND p.name = c.program AND p.stock_limit IS NOT NULL
    WHERE NOT c.is_bad AND NOT EXISTS (SELECT FROM paid_paidmembership t WHERE t.store_id = c.store_id AND t.order_no = c.order_no)
) counted
WHERE would_be > stock_limit
