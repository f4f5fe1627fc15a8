-- Purpose: members of a span whose last visit or order lies at least N local days back; who never came counts from joining. A visit is an event of the
--   store, or the last time that the push account saw its fan. Parameters: store, after, upto, before timestamptz, zone, epoch.
-- ``before`` is the first instant after the local day today - N. Rerunnable: it reads. Indexes: the members' primary key, event_of_person.
SELECT member.id AS member_id, member.store_id, member.person_id, member.language, seen.day - %(epoch)s::date AS ref,
       jsonb_build_object('last_seen_on', seen.day) AS params
  FROM members_member AS member
  LEFT JOIN members_purchasesummary AS purchases ON purchases.member_id = member.id
  LEFT JOIN members_fan AS fan ON fan.store_id = member.store_id AND fan.person_id = member.person_id
  LEFT JOIN LATERAL (
       SELECT event.occurred_at FROM members_event AS event
        WHERE event.person_id = member.person_id AND event.store_id = member.store_id
        ORDER BY event.occurred_at DESC
        LIMIT 1) AS visit ON TRUE
 CROSS JOIN LATERAL (
       SELECT (greatest(member.joined_at, purchases.last_purchase_at, fan.last_seen_at, visit.occurred_at) AT TIME ZONE %(zone)s)::date AS day) AS seen
 WHERE member.store_id = %(store)s AND member.id > %(after)s AND member.id <= %(upto)s AND member.status = 'ACTIVE' AND member.marketing_consent
   AND member.joined_at < %(before)s AND coalesce(purchases.last_purchase_at < %(before)s, TRUE) AND coalesce(fan.last_seen_at < %(before)s, TRUE)
   AND coalesce(visit.occurred_at < %(before)s, TRUE)
