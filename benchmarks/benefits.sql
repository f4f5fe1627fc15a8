-- One program with an opening gift and a monthly coupon; each member holds it since some day of the last year, issued up to the month before this one.
INSERT INTO tenancy_merchant (id, code, name, status, created_at) VALUES (1, 'm', 'M', 'ACTIVE', now());
INSERT INTO tenancy_store (id, merchant_id, code, name, category, status, gateway_url, marketing_consent_default, created_at)
  SELECT g, 1, 's' || g, 'S' || g, '', 'OPEN', '', true, now() FROM generate_series(1, %(stores)s) g;
INSERT INTO members_person (id, created_at) SELECT g, now() FROM generate_series(1, %(rows)s) g;
INSERT INTO members_member (id, store_id, person_id, member_no, nickname, phone_masked, joined_at, join_channel, join_scene, growth, status, marketing_consent,
    consent_source, consent_version, consent_at, credit_cards_on, language)
  SELECT g, 1 + g %% %(stores)s, g, 'M' || g, '', '', now(), '', '', 0, 'ACTIVE', true, 'STORE_DEFAULT', '', now(), true, 'zh-hans'
  FROM generate_series(1, %(rows)s) g;
INSERT INTO paid_nomination (id, store_id, way, status, reason, opened_at, end_reason) SELECT g, g, 'INVITATION', 'OPEN', 'x', now(), '' FROM generate_series(1, %(stores)s) g;
INSERT INTO paid_paidprogram (id, store_id, nomination_id, name, rank, status, sold_count, terms_text, status_before, created_at)
  SELECT g, g, g, 'P', 1, 'DRAFT', 0, '', '', now() FROM generate_series(1, %(stores)s) g;
INSERT INTO paid_benefitpack (id, program_id, version, status, reason, created_at, card_fee, term_unit, difference)
  SELECT g, g, 1, 'DRAFT', '', now(), 99, 'YEAR', '' FROM generate_series(1, %(stores)s) g;
INSERT INTO paid_benefit (id, pack_id, key, kind, title, description, settings, schedule, expiry, expiry_days, code_pool, value_amount, cost_amount, position)
  SELECT g * 2 - 1, g, 'gift', 'OPENING_GIFT', 'Gift', '', '{}'::jsonb, 'AT_ONCE', 'WITH_TERM', NULL::int, '', 5, 3, 0 FROM generate_series(1, %(stores)s) g
  UNION ALL
  SELECT g * 2, g, 'coupon', 'MONTHLY_COUPON', 'Coupon', '', '{}', 'MONTHLY', 'DAYS', 30, '', 10, 6, 1 FROM generate_series(1, %(stores)s) g;
UPDATE paid_benefitpack SET status = 'APPROVED', submitted_at = now(), decided_at = now(), decided_by_id = %(user)s;
UPDATE paid_paidprogram SET pack_id = id, status = 'CONFIGURING';
INSERT INTO paid_packreach (pack_id, benefit_id) SELECT pack_id, id FROM paid_benefit;
INSERT INTO paid_paidmembership (id, store_id, member_id, program_id, pack_id, order_no, source, status, price, is_renewal, created_at, opened_at, anchor_on,
    months_before, starts_on, ends_on, bought_until, next_issue_on, end_reason)
  SELECT g, 1 + g %% %(stores)s, g, 1 + g %% %(stores)s, 1 + g %% %(stores)s, 'O' || g, 'API', 'ACTIVE', 99, false, day, day, day, 0, day,
         (day + interval '1 year')::date, (day + interval '1 year')::date,
         (SELECT min(d::date) FROM (SELECT day + n * interval '1 month' AS d FROM generate_series(1, 11) n) x WHERE d > %(today)s::date - 28), ''
  FROM (SELECT g, %(today)s::date - 28 - (g * 7919 %% 300) AS day FROM generate_series(1, %(rows)s) g) m;
INSERT INTO paid_benefitissue (store_id, paid_membership_id, member_id, benefit_id, period, due_on, issued_at, expires_on, status, code, used_reference, failure)
  SELECT m.store_id, m.id, m.member_id, m.pack_id * 2, n, (m.anchor_on + make_interval(months => n))::date, m.opened_at, m.ends_on, 'ISSUED', '', '', ''
  FROM paid_paidmembership m CROSS JOIN generate_series(0, 10) n WHERE (m.anchor_on + make_interval(months => n))::date < m.next_issue_on;
INSERT INTO paid_benefitissue (store_id, paid_membership_id, member_id, benefit_id, period, due_on, issued_at, expires_on, status, code, used_reference, failure)
  SELECT m.store_id, m.id, m.member_id, m.pack_id * 2 - 1, 0, m.starts_on, m.opened_at, m.ends_on, 'ISSUED', '', '', '' FROM paid_paidmembership m;
UPDATE paid_paidprogram p SET sold_count = (SELECT count(*) FROM paid_paidmembership m WHERE m.program_id = p.id);
