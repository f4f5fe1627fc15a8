"""Acts of the credit screens: what the dialog says beforehand, what happens, who may, and that a GET changes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from members.admin.credit_forms import YuanField
from members.choices import AdjustmentStatus, EntryKind, HoldStatus, PayoutStatus, RefundAfterLapse
from members.models import CreditAdjustment, CreditEntry, CreditHold, CreditLot, CreditPayout, CreditPolicy
from tests.factories import make_member, make_store
from tests.members.admin.credit_desk import Desk, client_of, url
from tests.members.ledger import account_of, everything, give, take, yuan

pytestmark = pytest.mark.django_db


def press(client: Client, address: str, **fields: Any) -> Any:
    """What the dialog's button sends: the fields with the hidden ones of the dialog itself."""
    shown = client.get(address).content.decode()
    key = re.search(r'name="key" value="(\w+)"', shown)
    return client.post(address, {"_form_submitted": "True", **({"key": key[1]} if key else {}), **fields})


def said(answer: Any) -> list[str]:
    assert answer.status_code == 302, answer.content.decode()
    return [str(message) for message in get_messages(answer.wsgi_request)]


# --- adjust


def test_credit_is_added_at_once_within_what_one_may_do_alone(desk: Desk) -> None:
    member, client = desk.member(), client_of(desk.clerk)
    address = url("creditaccount_adjust", account_of(member).pk)
    assert "You may adjust 500.00 yuan a day on one account alone" in client.get(address).content.decode()
    last_day = clock.local_day(clock.database_now()) + timedelta(days=10)
    answer = press(client, address, direction="ADD", principal="10.50", bonus="￥5", expires_on=last_day.isoformat(), reason="goodwill")
    assert said(answer) == ["Adjusted by +15.50 yuan."]
    lot = CreditLot.objects.exclude(source_no__startswith="CZ").get()
    assert (lot.principal_left, lot.bonus_left, lot.expires_at) == (yuan("10.50"), yuan(5), clock.day_end(last_day))
    entry = CreditEntry.objects.get(kind=EntryKind.ADJUST)
    assert (entry.actor, entry.reason) == (desk.clerk, "goodwill")
    assert "Today you did 15.50; 484.50 are left." in client.get(address).content.decode()


def test_above_it_waits_for_a_second_person_and_nothing_moves(desk: Desk) -> None:
    member = desk.member()
    before = everything(member)
    answer = press(client_of(desk.clerk), url("creditaccount_adjust", account_of(member).pk), direction="ADD", principal="500.01", reason="goodwill")
    assert said(answer) == ["Adjustment of +500.01 yuan: it waits for a second person, and nothing has moved yet."]
    assert everything(member) == before
    assert CreditAdjustment.objects.get().status == AdjustmentStatus.REQUESTED


def test_credit_is_taken_from_the_chosen_lot(desk: Desk) -> None:
    member = desk.member(100, 0)
    chosen = give(member, 50, 0, now=clock.database_now()).lot_id
    address = url("creditaccount_adjust", account_of(member).pk)
    press(client_of(desk.clerk), address, direction="TAKE", principal="30", lot=str(chosen), expires_on="2099-01-01", reason="booked twice")
    assert CreditLot.objects.get(pk=chosen).principal_left == yuan(20)
    press(client_of(desk.clerk), address, direction="TAKE", principal="30", reason="booked twice")
    assert CreditLot.objects.exclude(pk=chosen).get().principal_left == yuan(70)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"principal": "", "bonus": ""}, "Enter an amount of principal, of bonus, or of both."),
        ({"principal": "1.005"}, "Amounts have at most two decimals."),
        ({"principal": "-5"}, "The amount is too small or too large."),
        ({"principal": "abc"}, "This is not an amount in yuan."),
        ({"principal": "1,5"}, "This is not an amount in yuan."),
        ({"bonus": "1e2"}, "This is not an amount in yuan."),
        ({"principal": "1_0"}, "This is not an amount in yuan."),
        ({"direction": "TAKE", "principal": "100.01"}, "Only 100.00 yuan of principal and 20.00 yuan of bonus can be taken."),
        ({"direction": "TAKE", "principal": "1", "lot": "987654"}, "Select a valid choice"),
        ({"principal": "5", "expires_on": "2020-01-01"}, "The expiry must lie in the future."),
    ],
)
def test_what_cannot_be_is_said_in_the_dialog_and_nothing_is_lost(fields: dict[str, str], sentence: str, desk: Desk) -> None:
    member = desk.member()
    before = everything(member)
    answer = press(client_of(desk.owner), url("creditaccount_adjust", account_of(member).pk), **({"direction": "ADD", "reason": "my reason"} | fields))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert sentence in page
    assert "my reason" in page
    assert (everything(member), CreditAdjustment.objects.count()) == (before, 0)


