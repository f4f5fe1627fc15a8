-- Purpose: of those who got a lifecycle message and of those held out, how many ordered within 14 days after the decision.
-- Parameters: stores bigint[] or null (all), first date, last date (days whose 14 days are over), lift interval. Rerunnable: it reads.
-- Indexes: message_lifecycle_day, order_line_of_member. An order refunded in full is none.
SELECT scenario, reason = 'held_out' AS held_out, count(*) AS people, count(*) FILTER (WHERE bought) AS buyers
  FROM (SELECT message.scenario, message.reason,
               EXISTS (SELECT FROM members_orderline AS line
                        WHERE line.member_id = message.member_id AND line.paid_at > message.decided_at
                          AND line.paid_at <= message.decided_at + %(lift)s AND line.refunded_amount < line.amount) AS bought
          FROM campaigns_message AS message
         WHERE message.scenario IN ('LEVEL_CHANGE', 'FIRST_PURCHASE', 'REPURCHASE', 'DORMANT')
           AND (message.status = 'SENT' OR message.reason = 'held_out')
           AND (%(stores)s::bigint[] IS NULL OR message.store_id = ANY(%(stores)s::bigint[])) AND message.local_day BETWEEN %(first)s AND %(last)s) AS told
 GROUP BY scenario, held_out
