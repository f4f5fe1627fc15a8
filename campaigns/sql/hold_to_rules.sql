-- Purpose: hold back those of the cards just decided that an extra frequency rule does not allow, with the rule and what it counted.
-- Parameters: local_day date, scenario text, slot_holding, exempt text[] (scenarios that rules neither hold back nor count), own_stores bigint[] (stores
--   with a rule of their own for the scenario), rules: ids, stores (0: all), days, caps int[], scopes text[].
-- Rerunnable: with its transaction. The person counters of these people are locked by it, so that nobody else decides for them on this day meanwhile.
-- Index: message_of_person_and_day (``+ 0`` and ``|| ''`` leave no other); looked up for each card (the caller forbids reading the whole table: right after many
--   decisions its figures are old).
-- Result: the messages that were held back; the caller gives their slots back.
WITH rule AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(stores)s::bigint[], %(days)s::int[], %(caps)s::int[], %(scopes)s::text[]) AS rule (id, store_id, days, cap, scope)),
card AS MATERIALIZED (
    SELECT ours.id, due_card.store_id, due_card.person_id
      FROM due_card
     CROSS JOIN LATERAL (
           SELECT message.id FROM campaigns_message AS message
            WHERE message.person_id = due_card.person_id AND message.local_day = %(local_day)s AND message.store_id + 0 = due_card.store_id
              AND message.scenario || '' = due_card.scenario AND message.occasion + 0 = due_card.occasion AND message.status || '' = 'PENDING'
            LIMIT 1) AS ours),
pair AS MATERIALIZED (
    SELECT card.id, card.store_id, card.person_id, rule.id AS rule_id, rule.cap, rule.days, rule.scope, taker.id AS taker_id
      FROM card
      JOIN rule ON (rule.store_id = 0 OR rule.store_id = card.store_id)
               AND NOT (rule.scope = 'SCENARIO' AND rule.store_id = 0 AND card.store_id = ANY(%(own_stores)s::bigint[]))
      LEFT JOIN LATERAL (
           SELECT message.id FROM campaigns_message AS message
            WHERE message.person_id = card.person_id AND message.local_day > %(local_day)s::date - rule.days AND message.local_day <= %(local_day)s
              AND message.status = ANY(%(slot_holding)s) AND message.scenario <> ALL(%(exempt)s)
              AND (rule.scope = 'PLATFORM' OR message.store_id = card.store_id) AND (rule.scope <> 'SCENARIO' OR message.scenario = %(scenario)s)
              AND NOT (message.status = 'PENDING' AND message.local_day < %(local_day)s AND message.lease_token IS NULL AND NOT message.in_doubt)
              AND message.id <> card.id
           OFFSET 0) AS taker ON TRUE),
counted AS (
    SELECT pair.id, pair.store_id, pair.person_id, pair.rule_id, pair.cap, pair.days, pair.scope,
           coalesce(array_agg(pair.taker_id ORDER BY pair.taker_id) FILTER (WHERE pair.taker_id IS NOT NULL AND ours.id IS NULL), '{}') AS ids,
           row_number() OVER (
               PARTITION BY pair.rule_id, pair.person_id, CASE pair.scope WHEN 'PLATFORM' THEN 0 ELSE pair.store_id END ORDER BY pair.id) AS place
      FROM pair
      LEFT JOIN card AS ours ON ours.id = pair.taker_id
     GROUP BY pair.id, pair.store_id, pair.person_id, pair.rule_id, pair.cap, pair.days, pair.scope),
stopped AS (
    SELECT DISTINCT ON (id) * FROM counted WHERE cardinality(ids) + place > cap ORDER BY id, rule_id)
UPDATE campaigns_message AS message
   SET status = 'SUPPRESSED', reason = 'rule_cap',
       cap_facts = jsonb_build_object('cap', 'rule_cap', 'rule', stopped.rule_id, 'scope', stopped.scope, 'allowed', stopped.cap, 'days', stopped.days,
                                      'used', cardinality(stopped.ids), 'taken_by', to_jsonb(stopped.ids))
  FROM stopped
 WHERE message.id = stopped.id
RETURNING message.id, message.store_id, message.scenario
