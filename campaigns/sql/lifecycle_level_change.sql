-- Purpose: members of a span whose level changed since ``since`` and is still the one that the last change gave; parameters store, after, upto,
--   since, now timestamptz. Rerunnable: it reads. Index: level_change_of_store.
SELECT member.id AS member_id, member.store_id, member.person_id, member.language, change.id AS ref, jsonb_build_object('level', level.name) AS params
  FROM (SELECT DISTINCT ON (member_id) id, member_id, to_level_id
          FROM members_levelchange
         WHERE store_id = %(store)s AND changed_at >= %(since)s AND changed_at <= %(now)s AND member_id > %(after)s AND member_id <= %(upto)s
         ORDER BY member_id, id DESC) AS change
  JOIN members_member AS member ON member.id = change.member_id AND member.status = 'ACTIVE' AND member.marketing_consent
  JOIN members_level AS level ON level.id = member.level_id AND level.id = change.to_level_id
