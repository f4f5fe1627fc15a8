-- A row if something that was checked before the locks is no longer so. One statement, so that it sees what is committed now.
SELECT 1
FROM import_rows r
JOIN members_member m ON m.id = r.member_id
JOIN paid_paidprogram p ON p.id = r.program_id
JOIN tenancy_store s ON s.id = r.store_id
WHERE r.action = 'create'
  AND (m.status <> 'ACTIVE' OR p.status <> 'LIVE' OR p.pack_id <> r.pack_id
       OR EXISTS (SELECT FROM tenancy_merchantbar bar WHERE bar.merchant_id = s.merchant_id AND bar.ended_at IS NULL)
       OR EXISTS (SELECT FROM paid_paidmembership t WHERE t.store_id = r.store_id AND t.order_no = r.order_no)
       OR EXISTS (SELECT FROM paid_paidmembership t WHERE t.member_id = r.member_id AND t.starts_on < r.ends_on AND t.ends_on > r.starts_on)
       OR p.stock_limit < p.sold_count + (SELECT count(*) FROM import_rows o WHERE o.program_id = p.id AND o.action = 'create'))
LIMIT 1
