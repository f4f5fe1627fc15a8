-- Purpose: set members' 30-day clocks to the last periodic card that still counts, after one of unknown outcome turned out not to have arrived.
-- Parameters: members bigint[], periodic text[].
-- Rerunnable: yes.
-- Index: primary key of member and clock, message_of_person_and_day.
WITH counted AS (
    SELECT member.id AS member_id,
           (SELECT max(message.local_day)
              FROM campaigns_message AS message
             WHERE message.person_id = member.person_id AND message.store_id = member.store_id AND message.member_id = member.id
               AND message.scenario = ANY(%(periodic)s) AND message.status IN ('SENT', 'UNKNOWN')) AS last_sent_on
      FROM members_member AS member
     WHERE member.id = ANY(%(members)s)
), forgotten AS (
    DELETE FROM campaigns_reminderclock AS clock USING counted
     WHERE clock.member_id = counted.member_id AND counted.last_sent_on IS NULL
)
UPDATE campaigns_reminderclock AS clock
   SET last_sent_on = counted.last_sent_on
  FROM counted
 WHERE clock.member_id = counted.member_id AND counted.last_sent_on IS NOT NULL
