-- What each good row of an orders file would do. The member number decides who bought; without one the identity does, and a person
-- nobody knows yet (person_id NULL) is made when the file is applied. A known line only ever takes a refund that grew. An order that was told
-- as a payment has the lines that it was told with, and no others.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT r.*,
       CASE
           WHEN r.differs THEN 'conflict'
           WHEN r.order_line_id IS NULL THEN 'create'
           WHEN r.refunded_amount < r.stored_refund THEN 'conflict'
           WHEN r.refunded_amount > r.stored_refund THEN 'update'
           ELSE 'unchanged'
       END AS action
FROM (
    SELECT c.line, c.store_id, c.order_no, coalesce(c.line_no, 1) AS line_no, c.identity_code, c.identity_hash, c.identity_masked,
           coalesce(m.id, buyer.id) AS member_id, coalesce(m.person_id, i.person_id) AS person_id,
           c.paid_at, c.amount, c.credit_used, c.refunded_amount, c.refunded_at,
           o.id AS order_line_id, o.refunded_amount AS stored_refund,
           CASE WHEN o.id IS NULL THEN p.id IS NOT NULL
                ELSE o.amount <> c.amount OR o.paid_at <> c.paid_at OR o.credit_used <> coalesce(c.credit_used, 0)
                     OR o.person_id IS DISTINCT FROM coalesce(m.person_id, i.person_id) END AS differs
    FROM import_checked c
    LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
    LEFT JOIN members_identity i ON m.id IS NULL AND i.kind_id = c.identity_code AND i.value_hash = c.identity_hash AND i.ended_at IS NULL
    LEFT JOIN members_member buyer ON buyer.store_id = c.store_id AND buyer.person_id = i.person_id
    LEFT JOIN members_orderline o ON o.store_id = c.store_id AND o.order_no = c.order_no AND o.line_no = coalesce(c.line_no, 1)
    LEFT JOIN members_payment p ON o.id IS NULL AND p.store_id = c.store_id AND p.order_no = c.order_no
    WHERE NOT c.is_bad
) r
