-- Movements of stores in a span of time, for accountants: per store its opening balance (id 0) and then every entry, in order of business time.
-- One statement, so that opening balance and entries are of one moment whatever is booked meanwhile.
--
-- Parameters: stores (ids), after (first instant of the span), until (first instant after it).
-- held: what the entry puts aside (plus) or sets free or makes final (minus); it is in no lot.
SELECT store_id, happened_at, id, kind, member_no, source_no, order_no, line_no, principal, bonus, held, captured_principal, captured_bonus, actor_id, reason
FROM (
    SELECT s.id AS store_id, NULL::timestamptz AS happened_at, 0::bigint AS id, 'OPENING' AS kind, '' AS member_no, '' AS source_no, '' AS order_no,
           NULL::integer AS line_no, coalesce(sum(e.principal_amount), 0)::numeric(20, 2) AS principal, coalesce(sum(e.bonus_amount), 0)::numeric(20, 2) AS bonus,
           coalesce(-sum(e.principal_amount + e.bonus_amount + coalesce(e.captured_principal + e.captured_bonus, 0))
               FILTER (WHERE e.kind IN ('HOLD', 'RELEASE', 'CAPTURE')), 0)::numeric(20, 2) AS held,
           NULL::numeric AS captured_principal, NULL::numeric AS captured_bonus, NULL::bigint AS actor_id, '' AS reason
    FROM unnest(%(stores)s::bigint[]) AS s (id)
    LEFT JOIN members_creditentry e ON e.store_id = s.id AND e.happened_at < %(after)s
    GROUP BY s.id
    UNION ALL
    SELECT e.store_id, e.happened_at, e.id, e.kind, coalesce(m.member_no, ''), coalesce(l.source_no, ''), e.order_no, e.line_no, e.principal_amount, e.bonus_amount,
           CASE WHEN e.kind IN ('HOLD', 'RELEASE', 'CAPTURE')
               THEN -(e.principal_amount + e.bonus_amount + coalesce(e.captured_principal + e.captured_bonus, 0)) ELSE 0 END,
           e.captured_principal, e.captured_bonus, e.actor_id, e.reason
    FROM members_creditentry e
    LEFT JOIN members_creditlot l ON l.id = e.lot_id
    LEFT JOIN members_creditaccount a ON a.id = e.account_id
    LEFT JOIN members_member m ON m.id = a.member_id
    WHERE e.store_id = ANY(%(stores)s) AND e.happened_at >= %(after)s AND e.happened_at < %(until)s
) AS movement
ORDER BY store_id, happened_at NULLS FIRST, id
