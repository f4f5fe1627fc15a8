"""The judge finds every broken rule and nothing else."""

from __future__ import annotations

import itertools
import json

import pytest

from backoffice.demo.gateway_log import Delivery, breaches, read_log, summarise, to_delivery

_serial = itertools.count(1)


def make_delivery(**fields) -> Delivery:
    number = next(_serial)
    line = {
        "at": 1_795_400_000.0,
        "idempotency_key": f"key-{number}",
        "id": f"id-{number}",
        "batch_id": "batch",
        "provider_id": f"demo-{number}",
        "scenario": "AFTER_PAYMENT",
        "store": "YS01",
        "member_no": "1",
        "person": "zhang",
        "local_day": "2026-11-23",
        "decided_at": "2026-11-23T06:20:00+00:00",
        "language": "zh-hans",
        "title": "",
        "body": "",
        "params": {},
        "target_url": None,
        **fields,
    }
    return to_delivery(line)


def rules(log, **options) -> list[str]:
    return sorted(breach.rule for breach in breaches(log, **options))


def test_two_a_store_and_day_are_allowed_and_a_third_is_a_breach():
    log = [make_delivery(), make_delivery()]
    assert breaches(log) == []
    third = make_delivery()
    (breach,) = breaches([*log, third])
    assert (breach.rule, breach.person, breach.store, breach.local_day, breach.count) == ("store_cap", "zhang", "YS01", "2026-11-23", 3)
    assert breach.keys == (*(one.key for one in log), third.key)


def test_another_day_store_or_person_has_slots_of_its_own():
    log = [make_delivery(), make_delivery()]
    assert breaches([*log, make_delivery(local_day="2026-11-24"), make_delivery(store="HS01"), make_delivery(person="li")]) == []


def test_ten_across_stores_are_allowed_and_an_eleventh_is_a_breach():
    log = [make_delivery(store=f"S{number // 2}") for number in range(10)]
    assert breaches(log) == []
    (breach,) = breaches([*log, make_delivery(store="S9")])
    assert (breach.rule, breach.person, breach.store, breach.count) == ("platform_cap", "zhang", None, 11)


def test_one_key_or_one_message_twice_is_a_breach():
    assert rules([make_delivery(idempotency_key="k"), make_delivery(idempotency_key="k", person="li")]) == ["key_twice"]
    assert rules([make_delivery(id="m"), make_delivery(id="m", person="li")]) == ["id_twice"]


@pytest.mark.parametrize("pair", [("BALANCE_REMINDER", "EXPIRY_REMINDER"), ("EXPIRY_REMINDER", "EXPIRY_REMINDER")])
def test_both_periodic_cards_on_one_day_are_a_breach(pair):
    assert rules([make_delivery(scenario=scenario) for scenario in pair]) == ["two_periodic_cards"]
    assert rules([make_delivery(scenario=pair[0]), make_delivery(scenario=pair[1], store="HS01")]) == []
    assert rules([make_delivery(scenario=pair[0]), make_delivery()]) == []


@pytest.mark.parametrize(("second_day", "expected"), [("2026-12-22", ["card_too_soon"]), ("2026-12-23", [])])
def test_periodic_cards_are_thirty_days_apart(second_day, expected):
    log = [
        make_delivery(scenario="BALANCE_REMINDER", local_day=second_day),
        make_delivery(scenario="EXPIRY_REMINDER"),
        make_delivery(scenario="BALANCE_REMINDER", store="HS01", local_day="2026-11-25"),
    ]
    assert rules(log) == expected


def test_a_resolver_says_who_a_person_is():
    log = [make_delivery(person=name) for name in ("zhang", "zhang@old", "li")]
    assert breaches(log) == []
    assert rules(log, person_of=lambda one: one.person.split("@")[0]) == []
    assert rules([*log, make_delivery()], person_of=lambda one: one.person.split("@")[0]) == ["store_cap"]


def test_a_resolver_says_which_day_counts():
    log = [make_delivery(local_day=day) for day in ("2026-11-22", "2026-11-23", "2026-11-24")]
    assert breaches(log) == []
    assert rules(log, day_of=lambda _: "2026-11-23") == ["store_cap"]


def test_summary_counts_what_was_delivered():
    log = [
        make_delivery(scenario="BALANCE_REMINDER"),
        make_delivery(),
        make_delivery(store="HS01"),
        make_delivery(person="li", local_day="2026-11-24"),
    ]
    summary = summarise(log)
    assert summary.by_scenario == {"AFTER_PAYMENT": 3, "BALANCE_REMINDER": 1}
    assert summary.by_store == {"HS01": 1, "YS01": 3}
    assert summary.by_local_day == {"2026-11-23": 3, "2026-11-24": 1}
    assert (summary.delivered, summary.people, summary.most_a_day, summary.most_a_day_in_a_store) == (4, 2, 3, 2)
    assert json.loads(json.dumps(summary.as_json()))["delivered"] == 4


def test_a_log_that_is_not_there_or_unfinished_is_read_as_far_as_it_goes(tmp_path):
    path = tmp_path / "log.jsonl"
    assert read_log(path) == []
    assert summarise(path).delivered == 0
    assert breaches(path) == []
    line = {"event": "delivered", "at": 1.0, "batch_id": "b", "provider_id": "p", "idempotency_key": "k", "id": "i"}
    line |= dict.fromkeys(("scenario", "store", "member_no", "person", "local_day", "decided_at", "language", "title", "body", "target_url"), "")
    whole = json.dumps({**line, "params": {}}, separators=(",", ":")) + "\n"
    path.write_text(whole + '{"event":"repeat","at":2}\n' + whole[:40])
    assert [one.key for one in read_log(path)] == ["k"]
    assert summarise(path).repeats == 1


def test_two_notices_about_one_payment_are_a_breach_whatever_their_keys():
    log = [make_delivery(params={"order_no": "A"}), make_delivery(params={"order_no": "B"}), make_delivery(params={"order_no": "A"}, store="HS01")]
    assert breaches(log) == []
    again = make_delivery(params={"order_no": "A"}, local_day="2026-11-24", decided_at="2026-11-24T10:00:00+08:00")
    (breach,) = breaches([*log, again])
    assert (breach.rule, breach.person, breach.keys) == ("notice_twice", ("zhang", "A"), (log[0].key, again.key))


def test_a_notice_of_another_day_than_its_decision_is_a_breach():
    (breach,) = breaches([make_delivery(params={"order_no": "A"}, local_day="2026-11-24")])
    assert breach.rule == "notice_late"
