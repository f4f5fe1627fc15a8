-- Purpose: members whose paid term ends soon, is not followed by another one and will not renew itself.
-- Parameters: stores bigint[], local_day date, ending_days int, notice_days int, epoch date, room int (most cards), slot_holding text[].
-- Rerunnable: a card of the day, or an earlier one about the same end that went or may have gone, is not found again.
-- Indexes: program_live_of_store, paid_membership_ending, message_once_per_occasion.
-- A term that agreed to renew is left to the notice while that may still go; once it is too late for it, the term just ends and this card says so.
SELECT member.store_id, member.person_id, member.id AS member_id, member.language, NULL::date AS last_sent_on, 'PAID_ENDING' AS scenario,
       about.occasion + (term.ends_on - %(local_day)s::date) AS occasion,
       jsonb_build_object('program', program.name, 'last_day', term.ends_on - 1) AS params
  FROM paid_paidprogram AS program
  JOIN tenancy_store AS store ON store.id = program.store_id
  JOIN campaigns_paidremindersetting AS setting ON setting.store_id = program.store_id AND setting.ending_on
  JOIN paid_paidmembership AS term
    ON term.program_id = program.id AND term.ends_on > %(local_day)s AND term.ends_on <= %(local_day)s::date + %(ending_days)s
   AND term.status = 'ACTIVE' AND term.starts_on <= %(local_day)s
   AND (term.auto_renew_consent_at IS NULL OR (term.renewal_notice_at IS NULL AND term.ends_on < %(local_day)s::date + %(notice_days)s))
  JOIN members_member AS member ON member.id = term.member_id AND member.status = 'ACTIVE' AND member.marketing_consent
 CROSS JOIN LATERAL (SELECT term.id * 100000000 + (term.ends_on - %(epoch)s::date) * 1000 AS occasion) AS about
 WHERE program.store_id = ANY(%(stores)s) AND program.status = 'LIVE'
   AND NOT EXISTS (SELECT FROM tenancy_merchantbar AS bar WHERE bar.merchant_id = store.merchant_id AND bar.ended_at IS NULL)
   AND NOT EXISTS (SELECT FROM paid_paidmembership AS later WHERE later.member_id = term.member_id AND later.starts_on >= term.ends_on AND later.status = 'ACTIVE')
   AND NOT EXISTS (
       SELECT FROM campaigns_message AS earlier
        WHERE earlier.store_id = member.store_id AND earlier.scenario = 'PAID_ENDING' AND earlier.person_id = member.person_id
          AND earlier.occasion BETWEEN about.occasion AND about.occasion + 999
          AND (earlier.local_day = %(local_day)s
               OR earlier.status = ANY(%(slot_holding)s) AND NOT (earlier.status = 'PENDING' AND earlier.lease_token IS NULL AND NOT earlier.in_doubt)))
 ORDER BY term.ends_on, term.id
 LIMIT %(room)s
