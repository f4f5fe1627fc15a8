-- Purpose: of the candidates of a lifecycle scenario those who are due today, and whether the hold-out group has them.
-- ``lifecycle_candidates`` stands for a subquery of (member_id, store_id, person_id, language, ref, params), put in by ``services.lifecycle_runs``;
--   ``ref`` names what the message is about: a day as days since the epoch, or the change of a level.
-- Parameters: the candidates', scenario text, local_day date, epoch date, slot_holding text[], holdout int (of 10,000).
-- Rerunnable: a message of the day, one about the same thing that went or may have gone, and a hold-out about it are not found again.
-- Index: message_of_person_and_day.
-- Who is held out follows from person and scenario alone: nobody moves between the groups, and a larger share keeps all of the smaller one.
SELECT candidate.store_id, candidate.person_id, candidate.member_id, candidate.language, NULL::date AS last_sent_on, %(scenario)s::text AS scenario,
       about.first + (%(local_day)s::date - %(epoch)s::date) AS occasion, candidate.params,
       ('x' || substr(md5(candidate.person_id || ':' || %(scenario)s), 1, 8))::bit(32)::bigint %% 10000 < %(holdout)s AS held_out
  FROM lifecycle_candidates AS candidate
 CROSS JOIN LATERAL (SELECT candidate.ref * 100000 AS first) AS about
 -- LIMIT keeps this a look-up for each candidate: right after many decisions the figures of the table are old, and a join would read it all each time. ``+ 0`` and
 -- ``|| ''`` leave no index but the person's: in the others all that was decided today lies together.
  LEFT JOIN LATERAL (
       SELECT earlier.id FROM campaigns_message AS earlier
        WHERE earlier.person_id = candidate.person_id AND earlier.store_id + 0 = candidate.store_id AND earlier.scenario || '' = %(scenario)s
          AND (earlier.local_day = %(local_day)s
               OR earlier.occasion BETWEEN about.first AND about.first + 99999
                  AND (earlier.reason = 'held_out'
                       OR earlier.status = ANY(%(slot_holding)s) AND NOT (earlier.status = 'PENDING' AND earlier.lease_token IS NULL AND NOT earlier.in_doubt)))
        LIMIT 1) AS told ON TRUE
 WHERE told.id IS NULL
