-- Purpose: members of a span who joined at least N local days ago and have no order; parameters store, after, upto, before timestamptz, zone, epoch.
-- ``before`` is the first instant after the local day today - N. Rerunnable: it reads. Index: the members' primary key.
SELECT member.id AS member_id, member.store_id, member.person_id, member.language, joined.day - %(epoch)s::date AS ref,
       jsonb_build_object('joined_on', joined.day) AS params
  FROM members_member AS member
  LEFT JOIN members_purchasesummary AS purchases ON purchases.member_id = member.id
 CROSS JOIN LATERAL (SELECT (member.joined_at AT TIME ZONE %(zone)s)::date AS day) AS joined
 WHERE member.store_id = %(store)s AND member.id > %(after)s AND member.id <= %(upto)s AND member.status = 'ACTIVE' AND member.marketing_consent
   AND member.joined_at < %(before)s AND purchases.last_purchase_at IS NULL
