-- Purpose: claim waiting messages of one gateway's stores for one call. What must not go any more comes back with a ``stop`` and is not leased.
-- Parameters: stores bigint[], local_day date, batch int, token uuid, lease interval, key_window interval, most_attempts int,
--             credit_cards, consent_cards, lifecycle, no_extra_rules text[], local_time time (of the claim's moment), notices boolean (only what goes at once). Leases and backoff go by the real clock (clock_timestamp()).
-- Rerunnable: yes; rows that another worker holds or has leased are passed over (SKIP LOCKED).
-- Index: message_to_hand_over (store, id) WHERE status = 'PENDING', read in its order from the first row on (the caller forbids sorting: right
--        after a decision the planner's figures are old, and sorting would read all that wait for each claim; BETWEEN and not =, or it takes
--        the primary key, which has the same order then). No index mentions the lease columns. Notices: message_at_once, in the same way; the
--        driver writes ``notices`` into the statement, so that the planner sees which index serves.
-- The attempt counts, and is in doubt, from here on: a worker that dies between this commit and its record may have delivered.
-- What is locked stands in a CTE of its own: joined in place, a plan may scan it once per store, and the second time pass over what was leased
-- meanwhile and lock more than a batch.
WITH waiting AS MATERIALIZED (
    SELECT chosen.*
      FROM unnest(%(stores)s::bigint[]) AS wanted(store_id)
     CROSS JOIN LATERAL (
           SELECT message.id, message.store_id, message.member_id, message.scenario, message.in_doubt, message.attempt_count,
                  message.first_attempt_at
             FROM campaigns_message AS message
            WHERE message.store_id BETWEEN wanted.store_id AND wanted.store_id
              AND message.status = 'PENDING'
              AND message.local_day = %(local_day)s
              AND (NOT %(notices)s OR message.scenario = 'AFTER_PAYMENT')
              AND (message.next_attempt_at IS NULL OR message.next_attempt_at <= clock_timestamp())
              AND (message.lease_until IS NULL OR message.lease_until <= clock_timestamp())
            ORDER BY message.store_id, message.id
            LIMIT %(batch)s
              FOR UPDATE SKIP LOCKED) AS chosen
     LIMIT %(batch)s
), picked AS MATERIALIZED (
    SELECT waiting.id, waiting.store_id, waiting.scenario, waiting.in_doubt, waiting.member_id, member.member_no,
           CASE WHEN waiting.attempt_count >= %(most_attempts)s THEN 'attempts'
                WHEN waiting.in_doubt AND waiting.first_attempt_at <= clock_timestamp() - %(key_window)s THEN 'key_window'
                WHEN store.status <> 'OPEN' THEN 'store_closed'
                WHEN member.status <> 'ACTIVE' THEN 'not_active'
                WHEN waiting.scenario = ANY(%(credit_cards)s) AND setting.enabled IS NOT TRUE THEN 'setting_off'
                WHEN waiting.scenario = 'PAID_ENDING' AND paid.ending_on IS NOT TRUE THEN 'setting_off'
                WHEN waiting.scenario = 'BENEFIT_ENDING' AND paid.benefits_on IS NOT TRUE THEN 'setting_off'
                WHEN waiting.scenario = ANY(%(consent_cards)s) AND member.marketing_consent IS NOT TRUE THEN 'no_consent'
                WHEN waiting.scenario = ANY(%(credit_cards)s) AND member.credit_cards_on IS NOT TRUE THEN 'cards_off'
                WHEN waiting.scenario = ANY(%(lifecycle)s) AND lifecycle.enabled IS NOT TRUE THEN 'setting_off'
                WHEN waiting.scenario <> ALL(%(no_extra_rules)s) AND EXISTS (
                     SELECT FROM campaigns_frequencyrule AS rule
                      WHERE rule.quiet_from IS NOT NULL AND rule.is_active AND (rule.store_id IS NULL OR rule.store_id = waiting.store_id)
                        AND rule.scenario IN ('', waiting.scenario)
                        -- A store's own rule of a scenario stands in the place of the one for all stores.
                        AND NOT (rule.scope = 'SCENARIO' AND rule.store_id IS NULL AND EXISTS (
                            SELECT FROM campaigns_frequencyrule AS own
                             WHERE own.scope = 'SCENARIO' AND own.is_active AND own.store_id = waiting.store_id AND own.scenario = waiting.scenario))
                        AND CASE WHEN rule.quiet_from < rule.quiet_until THEN %(local_time)s >= rule.quiet_from AND %(local_time)s < rule.quiet_until
                                 ELSE %(local_time)s >= rule.quiet_from OR %(local_time)s < rule.quiet_until END) THEN 'quiet_hours'
                ELSE '' END AS stop
      FROM waiting
      JOIN tenancy_store AS store ON store.id = waiting.store_id
      LEFT JOIN campaigns_remindersetting AS setting ON setting.store_id = waiting.store_id
      LEFT JOIN campaigns_paidremindersetting AS paid ON paid.store_id = waiting.store_id
      LEFT JOIN campaigns_lifecyclesetting AS lifecycle ON lifecycle.store_id = waiting.store_id AND lifecycle.scenario = waiting.scenario
      LEFT JOIN members_member AS member ON member.id = waiting.member_id
), leased AS (
    UPDATE campaigns_message AS message
       SET lease_token = %(token)s, lease_until = clock_timestamp() + %(lease)s, attempt_count = message.attempt_count + 1,
           in_doubt = TRUE, first_attempt_at = COALESCE(message.first_attempt_at, clock_timestamp()), next_attempt_at = NULL
      FROM picked
     WHERE message.id = picked.id AND picked.stop = ''
 RETURNING message.id, message.store_id, message.person_id, message.scenario, message.occasion, message.local_day, message.language,
           message.params, message.decided_at, message.attempt_count, message.first_attempt_at
)
SELECT picked.id, picked.stop, picked.in_doubt AS was_in_doubt, picked.member_no, picked.store_id AS place_id, picked.scenario AS kind, leased.store_id, leased.person_id, leased.scenario,
       leased.occasion, leased.local_day, leased.language, leased.params, leased.decided_at, leased.attempt_count, leased.first_attempt_at, clock_timestamp() AS claimed_at
  FROM picked
  LEFT JOIN leased ON leased.id = picked.id