@pytest.mark.parametrize(("typed", "amount"), [("1,234.5", "1234.50"), ("￥５", "5.00"), (" 1，000 ", "1000.00"), ("7.", "7.00"), ("", "0.00")])
def test_amounts_as_people_type_them(typed: str, amount: str) -> None:
    assert YuanField().clean(typed) == yuan(amount)


def test_pressing_the_button_twice_adjusts_once(desk: Desk) -> None:
    member, client = desk.member(), client_of(desk.clerk)
    fields = {"_form_submitted": "True", "key": "k1", "direction": "ADD", "principal": "5", "reason": "goodwill"}
    for _ in range(2):
        assert client.post(url("creditaccount_adjust", account_of(member).pk), fields).status_code == 302
    assert desk.kinds(member) == [EntryKind.ADJUST]


def test_a_member_without_an_account_gets_one_with_the_first_adjustment(desk: Desk) -> None:
    member, client = make_member(desk.store, "BARE"), client_of(desk.clerk)
    shown = client.get(url("member_adjust", member.pk)).content.decode()
    assert "Take credit away" not in shown
    assert said(press(client, url("member_adjust", member.pk), direction="ADD", bonus="8", reason="welcome")) == ["Adjusted by +8.00 yuan."]
    assert desk.balance(member) == yuan(8)
    assert client.get(url("member_adjust", member.pk)).status_code == 404  # from now on it stands on the account


# --- the second person


def test_a_second_person_approves(desk: Desk) -> None:
    member = desk.member()
    waiting = desk.adjustment(member, 600)
    client = client_of(desk.owner)
    shown = client.get(url("creditadjustment_approve", waiting.pk)).content.decode()
    for fact in ("+600.00", "goodwill", str(desk.clerk), "120.00"):
        assert fact in shown
    assert said(press(client, url("creditadjustment_approve", waiting.pk))) == ["The adjustment is booked."]
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decided_by, desk.balance(member)) == (AdjustmentStatus.APPLIED, desk.owner, yuan(720))


def test_nobody_approves_or_refuses_their_own_and_nobody_withdraws_anothers(desk: Desk) -> None:
    member = desk.member()
    mine, theirs = desk.adjustment(member, 600, by=desk.owner), desk.adjustment(member, 700)
    client = client_of(desk.owner)
    page = client.get(url("creditadjustment_change", mine.pk)).content.decode()
    assert url("creditadjustment_withdraw", mine.pk) in page
    assert url("creditadjustment_approve", mine.pk) not in page
    page = client.get(url("creditadjustment_change", theirs.pk)).content.decode()
    assert url("creditadjustment_withdraw", theirs.pk) not in page
    assert url("creditadjustment_approve", theirs.pk) in page
    for act, row, words in (("approve", mine, "asked for this adjustment yourself"), ("refuse", mine, "withdraw it instead"), ("withdraw", theirs, "Only who")):
        answer = press(client, url(f"creditadjustment_{act}", row.pk), reason="no")
        assert answer.status_code == 200
        assert words in answer.content.decode()
    assert desk.balance(member) == yuan(120)
    assert said(press(client, url("creditadjustment_withdraw", mine.pk))) == ["The adjustment is withdrawn. Nothing moved."]


def test_refusing_needs_a_reason_and_keeps_it(desk: Desk) -> None:
    member = desk.member()
    waiting = desk.adjustment(member, 600)
    client = client_of(desk.owner)
    assert press(client, url("creditadjustment_refuse", waiting.pk)).status_code == 200
    press(client, url("creditadjustment_refuse", waiting.pk), reason="wrong figure")
    waiting.refresh_from_db()
    assert (waiting.status, waiting.decision_reason, desk.balance(member)) == (AdjustmentStatus.REFUSED, "wrong figure", yuan(120))
    assert client.get(url("creditadjustment_approve", waiting.pk)).status_code == 404


# --- holds


