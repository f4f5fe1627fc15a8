-- Purpose: paid terms whose notice of renewal was handed over and that do not know it yet, with the moment.
-- Parameters: local_day date, longest_days int (a notice goes so many days before the end at most), epoch date.
-- Rerunnable: it changes nothing.
-- Indexes: paid_membership_ending by program, message_once_per_occasion.
SELECT term.id, told.sent_at
  FROM paid_paidprogram AS program
  JOIN paid_benefitpack AS pack ON pack.id = program.pack_id
  JOIN paid_paidmembership AS term
    ON term.program_id = program.id AND term.ends_on > %(local_day)s AND term.ends_on <= %(local_day)s::date + %(longest_days)s
   AND term.auto_renew_consent_at IS NOT NULL AND term.renewal_notice_at IS NULL
  JOIN members_member AS member ON member.id = term.member_id
 CROSS JOIN LATERAL (SELECT term.id * 100000000 + (term.ends_on - %(epoch)s::date) * 1000 AS occasion) AS about
 CROSS JOIN LATERAL (
       SELECT min(message.sent_at) AS sent_at FROM campaigns_message AS message
        WHERE message.store_id = term.store_id AND message.scenario = 'PAID_RENEWAL' AND message.person_id = member.person_id
          AND message.occasion BETWEEN about.occasion AND about.occasion + 999 AND message.status = 'SENT'
          -- A pack approved after the card was written may have another fee than it told.
          AND message.decided_at >= pack.decided_at
          AND message.sent_at >= term.auto_renew_consent_at) AS told
 WHERE program.live_at IS NOT NULL AND told.sent_at IS NOT NULL
 ORDER BY term.id
