-- New members, in order of the unique key. A blank consent takes the store's default, which the joining terms cover.
INSERT INTO members_member (
    store_id, person_id, member_no, nickname, phone_encrypted, phone_hash, phone_masked, birthday, joined_at, join_channel, join_scene, level_id, growth,
    status, marketing_consent, consent_source, consent_version, consent_at, credit_cards_on, language, created_at, updated_at
)
SELECT
    r.store_id, r.person_id, r.member_no, coalesce(r.nickname, ''), r.phone_encrypted, r.phone_hash, coalesce(r.phone_masked, ''), r.birthday,
    coalesce(r.joined_at, %(now)s), coalesce(r.channel, ''), '', r.level_id, coalesce(r.growth, 0),
    'ACTIVE', coalesce(r.marketing_consent, s.marketing_consent_default), CASE WHEN r.marketing_consent IS NULL THEN 'STORE_DEFAULT' ELSE 'FILE' END, '',
    CASE WHEN r.marketing_consent IS NULL THEN coalesce(r.joined_at, %(now)s) ELSE %(now)s END, true, 'zh-hans', %(now)s, %(now)s
FROM import_rows r
JOIN tenancy_store s ON s.id = r.store_id
WHERE r.action = 'create'
ORDER BY r.store_id, r.member_no COLLATE "C"