def test_a_hold_is_released_and_the_dialog_says_what_goes_back_where(desk: Desk) -> None:
    member = desk.member()
    held = desk.hold(member, 30)
    client = client_of(desk.owner)
    shown = client.get(url("credithold_release", held.pk)).content.decode()
    for fact in (held.order_no, "30.00", f"Back to {desk.lot(member).source_no}", "principal 25.00, bonus 5.00"):
        assert fact in shown
    assert "lapsed meanwhile" not in shown
    assert said(press(client, url("credithold_release", held.pk))) == ["30.00 yuan went back to the lots."]
    held.refresh_from_db()
    assert (held.status, desk.balance(member)) == (HoldStatus.RELEASED, yuan(120))
    assert client.get(url("credithold_release", held.pk)).status_code == 404


def test_the_dialog_says_what_becomes_of_a_hold_whose_lot_lapsed(desk: Desk) -> None:
    member = desk.member()
    CreditPolicy.objects.create(store=desk.store, refund_after_lapse=RefundAfterLapse.NEW_LOT)
    held = desk.hold(member, 30)
    lot = desk.lot(member)
    CreditLot.objects.filter(pk=lot.pk).update(expires_at=clock.database_now())
    shown = client_of(desk.owner).get(url("credithold_release", held.pk)).content.decode()
    assert f"{lot.source_no} lapsed meanwhile. The store&#x27;s policy: A new lot." in shown


# --- top-ups


def test_the_dialog_of_a_refund_says_exactly_what_is_paid_back_and_what_is_void(desk: Desk) -> None:
    member = desk.member()
    lot, client = desk.lot(member), client_of(desk.owner)
    take(member, 30, now=clock.database_now())
    address = url("creditlot_refund_top_up", lot.pk)
    shown = client.get(address).content.decode()
    assert re.search(r"Paid back to the payer \(yuan\)</dt><dd>75.00</dd>.*Void</dt><dd>principal 0.00, bonus 15.00</dd>", shown, re.DOTALL)
    assert said(press(client, address)) == ["75.00 yuan wait to be paid back under “Payouts”; 15.00 yuan are void."]
    assert CreditPayout.objects.get().amount == yuan(75)
    assert client.get(address).status_code == 404


def test_a_top_up_that_cannot_be_refunded_says_why_and_has_no_button(desk: Desk) -> None:
    member = desk.member()
    desk.hold(member, 30)
    client, address = client_of(desk.owner), url("creditlot_refund_top_up", desk.lot(member).pk)
    for headers in ({}, {"HX-Request": "true"}):
        shown = client.get(address, headers=headers).content.decode()
        assert "Some of this top-up is held for an order." in shown
        assert 'type="submit"' not in shown.split("<form")[-1]
    assert press(client, address).status_code == 200
    assert not CreditPayout.objects.exists()


# --- payouts


def test_a_payout_fails_is_tried_again_and_is_paid(desk: Desk) -> None:
    payout, client = desk.payout(70), client_of(desk.clerk)
    lots = url("creditlot_changelist")
    assert "Paying back failed" not in client.get(lots).content.decode()
    assert press(client, url("creditpayout_mark_failed", payout.pk)).status_code == 200  # not without a reason
    assert said(press(client, url("creditpayout_mark_failed", payout.pk), error="account closed")) == [
        "The payout stands under “Failed” now, and its top-up shows it."
    ]
    for page in (lots, url("creditaccount_change", payout.account_id), url("creditlot_change", payout.lot_id)):
        assert "Paying back failed" in client.get(page).content.decode(), page
    assert "account closed" in client.get(url("creditpayout_mark_paid", payout.pk)).content.decode()
    assert said(press(client, url("creditpayout_try_again", payout.pk))) == ["It waits to be paid again."]
    assert press(client, url("creditpayout_mark_paid", payout.pk)).status_code == 200  # not without a reference
    assert said(press(client, url("creditpayout_mark_paid", payout.pk), reference="TR-1")) == ["70.00 yuan are marked as paid back."]
    payout.refresh_from_db()
    assert (payout.status, payout.reference) == (PayoutStatus.PAID, "TR-1")
    for act in ("mark_paid", "mark_failed", "try_again"):
        assert client.get(url(f"creditpayout_{act}", payout.pk)).status_code == 404
    assert list(AuditEvent.objects.filter(target_id=payout.pk).order_by("pk").values_list("verb", "actor")) == [
        (f"credit_payout.{verb}", desk.clerk.pk) for verb in ("failed", "retried", "paid")
    ]


