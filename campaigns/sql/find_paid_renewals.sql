-- Purpose: members whose paid term renews itself soon and who were not told yet: the notice that has to go before it.
-- Parameters: stores bigint[], local_day date, notice_days int (told so many days before at the latest), spare_days int (tried so many days earlier),
--   epoch date, room int (most cards), slot_holding text[].
-- Rerunnable: a card of the day, or an earlier one about the same end that went or may have gone, is not found again.
-- Indexes: program_live_of_store, paid_membership_ending, message_once_per_occasion.
-- Neither the store's switches nor the consent to marketing are asked: without the notice there is no renewal (ADR 0075).
SELECT member.store_id, member.person_id, member.id AS member_id, member.language, NULL::date AS last_sent_on, 'PAID_RENEWAL' AS scenario,
       about.occasion + (term.ends_on - %(local_day)s::date) AS occasion,
       jsonb_build_object('program', program.name, 'renews_on', term.ends_on, 'last_day', term.ends_on - 1, 'fee', pack.card_fee::text) AS params
  FROM paid_paidprogram AS program
  JOIN paid_benefitpack AS pack ON pack.id = program.pack_id
  JOIN tenancy_store AS store ON store.id = program.store_id
  JOIN paid_paidmembership AS term
    ON term.program_id = program.id
   AND term.ends_on BETWEEN %(local_day)s::date + %(notice_days)s AND %(local_day)s::date + %(notice_days)s + %(spare_days)s
   AND term.status = 'ACTIVE' AND term.starts_on <= %(local_day)s AND term.auto_renew_consent_at IS NOT NULL AND term.renewal_notice_at IS NULL
  JOIN members_member AS member ON member.id = term.member_id AND member.status = 'ACTIVE'
 CROSS JOIN LATERAL (SELECT term.id * 100000000 + (term.ends_on - %(epoch)s::date) * 1000 AS occasion) AS about
 WHERE program.store_id = ANY(%(stores)s) AND program.status = 'LIVE'
   AND NOT EXISTS (SELECT FROM tenancy_merchantbar AS bar WHERE bar.merchant_id = store.merchant_id AND bar.ended_at IS NULL)
   AND NOT EXISTS (SELECT FROM paid_paidmembership AS later WHERE later.member_id = term.member_id AND later.starts_on >= term.ends_on AND later.status = 'ACTIVE')
   AND NOT EXISTS (
       SELECT FROM campaigns_message AS earlier
        WHERE earlier.store_id = member.store_id AND earlier.scenario = 'PAID_RENEWAL' AND earlier.person_id = member.person_id
          AND earlier.occasion BETWEEN about.occasion AND about.occasion + 999
          AND (earlier.local_day = %(local_day)s
               -- Who took the consent back and gives it again is told again.
               OR earlier.decided_at >= term.auto_renew_consent_at AND earlier.status = ANY(%(slot_holding)s) AND NOT (earlier.status = 'PENDING' AND earlier.lease_token IS NULL AND NOT earlier.in_doubt)))
 ORDER BY term.ends_on, term.id
 LIMIT %(room)s
