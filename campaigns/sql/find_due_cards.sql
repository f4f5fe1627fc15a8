-- Purpose: the members of some chunks of stores for whom a periodic card is due, with the figures it shows.
-- Parameters: stores, after, upto bigint[] (one entry a chunk: members with after < id <= upto), local_day date, due_before date (a last card on
--   or before this day is due again), now timestamptz, window_end timestamptz (first instant after the local day today + 7), zone text,
--   periodic, slot_holding text[], occasion bigint (the local day as a number).
-- Rerunnable: a member who has a row of these cards for the day, or one within 30 days that went or may have gone, is not a candidate.
-- Indexes: credit_account_with_balance, member and clock by key, credit_lot_spending_order, message_of_person_and_day.
SELECT due.store_id, due.person_id, due.member_id, due.language, due.last_sent_on,
       CASE WHEN credit.expiring > 0 THEN 'EXPIRY_REMINDER' ELSE 'BALANCE_REMINDER' END AS scenario, %(occasion)s::bigint AS occasion,
       CASE WHEN credit.expiring > 0
            THEN jsonb_build_object(
                     'balance', credit.balance::text, 'principal', credit.principal::text, 'bonus', credit.bonus::text,
                     'expiring', credit.expiring::text, 'expiring_first_on', credit.first_on, 'expiring_last_on', credit.last_on,
                     'expiring_first_amount', CASE WHEN credit.first_on = credit.last_on THEN credit.expiring ELSE (
                         SELECT sum(lot.principal_left + lot.bonus_left)
                           FROM members_creditlot AS lot
                          WHERE lot.account_id = due.account_id AND lot.has_left
                            AND lot.expires_at > %(now)s AND lot.expires_at <= ((credit.first_on + 1)::timestamp AT TIME ZONE %(zone)s)) END::text)
            ELSE jsonb_build_object('balance', credit.balance::text, 'principal', credit.principal::text, 'bonus', credit.bonus::text)
       END AS params
  FROM (SELECT account.id AS account_id, member.store_id, member.id AS member_id, member.person_id, member.language, clock.last_sent_on
          FROM unnest(%(stores)s::bigint[], %(after)s::bigint[], %(upto)s::bigint[]) AS chunk (store_id, after, upto)
         CROSS JOIN LATERAL (
               -- OFFSET 0 keeps this a range of the index for each chunk: a plan that reads all stores' accounts looks cheap to the planner.
               SELECT id, member_id FROM members_creditaccount
                WHERE store_id = chunk.store_id AND member_id > chunk.after AND member_id <= chunk.upto AND has_balance
               OFFSET 0) AS account
          JOIN members_member AS member ON member.id = account.member_id AND member.status = 'ACTIVE' AND member.credit_cards_on
          LEFT JOIN campaigns_reminderclock AS clock ON clock.member_id = member.id
         WHERE (clock.last_sent_on IS NULL OR clock.last_sent_on <= %(due_before)s)
           AND NOT EXISTS (
               SELECT FROM campaigns_message AS earlier
                WHERE earlier.person_id = member.person_id AND earlier.local_day > %(due_before)s AND earlier.store_id = member.store_id
                  AND earlier.scenario = ANY(%(periodic)s)
                  -- A card that still waits from an earlier day and is not in doubt does not go any more; every other one went or may have gone.
                  AND (earlier.local_day = %(local_day)s
                       OR earlier.status = ANY(%(slot_holding)s)
                          AND NOT (earlier.status = 'PENDING' AND earlier.lease_token IS NULL AND NOT earlier.in_doubt)))
       ) AS due
 CROSS JOIN LATERAL (
       SELECT sum(rest.amount) AS balance, sum(rest.principal_left) AS principal, sum(rest.bonus_left) AS bonus,
              sum(rest.amount) FILTER (WHERE rest.last_day IS NOT NULL) AS expiring, min(rest.last_day) AS first_on, max(rest.last_day) AS last_on
         FROM (SELECT lot.principal_left, lot.bonus_left, lot.principal_left + lot.bonus_left AS amount,
                      -- expires_at is the first instant without it: the day that ends there is the last day of use.
                      CASE WHEN lot.expires_at <= %(window_end)s THEN ((lot.expires_at - interval '1 microsecond') AT TIME ZONE %(zone)s)::date END AS last_day
                 FROM members_creditlot AS lot
                WHERE lot.account_id = due.account_id AND lot.has_left
                  AND (lot.expires_at IS NULL OR lot.expires_at > %(now)s)) AS rest
       ) AS credit
 WHERE credit.balance > 0
