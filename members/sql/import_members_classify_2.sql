-- What each good row would do. Rows come in order of store and member number and stay so.
-- phone_is_new: nobody is known by this phone. phone_changed: an existing member gets it instead of what the store knew.
-- A recorded wish about marketing (any source but STORE_DEFAULT) is never turned from no to yes: consent_kept.
-- Indexes: member_no_once_a_store, identity_live_value_is_one_person.
CREATE TEMP TABLE import_rows ON COMMIT DROP AS
SELECT
    c.line,
    CASE
        WHEN m.id IS NULL THEN 'create'
        WHEN c.nickname <> m.nickname OR c.phone_hash IS NOT NULL AND c.phone_hash IS DISTINCT FROM m.phone_hash
            OR c.joined_at <> m.joined_at OR c.birthday IS NOT NULL AND c.birthday IS DISTINCT FROM m.birthday
            OR l.id IS NOT NULL AND l.id IS DISTINCT FROM m.level_id OR c.growth <> m.growth OR c.channel <> m.join_channel
            OR c.marketing_consent AND (m.consent_source = 'STORE_DEFAULT')
            OR NOT c.marketing_consent AND (m.marketing_consent OR m.consent_source = 'STORE_DEFAULT')
            THEN 'update'
        ELSE 'unchanged'
    END AS action,
    CASE WHEN m.id IS NOT NULL AND m.phone_hash IS DISTINCT FROM c.phone_hash AND coalesce(g.survivor_id, i.person_id) <> m.person_id
        THEN 'phone_of_another_person' END AS conflict_code,
    c.store_id, c.member_no, m.id AS member_id,
    coalesce(m.person_id, g.survivor_id, i.person_id, CASE WHEN m.id IS NULL THEN nextval('members_person_id_seq') END) AS person_id,
    m.id IS NULL AND i.person_id IS NULL AS person_is_new,
    c.phone_hash IS NOT NULL AND i.person_id IS NULL AND (m.id IS NULL OR m.phone_hash IS DISTINCT FROM c.phone_hash) AS phone_is_new,
    m.id IS NOT NULL AND c.phone_hash IS NOT NULL AND m.phone_hash IS DISTINCT FROM c.phone_hash AS phone_changed,
    m.phone_hash AS old_phone_hash, m.phone_masked AS old_phone_masked,
    c.phone_hash, c.phone_encrypted, c.phone_masked, c.nickname, c.joined_at, c.birthday, l.id AS level_id, c.growth, c.tags, c.channel, c.marketing_consent,
    coalesce(c.marketing_consent AND NOT m.marketing_consent AND m.consent_source <> 'STORE_DEFAULT', false) AS consent_kept
FROM import_checked c
LEFT JOIN members_member m ON m.store_id = c.store_id AND m.member_no = c.member_no
LEFT JOIN members_level l ON l.store_id = c.store_id AND l.name = c.level
LEFT JOIN members_identity i ON i.kind_id = 'phone' AND i.value_hash = c.phone_hash AND i.ended_at IS NULL
LEFT JOIN import_merged g ON g.id = i.person_id
WHERE NOT c.is_bad
