-- Purpose: members with gifts or coupons of a paid term that lapse soon, unused: one card a member, about the earliest day that was not told yet.
-- Parameters: stores bigint[], local_day date, benefit_days int, kinds text[] (benefits that are redeemed), epoch date, room int (most cards),
--   slot_holding text[].
-- Rerunnable: a card of the day, or an earlier one about the same day of lapse that went or may have gone, is not found again.
-- Indexes: benefit_issue_to_expire, primary keys, message_once_per_occasion.
-- Holders of a revoked program are reminded too: what they paid for stays theirs to the end.
SELECT DISTINCT ON (member.store_id, member.person_id)
       member.store_id, member.person_id, member.id AS member_id, member.language, NULL::date AS last_sent_on, 'BENEFIT_ENDING' AS scenario,
       about.occasion + (lapse.expires_on - %(local_day)s::date) AS occasion,
       jsonb_build_object('program', program.name, 'benefit', lapse.benefit, 'count', lapse.benefits, 'last_day', lapse.expires_on - 1) AS params
  FROM (SELECT issue.paid_membership_id, issue.expires_on, count(*) AS benefits,
               (array_agg(benefit.title ORDER BY benefit.value_amount DESC, issue.id))[1] AS benefit
          FROM paid_benefitissue AS issue
          JOIN paid_benefit AS benefit ON benefit.id = issue.benefit_id AND benefit.kind = ANY(%(kinds)s)
         WHERE issue.expires_on > %(local_day)s AND issue.expires_on <= %(local_day)s::date + %(benefit_days)s
           AND issue.status = 'ISSUED' AND issue.store_id = ANY(%(stores)s)
         GROUP BY issue.paid_membership_id, issue.expires_on) AS lapse
  JOIN paid_paidmembership AS term ON term.id = lapse.paid_membership_id
  JOIN paid_paidprogram AS program ON program.id = term.program_id
  JOIN campaigns_paidremindersetting AS setting ON setting.store_id = term.store_id AND setting.benefits_on
  JOIN members_member AS member ON member.id = term.member_id AND member.status = 'ACTIVE' AND member.marketing_consent
 CROSS JOIN LATERAL (SELECT term.id * 100000000 + (lapse.expires_on - %(epoch)s::date) * 1000 AS occasion) AS about
 WHERE NOT EXISTS (
       SELECT FROM campaigns_message AS earlier
        WHERE earlier.store_id = member.store_id AND earlier.scenario = 'BENEFIT_ENDING' AND earlier.person_id = member.person_id
          AND (earlier.occasion BETWEEN about.occasion AND about.occasion + 999
               AND earlier.status = ANY(%(slot_holding)s) AND NOT (earlier.status = 'PENDING' AND earlier.lease_token IS NULL AND NOT earlier.in_doubt)))
   AND NOT EXISTS (
       SELECT FROM campaigns_message AS today
        WHERE today.person_id = member.person_id AND today.local_day = %(local_day)s AND today.store_id = member.store_id
          AND today.scenario = 'BENEFIT_ENDING')
 ORDER BY member.store_id, member.person_id, lapse.expires_on, term.id
 LIMIT %(room)s
