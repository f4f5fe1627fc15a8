-- Issues whose last day has passed. One that never came about ends with its term, not before; a promise that is still owed does not expire.
WITH over AS MATERIALIZED (
    SELECT i.id FROM paid_benefitissue i
    WHERE i.expires_on <= %(today)s AND i.status IN ('ISSUED', 'FAILED')
      AND (i.status = 'ISSUED' OR EXISTS (SELECT FROM paid_paidmembership m WHERE m.id = i.paid_membership_id AND m.ends_on <= %(today)s))
      AND NOT EXISTS (SELECT FROM paid_fulfilment f WHERE f.issue_id = i.id AND f.status = 'DUE')
    ORDER BY i.id
    LIMIT %(most)s
    FOR NO KEY UPDATE SKIP LOCKED
), expired AS (
    UPDATE paid_benefitissue i SET status = 'EXPIRED', ended_at = %(now)s, retry_at = NULL FROM over WHERE i.id = over.id RETURNING i.id
)
SELECT count(*) AS expired FROM expired
