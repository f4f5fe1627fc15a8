-- The situation of benchmarks/reminders.py. Parameters: members, stores, people, today, now, zone. Statements end in ";" at the end of a line.
INSERT INTO tenancy_merchant (code, name, status, created_at) VALUES ('bench', 'bench', 'ACTIVE', %(now)s);
INSERT INTO tenancy_store (merchant_id, code, name, category, status, gateway_url, marketing_consent_default, created_at)
SELECT (SELECT id FROM tenancy_merchant WHERE code = 'bench'), 'S' || n, 'S' || n, '', 'OPEN', '', true, %(now)s FROM generate_series(1, %(stores)s) AS n;
INSERT INTO campaigns_remindersetting (store_id, enabled, send_time) SELECT id, true, '10:00' FROM tenancy_store;
INSERT INTO members_person (id) SELECT n FROM generate_series(1, %(people)s) AS n;
-- Members lie near their store. Stores differ in size (the square of an even number); a person is in a store at most once.
INSERT INTO members_member (store_id, person_id, member_no, nickname, phone_masked, joined_at, join_channel, join_scene, growth, status, marketing_consent,
                            consent_source, consent_version, consent_at, credit_cards_on, language)
SELECT store_id, person_id, 'M' || row_number() OVER (ORDER BY store_id, person_id), '', '', %(now)s - interval '500 days', '', '', 0,
       CASE WHEN random() < 0.03 THEN 'FROZEN' ELSE 'ACTIVE' END, true, 'STORE_DEFAULT', '', %(now)s - interval '500 days', random() >= 0.02,
       CASE WHEN random() < 0.1 THEN 'en' ELSE 'zh-hans' END
  FROM (SELECT DISTINCT (SELECT min(id) FROM tenancy_store) + floor(power(random(), 2) * %(stores)s)::bigint AS store_id, 1 + floor(random() * %(people)s)::bigint AS person_id
          FROM generate_series(1, (%(members)s * 1.01)::int)) AS pair
 ORDER BY store_id, person_id;
INSERT INTO members_creditaccount (store_id, member_id, balance, held) SELECT store_id, id, 0, 0 FROM members_member ORDER BY id;
-- One to three lots a member, 1.5 on average. Some are spent, some have lapsed unswept, some lapse within seven days.
INSERT INTO members_creditlot (store_id, account_id, source_no, principal_amount, bonus_amount, principal_left, bonus_left, opened_at, expires_at)
SELECT store_id, account_id, 'T' || row_number() OVER (), 100, 20, CASE WHEN spent THEN 0 ELSE round((random() * 100)::numeric, 2) END, CASE WHEN spent THEN 0 ELSE 20 END,
       %(now)s - interval '400 days', CASE WHEN fate < 0.3 THEN NULL WHEN fate < 0.34 THEN %(now)s - interval '1 day' WHEN fate < 0.44 THEN %(now)s + random() * interval '7 days'
                                           ELSE %(now)s + interval '8 days' + random() * interval '300 days' END
  FROM (SELECT account.store_id, account.id AS account_id, random() AS fate, random() < 0.06 AS spent
          FROM members_creditaccount AS account
         CROSS JOIN LATERAL generate_series(1, CASE WHEN account.id %% 8 = 0 THEN 3 WHEN account.id %% 8 <= 2 THEN 2 ELSE 1 END) AS copy) AS lot
 ORDER BY account_id;
UPDATE members_creditaccount AS account SET balance = lot.total
  FROM (SELECT account_id, sum(principal_left + bonus_left) AS total FROM members_creditlot GROUP BY account_id) AS lot WHERE lot.account_id = account.id;
-- Two thirds got a card within 30 days: the message and the clock.
CREATE TABLE past AS SELECT id AS member_id, store_id, person_id, %(today)s::date - 1 - floor(random() * 29)::int AS on_day FROM members_member WHERE random() < 0.655;
INSERT INTO campaigns_message (store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, decided_at, attempt_count, in_doubt,
                               sent_at, provider_id, error)
SELECT store_id, person_id, member_id, 'BALANCE_REMINDER', to_char(on_day, 'YYYYMMDD')::bigint, on_day, 'SENT', '', 'zh-hans', '{"balance": "65.00"}',
       on_day::timestamp AT TIME ZONE %(zone)s, 1, false, on_day::timestamp AT TIME ZONE %(zone)s, 'p', ''
  FROM past ORDER BY on_day, member_id;
INSERT INTO campaigns_reminderclock (member_id, store_id, last_sent_on) SELECT member_id, store_id, on_day FROM past ORDER BY member_id;
INSERT INTO campaigns_reminderclock (member_id, store_id, last_sent_on)
SELECT id, store_id, %(today)s::date - 30 - floor(random() * 60)::int FROM members_member WHERE random() < 0.1 ORDER BY id ON CONFLICT DO NOTHING;
DROP TABLE past;
-- Caps partly used today: one in twenty has one message of its store, one in a hundred two; some people are at ten.
INSERT INTO campaigns_message (store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, decided_at, attempt_count, in_doubt,
                               sent_at, provider_id, error)
SELECT store_id, person_id, id, 'LEVEL_CHANGE', copy, %(today)s, 'SENT', '', 'zh-hans', '{}', %(now)s, 1, false, %(now)s, 'p', ''
  FROM members_member CROSS JOIN LATERAL generate_series(1, CASE WHEN id %% 100 = 0 THEN 2 WHEN id %% 20 = 1 THEN 1 ELSE 0 END) AS copy ORDER BY id;
INSERT INTO campaigns_message (store_id, person_id, member_id, scenario, occasion, local_day, status, reason, language, params, decided_at, attempt_count, in_doubt,
                               sent_at, provider_id, error)
SELECT store.id, person.id, NULL, 'LEVEL_CHANGE', 100 + copy, %(today)s, 'SENT', '', 'zh-hans', '{}', %(now)s, 1, false, %(now)s, 'p', ''
  FROM (SELECT id FROM members_person WHERE id %% 2000 = 7) AS person
 CROSS JOIN (SELECT id FROM tenancy_store ORDER BY id DESC LIMIT 5) AS store CROSS JOIN generate_series(1, 2) AS copy
 WHERE NOT EXISTS (SELECT FROM members_member WHERE members_member.store_id = store.id AND members_member.person_id = person.id)
   AND (SELECT count(*) FROM campaigns_message AS m WHERE m.person_id = person.id AND m.local_day = %(today)s) = 0;
INSERT INTO campaigns_storedaycounter (store_id, person_id, local_day, used, granted)
SELECT store_id, person_id, local_day, count(*), 0 FROM campaigns_message GROUP BY 1, 2, 3 ORDER BY 3, 1, 2;
INSERT INTO campaigns_persondaycounter (person_id, local_day, used, granted)
SELECT person_id, local_day, count(*), 0 FROM campaigns_message GROUP BY 1, 2 ORDER BY 2, 1
