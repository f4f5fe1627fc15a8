-- Each takes a place of its program's stock.
UPDATE paid_paidprogram p
SET sold_count = p.sold_count + sold.places
FROM (SELECT program_id, count(*) AS places FROM import_rows WHERE action = 'create' GROUP BY program_id) sold
WHERE p.id = sold.program_id