def chosen(client: Client, payouts: list[CreditPayout], **fields: Any) -> Any:
    return client.post(
        url("creditpayout_changelist"), {"action": "mark_chosen_paid", "index": "0", "_selected_action": [payout.pk for payout in payouts], **fields}
    )


def test_chosen_payouts_are_paid_under_one_reference_after_a_look(desk: Desk) -> None:
    first, second, paid = desk.payout(70), desk.payout(1200), desk.payout(9)
    client = client_of(desk.clerk)
    press(client, url("creditpayout_mark_paid", paid.pk), reference="OLD")
    look = chosen(client, [first, second, paid])
    shown = look.content.decode()
    assert look.status_code == 200
    assert "2 payouts, 1,270.00 yuan together" in shown
    assert CreditPayout.objects.filter(status=PayoutStatus.PAID).count() == 1
    assert chosen(client, [first, second], reference=" ").status_code == 200
    done = chosen(client, [first, second], reference="BATCH-7")
    assert said(done) == ["2 payouts are marked as paid."]
    assert sorted(CreditPayout.objects.values_list("reference", flat=True)) == ["BATCH-7", "BATCH-7", "OLD"]
    assert said(chosen(client, [first, second]))[-1] == "All of these are paid already."


def test_chosen_payouts_of_another_store_are_not_paid(desk: Desk) -> None:
    own, store = desk.payout(70), desk.store
    desk.store = make_store("other")
    foreign = desk.payout(50)
    desk.store = store
    chosen(client_of(desk.clerk), [own, foreign], reference="BATCH-7")
    foreign.refresh_from_db()
    own.refresh_from_db()
    assert (own.status, foreign.status) == (PayoutStatus.PAID, PayoutStatus.WAITING)


def test_a_reader_has_no_bulk_act(desk: Desk) -> None:
    payout = desk.payout(70)
    chosen(client_of(desk.reader), [payout], reference="BATCH-7")
    payout.refresh_from_db()
    assert payout.status == PayoutStatus.WAITING


# --- all of them


def rows_for_acts(desk: Desk) -> dict[str, Any]:
    member = desk.member(200, 20)
    return {
        "creditaccount_adjust": account_of(member),
        "member_adjust": make_member(desk.store, "BARE"),
        "creditlot_refund_top_up": desk.lot(desk.member()),
        "credithold_release": desk.hold(member, 30),
        "creditpayout_mark_paid": desk.payout(),
        "creditpayout_mark_failed": desk.payout(),
        "creditadjustment_approve": desk.adjustment(member, 600),
        "creditadjustment_refuse": desk.adjustment(member, 700),
        "creditadjustment_withdraw": desk.adjustment(member, 800),
    }


LEADS = {"creditlot_refund_top_up", "credithold_release", "creditadjustment_approve", "creditadjustment_refuse"}


def test_a_get_only_asks(desk: Desk) -> None:
    rows = rows_for_acts(desk)
    counts = CreditEntry.objects.count(), AuditEvent.objects.count(), CreditHold.objects.filter(status=HoldStatus.HELD).count()
    client = client_of(desk.owner)
    for name, row in rows.items():
        answer = client.get(url(name, row.pk), {"_form_submitted": "1", "reason": "r", "reference": "r", "error": "e", "key": "k", "principal": "5"})
        assert answer.status_code == 200, name
    assert counts == (CreditEntry.objects.count(), AuditEvent.objects.count(), CreditHold.objects.filter(status=HoldStatus.HELD).count())


def test_each_act_is_for_its_roles_only(desk: Desk) -> None:
    rows = rows_for_acts(desk)
    reader, clerk = client_of(desk.reader), client_of(desk.clerk)
    for name, row in rows.items():
        for method in ("get", "post"):
            assert getattr(reader, method)(url(name, row.pk)).status_code == 403, name
        assert clerk.get(url(name, row.pk)).status_code == (403 if name in LEADS else 200), name


def test_dialogs_are_complete_in_chinese(desk: Desk) -> None:
    client = client_of(desk.owner, "zh-hans")
    for name, row in rows_for_acts(desk).items():
        shown = client.get(url(name, row.pk), headers={"HX-Request": "true"}).content.decode()
        text = re.sub(r"<[^>]+>|&\w+;", " ", re.sub(r"material-symbols-outlined[^<]*<|<(script|style).*?</\1>", "<", shown, flags=re.DOTALL))
        words = {word for word in re.findall(r"[A-Za-z]{3,}", text) if not re.match(r"ORDER|user|goodwill|BARE|close|check|expand", word)}
        assert not words, (name, words)
