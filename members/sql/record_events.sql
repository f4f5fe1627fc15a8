-- Events of one store that are not known yet. What is known stays as it is; the caller reads it back and compares.
-- Parameters: store bigint; event_ids text[], people bigint[], members bigint[], names text[], times timestamptz[], sources text[],
--   properties text[] (JSON), in order of event_ids, so that two calls at once never wait for each other in a circle.
-- Rerunnable: yes. Index used: event_once_a_store.
INSERT INTO members_event (store_id, event_id, person_id, member_id, name, occurred_at, source, properties)
SELECT %(store)s, told.event_id, told.person_id, told.member_id, told.name, told.occurred_at, told.source, told.properties::jsonb
FROM unnest(%(event_ids)s::text[], %(people)s::bigint[], %(members)s::bigint[], %(names)s::text[], %(times)s::timestamptz[], %(sources)s::text[],
            %(properties)s::text[]) AS told (event_id, person_id, member_id, name, occurred_at, source, properties)
ON CONFLICT (store_id, event_id) DO NOTHING
