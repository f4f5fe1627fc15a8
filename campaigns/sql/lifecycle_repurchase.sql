-- Purpose: members of a span whose last order lies at least N local days back; parameters store, after, upto, before timestamptz, zone, epoch.
-- ``before`` is the first instant after the local day today - N. Rerunnable: it reads. Index: the members' primary key.
SELECT member.id AS member_id, member.store_id, member.person_id, member.language, ordered.day - %(epoch)s::date AS ref,
       jsonb_build_object('last_order_on', ordered.day) AS params
  FROM members_member AS member
  JOIN members_purchasesummary AS purchases ON purchases.member_id = member.id
 CROSS JOIN LATERAL (SELECT (purchases.last_purchase_at AT TIME ZONE %(zone)s)::date AS day) AS ordered
 WHERE member.store_id = %(store)s AND member.id > %(after)s AND member.id <= %(upto)s AND member.status = 'ACTIVE' AND member.marketing_consent
   AND purchases.last_purchase_at < %(before)s
