-- Purpose: hold back those of the cards just decided that an extra frequency rule does not allow, with the rule and what it counted.
-- Parameters: local_day date, scenario text, slot_holding, exempt text[] (scenarios that rules neither hold back nor count), own_stores bigint[] (stores
--   with a rule of their own for the scenario), rules: ids, stores (0: all), days, caps int[], scopes text[].
-- Rerunnable: with its transaction. The person counters of these people are locked by it, so that nobody else decides for them on this day meanwhile.
-- Indexes: message_once_per_occasion, message_of_person_and_day.
-- Result: the messages that were held back; the caller gives their slots back.
WITH rule AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(stores)s::bigint[], %(days)s::int[], %(caps)s::int[], %(scopes)s::text[]) AS rule (id, store_id, days, cap, scope)),
card AS MATERIALIZED (
    SELECT message.id, message.store_id, message.person_id
      FROM due_card
      JOIN campaigns_message AS message USING (store_id, scenario, occasion, person_id)
     WHERE message.local_day = %(local_day)s AND message.status = 'PENDING'),
counted AS (
    SELECT card.id, card.store_id, rule.id AS rule_id, rule.cap, rule.days, rule.scope, earlier.ids,
           row_number() OVER (
               PARTITION BY rule.id, card.person_id, CASE rule.scope WHEN 'PLATFORM' THEN 0 ELSE card.store_id END ORDER BY card.id) AS place
      FROM card
      JOIN rule ON (rule.store_id = 0 OR rule.store_id = card.store_id)
               AND NOT (rule.scope = 'SCENARIO' AND rule.store_id = 0 AND card.store_id = ANY(%(own_stores)s::bigint[]))
     CROSS JOIN LATERAL (
           SELECT coalesce(array_agg(taker.id ORDER BY taker.id), '{}') AS ids
             FROM campaigns_message AS taker
            WHERE taker.person_id = card.person_id AND taker.local_day > %(local_day)s::date - rule.days AND taker.local_day <= %(local_day)s
              AND taker.status = ANY(%(slot_holding)s) AND taker.scenario <> ALL(%(exempt)s)
              AND (rule.scope = 'PLATFORM' OR taker.store_id = card.store_id) AND (rule.scope <> 'SCENARIO' OR taker.scenario = %(scenario)s)
              AND NOT (taker.status = 'PENDING' AND taker.local_day < %(local_day)s AND taker.lease_token IS NULL AND NOT taker.in_doubt)
              AND NOT EXISTS (SELECT FROM card AS ours WHERE ours.id = taker.id)) AS earlier),
stopped AS (
    SELECT DISTINCT ON (id) * FROM counted WHERE cardinality(ids) + place > cap ORDER BY id, rule_id)
UPDATE campaigns_message AS message
   SET status = 'SUPPRESSED', reason = 'rule_cap',
       cap_facts = jsonb_build_object('cap', 'rule_cap', 'rule', stopped.rule_id, 'scope', stopped.scope, 'allowed', stopped.cap, 'days', stopped.days,
                                      'used', cardinality(stopped.ids), 'taken_by', to_jsonb(stopped.ids))
  FROM stopped
 WHERE message.id = stopped.id
RETURNING message.id, message.store_id, message.scenario
