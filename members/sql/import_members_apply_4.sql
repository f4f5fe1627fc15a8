-- Changed members. Consent is judged on the row as it is now: an opt-out recorded meanwhile stands.
UPDATE members_member m
SET nickname = coalesce(r.nickname, m.nickname),
    phone_encrypted = CASE WHEN r.phone_changed THEN r.phone_encrypted ELSE m.phone_encrypted END,
    phone_masked = CASE WHEN r.phone_changed THEN r.phone_masked ELSE m.phone_masked END,
    phone_hash = CASE WHEN r.phone_changed THEN r.phone_hash ELSE m.phone_hash END,
    joined_at = coalesce(r.joined_at, m.joined_at),
    birthday = coalesce(r.birthday, m.birthday),
    level_id = coalesce(r.level_id, m.level_id),
    growth = coalesce(r.growth, m.growth),
    join_channel = coalesce(r.channel, m.join_channel),
    marketing_consent = CASE WHEN (r.marketing_consent IS NOT NULL AND (m.consent_source = 'STORE_DEFAULT' OR m.marketing_consent AND NOT r.marketing_consent)) THEN r.marketing_consent ELSE m.marketing_consent END,
    consent_source = CASE WHEN (r.marketing_consent IS NOT NULL AND (m.consent_source = 'STORE_DEFAULT' OR m.marketing_consent AND NOT r.marketing_consent)) THEN 'FILE' ELSE m.consent_source END,
    consent_version = CASE WHEN (r.marketing_consent IS NOT NULL AND (m.consent_source = 'STORE_DEFAULT' OR m.marketing_consent AND NOT r.marketing_consent)) THEN '' ELSE m.consent_version END,
    consent_at = CASE WHEN (r.marketing_consent IS NOT NULL AND (m.consent_source = 'STORE_DEFAULT' OR m.marketing_consent AND NOT r.marketing_consent)) THEN %(now)s ELSE m.consent_at END,
    updated_at = %(now)s
FROM import_rows r
WHERE r.action = 'update' AND m.id = r.member_id
