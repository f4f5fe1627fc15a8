"""Each way in which the main job can fail to happen is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

from backoffice.demo.applications import Cases
from backoffice.demo.gateway_log import Breach
from backoffice.demo.loading import Loaded
from backoffice.demo.manifest import ExpectedReminders, FileEntry, Manifest
from backoffice.demo.paid import Paid
from backoffice.demo.summary import Payments, Summary, failures, summary_lines

MANIFEST = Manifest(
    folder=Path("demo"),
    today=date(2026, 11, 23),
    seed=1,
    files=(FileEntry("stores.csv", "stores", None, "utf-8", 2),),
    extra_files=(),
    merchants=1,
    stores=2,
    people=5,
    members=6,
    orders=7,
    credit_total=Decimal("100.01"),
    credit_expired=Decimal(0),
    expected=ExpectedReminders(due={"BALANCE_REMINDER": 3}, platform_cap=1),
    gateway_secrets={},
)
LOADED = Loaded(files=1, rows=2, seconds=1.0)
GOOD = Summary(
    members=6,
    order_lines=7,
    credit_total=Decimal("100.01"),
    payments=Payments(3, 2, Decimal("60.00"), Decimal("12.50"), Decimal("5.00"), {"sent": 1, "store_cap": 1}),
    decided={"BALANCE_REMINDER": 2, "AFTER_PAYMENT": 1},
    sent={"BALANCE_REMINDER": 2, "AFTER_PAYMENT": 1},
    suppressed={"platform_cap": 1, "store_cap": 1},
    other={},
    sent_numbers=frozenset({"a", "b", "c"}),
    log_numbers=("b", "a", "c"),
    breaches=[],
    cases=Cases({"DRAFT": 1, "QUEUED": 2}),
    paid=Paid({"LIVE": 1}, {"ACTIVE": 2}, {"ISSUED": 3, "USED": 1}, {"FILED": 1}),
)


def told(summary: Summary = GOOD, loaded: Loaded = LOADED, *, same_day: bool = True) -> list[str]:
    return failures(summary, MANIFEST, loaded, same_day=same_day)


def test_a_good_run_has_nothing_to_tell() -> None:
    assert told() == []
    text = "\n".join(summary_lines(GOOD, MANIFEST, LOADED))
    assert "¥100.01 = ¥100.01" in text
    assert "3 for ¥60.00, ¥12.50 of it credit; ¥5.00 refunded" in text
    assert "3 messages, exactly the sent ones" in text


def test_a_payment_without_its_notice_is_told() -> None:
    nothing = replace(GOOD, payments=replace(GOOD.payments, notices={}))
    assert any("No notice" in sentence for sentence in told(nothing))
    for notices in ({"sent": 1}, {"sent": 1, "pending": 1}, {"sent": 2, "store_cap": 1}):
        assert any("their notices became" in sentence for sentence in told(replace(GOOD, payments=replace(GOOD.payments, notices=notices))))


def test_a_difference_of_one_fen_is_told() -> None:
    wrong = replace(GOOD, credit_total=Decimal("100.00"))

    assert "100.00" in told(wrong)[0]
    assert "IS NOT" in "\n".join(summary_lines(wrong, MANIFEST, LOADED))


def test_missing_files_and_bad_rows_are_told() -> None:
    assert len(told(loaded=Loaded(files=0))) == 1
    assert len(told(loaded=Loaded(files=1, bad=1))) == 1


def test_missing_rows_are_told() -> None:
    assert "members" in told(replace(GOOD, members=5))[0]
    assert "order lines" in told(replace(GOOD, order_lines=8))[0]


def test_a_log_that_differs_is_told() -> None:
    for numbers in (("a", "b"), ("a", "b", "c", "c"), ("a", "b", "d"), ("a", "b", "c", "d")):
        assert "gateway's log" in told(replace(GOOD, log_numbers=numbers))[0]


def test_sent_without_a_number_of_the_gateway_is_told() -> None:
    assert told(replace(GOOD, sent_numbers=frozenset({"a"}), log_numbers=("a",)))


def test_nothing_sent_too_few_and_leftovers_are_told() -> None:
    nothing = replace(GOOD, sent={}, sent_numbers=frozenset(), log_numbers=())
    assert "No reminder was sent." in told(nothing)
    assert told(replace(GOOD, sent={"BALANCE_REMINDER": 1}, sent_numbers=frozenset({"a"}), log_numbers=("a",)))
    assert told(replace(GOOD, other={"PENDING": 1}))


def test_another_day_than_that_of_the_files_has_other_figures() -> None:
    assert told(replace(GOOD, sent={"BALANCE_REMINDER": 1}, sent_numbers=frozenset({"a"}), log_numbers=("a",)), same_day=False) == []


def test_applications_that_are_missing_or_differ_from_their_events_are_told() -> None:
    assert "QUEUED 2 (together 3); every one replays from its events" in "\n".join(summary_lines(GOOD, MANIFEST, LOADED))
    assert "no application" in told(replace(GOOD, cases=Cases({})))[0]
    wrong = replace(GOOD, cases=Cases({"DRAFT": 1}, ("A000001 state",)))
    assert "A000001 state" in told(wrong)[0]
    assert "1 DO NOT replay" in "\n".join(summary_lines(wrong, MANIFEST, LOADED))


def test_a_broken_rule_is_told() -> None:
    assert "rules" in told(replace(GOOD, breaches=[Breach("store_cap", "p", "s", "2026-11-23", 3, ("a", "b", "c"))]))[0]


def test_paid_membership_that_is_missing_or_broken_is_told() -> None:
    assert "ISSUED 3, USED 1 (together 4); every invariant holds" in "\n".join(summary_lines(GOOD, MANIFEST, LOADED))
    assert "no live program" in told(replace(GOOD, paid=replace(GOOD.paid, programs={})))[0]
    wrong = replace(GOOD, paid=replace(GOOD.paid, broken=("paid.places",)))
    assert "paid.places" in told(wrong)[0]
    assert "BROKEN: paid.places" in "\n".join(summary_lines(wrong, MANIFEST, LOADED))
