"""Lists and pages beside the ledger: what they show, tabs, queries with one row and with three, and what waits for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.kernel import clock
from backoffice.kernel.admin.display import BAD, BUSY, WARN
from backoffice.kernel.ports import TimelineItem, payment_sources
from members.models import CreditEntry, CreditHold, CreditPayout, Event, Payment
from members.services.credit import capture, hold, refund_spend, release
from members.services.credit.payouts import mark_failed, mark_paid
from members.services.payments import PaymentLine, RefundOf, record_payment, refund_payment
from members.services.policy import change_policy
from tests.factories import make_store
from tests.members.admin.credit_desk import Desk, client_of, url
from tests.members.ledger import account_of, give, take, yuan

pytestmark = pytest.mark.django_db

SCREENS = ["credithold", "creditpayout", "creditadjustment", "payment", "event", "creditpolicy", "creditlot", "creditentry"]


def pay(desk: Desk, member: Any, order_no: str) -> Payment:
    """An order of two lines, 40 of it paid with credit, its first line refunded."""
    now = clock.database_now()
    paid = record_payment(
        store=desk.store, member=member, order_no=order_no, paid_at=now, amount=yuan(200), credit_used=yuan(40),
        lines=[PaymentLine(1, yuan(150), yuan(30)), PaymentLine(2, yuan(50), yuan(10))], idempotency_key=f"pay-{order_no}", by=None, now=now,
    )  # fmt: skip
    refund_payment(store=desk.store, order_no=order_no, lines=[RefundOf(1, yuan(75))], refunded_at=now, idempotency_key=f"refund-{order_no}", by=None, now=now)
    payment: Payment = paid.payment
    return payment


def furnish(desk: Desk, number: int) -> Any:
    """A row on every screen. Returns the member."""
    now = clock.database_now()
    member = desk.member(300, 60)
    desk.hold(member, 20)
    desk.payout(30 + number)
    desk.adjustment(member, 600 + number)
    pay(desk, member, f"PAY{number}")
    Event.objects.create(store=desk.store, event_id=f"EV{number}", person=member.person, member=member, name="page_view", occurred_at=now, properties={"n": 1})
    change_policy(store=desk.store if not number else make_store(merchant=desk.store.merchant), by=None, now=now)
    return member


@pytest.mark.parametrize("console", ["merchant", "platform"])
@pytest.mark.parametrize("screen", SCREENS)
def test_a_list_costs_the_same_queries_with_one_row_and_with_three(screen: str, console: str, desk: Desk) -> None:
    client = client_of(desk.owner if console == "merchant" else desk.staff)
    costs = []
    for number in range(3):
        furnish(desk, number)
        client.get(url(f"{screen}_changelist", console=console))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(url(f"{screen}_changelist", console=console)).status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[2]
    assert costs[0] <= 12


def rows(client: Client, screen: str, **query: str) -> list[int]:
    return sorted(row.pk for row in client.get(url(f"{screen}_changelist"), query).context["cl"].result_list)


def test_tabs_of_payouts_are_the_queue(desk: Desk) -> None:
    waiting, failed, paid = desk.payout(), desk.payout(), desk.payout()
    now = clock.database_now()
    mark_failed(payout=failed, error="closed", by=None, now=now)
    mark_paid(payout=paid, reference="TR-1", by=None, now=now)
    client = client_of(desk.clerk)
    for query, expected in (("WAITING", waiting), ("RETURN_FAILED", failed), ("PAID", paid)):
        assert rows(client, "creditpayout", status__exact=query) == [expected.pk]
    page = client.get(url("creditpayout_changelist")).content.decode()
    for shown in ("To pay", "Failed", "closed", "TR-1", "Credit lapsed"):
        assert shown in page


def test_tabs_of_adjustments_know_who_looks(desk: Desk) -> None:
    member = desk.member()
    by_clerk, by_owner, done = desk.adjustment(member, 600), desk.adjustment(member, 700, by=desk.owner), desk.adjustment(member, 5)
    owner, clerk, reader = client_of(desk.owner), client_of(desk.clerk), client_of(desk.reader)
    assert rows(owner, "creditadjustment", queue="for_me") == [by_clerk.pk]
    assert rows(owner, "creditadjustment", queue="mine") == [by_owner.pk]
    assert rows(owner, "creditadjustment", queue="done") == [done.pk]
    assert rows(clerk, "creditadjustment", queue="mine") == sorted([by_clerk.pk, done.pk])
    assert rows(clerk, "creditadjustment", queue="for_me") == rows(reader, "creditadjustment", queue="for_me") == []
    assert "Waits for me" in owner.get(url("creditadjustment_changelist")).content.decode()
    assert "Waits for me" not in clerk.get(url("creditadjustment_changelist")).content.decode()


def test_open_holds_have_their_age(desk: Desk) -> None:
    member = desk.member(500)
    old, new, settled = desk.hold(member, 10, days_ago=8), desk.hold(member, 10, days_ago=6), desk.hold(member, 10, days_ago=30)
    release(hold=settled, idempotency_key="r", by=None, now=clock.database_now())
    client = client_of(desk.reader)
    assert rows(client, "credithold", open="long") == [old.pk]
    assert rows(client, "credithold", status__exact="HELD") == sorted([old.pk, new.pk])
    assert "Open for more than 7 days" in client.get(url("credithold_change", old.pk)).content.decode().split("<h2>")[1]
    assert "Open for more than 7 days" not in client.get(url("credithold_change", new.pk)).content.decode().split("<h2>")[1]


@pytest.mark.parametrize(
    ("screen", "term"),
    [
        ("credithold", "order"),
        ("credithold", "nickname"),
        ("payment", "PAY1"),
        ("payment", "nickname"),
        ("event", "EV1"),
        ("event", "nickname"),
        ("creditpayout", "number"),
    ],
)
def test_rows_are_searched(screen: str, term: str, desk: Desk) -> None:
    members = [furnish(desk, number) for number in range(2)]
    member = members[1]
    payout = CreditPayout.objects.order_by("-pk")[0]
    terms = {"order": CreditHold.objects.get(account__member=member).order_no, "nickname": member.nickname, "number": payout.account.member.member_no}
    found = client_of(desk.owner).get(url(f"{screen}_changelist"), {"q": terms.get(term, term)}).context["cl"].result_list
    assert len(found) == 1
    owner_of = getattr(found[0], "member", None) or found[0].account.member
    assert owner_of == (payout.account.member if screen == "creditpayout" else member)


# --- pages


def test_entries_say_what_they_belong_to(desk: Desk) -> None:
    now = clock.database_now()
    member = desk.member(100, 20)
    account = account_of(member)
    spent = take(member, 30, now=now, order_no="A-1")
    refund_spend(store_id=desk.store.pk, order_no="A-1", lines=None, idempotency_key="f", by=desk.clerk, now=now)
    take(member, 12, now=now, order_no="A-2")
    held = hold(account=account, amount=yuan(24), order_no="B-1", idempotency_key="h", by=None, now=now)
    capture(hold=held.hold_id, amount=yuan(18), idempotency_key="c", by=None, now=now)
    client = client_of(desk.reader)
    page = client.get(url("creditaccount_change", account.pk)).content.decode()
    spend_entry = spent.parts[0].entry_id
    for shown in (
        f"Gives back entry #{spend_entry}",
        "Given back in full",
        f"Hold #{held.hold_id}",
        "made final: principal 15.00, bonus 3.00",
        "B-1",
        "Captured",
    ):
        assert shown in page, shown
    assert page.count("Given back in full") == 1
    entry = client.get(url("creditentry_change", spend_entry)).content.decode()
    assert "Given back in full" in entry
    hold_page = client.get(url("credithold_change", held.hold_id)).content.decode()
    assert "18.00 were made final, 6.00 went back to the lots." in hold_page


def test_half_given_back_says_how_much(desk: Desk) -> None:
    member = desk.member(200, 0)
    payment = pay(desk, member, "PAY1")
    page = client_of(desk.reader).get(url("payment_change", payment.pk)).content.decode()
    for shown in ("Order PAY1", "200.00", "of it in money: 160.00", "Partly refunded", "Given back so far: 15.00", "line 1: 75.00", desk.lot(member).source_no):
        assert shown in page, shown


def test_a_payment_shows_what_other_packages_tell_of_it(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = pay(desk, desk.member(200, 0), "PAY1")

    def source(asked: Payment, user: Any, limit: int) -> list[TimelineItem]:
        assert (asked, user, limit > 0) == (payment, desk.reader, True)
        return [TimelineItem(clock.database_now(), "message", "After-payment notice", "", "Sent", "success", "/somewhere/")]

    monkeypatch.setattr("members.admin.payments.payment_sources", [source])
    page = client_of(desk.reader).get(url("payment_change", payment.pk)).content.decode()
    assert "After-payment notice" in page
    assert "/somewhere/" in page
    assert isinstance(payment_sources, list)


def test_an_event_shows_its_properties_as_text(desk: Desk) -> None:
    member = desk.member()
    event = Event.objects.create(
        store=desk.store,
        event_id="E1",
        person=member.person,
        member=member,
        name="view",
        occurred_at=clock.database_now(),
        properties={"title": "<script>x</script>"},
    )
    page = client_of(desk.reader).get(url("event_change", event.pk)).content.decode()
    assert "&lt;script&gt;x&lt;/script&gt;" in page
    assert "<script>x" not in page


def test_pages_cost_the_same_queries_with_one_row_beside_and_with_three(desk: Desk) -> None:
    member = desk.member(2000, 400)
    account, client = account_of(member), client_of(desk.owner)
    lot = desk.lot(member)
    costs: dict[str, list[int]] = {"creditaccount": [], "creditlot": [], "payment": [], "credithold": []}
    for number in range(3):
        now = clock.database_now()
        held = desk.hold(member, 20)
        desk.adjustment(member, 600 + number)
        payment = pay(desk, member, f"PAY{number}")
        give(member, 10, 0, now=now - timedelta(days=3), expires_at=now + timedelta(days=60))
        entry = CreditEntry.objects.filter(account=account).latest("pk")
        payout_entry = CreditEntry.objects.create(
            store=desk.store, account=account, lot=lot, kind="PAYOUT", principal_amount=0, bonus_amount=0, balance_after=entry.balance_after,
            idempotency_key=f"x{number}", body_hash=b"0" * 32, happened_at=now,
        )  # fmt: skip
        CreditPayout.objects.create(store=desk.store, account=account, lot=lot, entry=payout_entry, cause="LAPSE", amount=1, created_at=now)
        pages = {"creditaccount": account.pk, "creditlot": lot.pk, "payment": payment.pk, "credithold": held.pk}
        for name, number_of_row in pages.items():
            client.get(url(f"{name}_change", number_of_row))
            with CaptureQueriesContext(connection) as queries:
                assert client.get(url(f"{name}_change", number_of_row)).status_code == 200
            costs[name].append(len(queries))
    for name, counted in costs.items():
        assert counted[0] == counted[2], (name, counted)
        assert counted[0] <= 22, (name, counted)


def test_staff_have_no_name_for_merchants(desk: Desk) -> None:
    member = desk.member()
    adjustment = desk.adjustment(member, 600, by=desk.staff)
    for page in (url("creditadjustment_changelist"), url("creditadjustment_change", adjustment.pk), url("creditaccount_change", account_of(member).pk)):
        shown = client_of(desk.owner).get(page).content.decode()
        assert "郑平台" not in shown, page
        assert "Platform staff" in shown, page
    assert "郑平台" in client_of(desk.staff).get(url("creditadjustment_change", adjustment.pk, console="platform")).content.decode()


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_an_empty_list_says_what_to_do(screen: str, language: str, desk: Desk) -> None:
    page = client_of(desk.reader, language).get(url(f"{screen}_changelist")).content.decode()
    assert ("Nothing here yet" if language == "en" else "还没有内容") in page or "max-w-lg" in page


# --- what needs somebody


def needs(user: Any, console: str = "merchant") -> dict[str, Any]:
    found = client_of(user).get(f"/{'admin' if console == 'platform' else console}/").context["needs"]
    return {need.text: need for need in found if any(word in need.text for word in ("payout", "adjustment", "hold"))}


def test_homes_tell_what_of_the_credit_needs_somebody(desk: Desk) -> None:
    member = desk.member(500)
    desk.hold(member, 10, days_ago=9)
    desk.hold(member, 10)
    desk.adjustment(member, 600)
    desk.adjustment(member, 700, by=desk.owner)
    desk.payout(70)
    failed = desk.payout(1100)
    mark_failed(payout=failed, error="closed", by=None, now=clock.database_now())
    told = needs(desk.owner)
    assert {text: need.tone for text, need in told.items()} == {
        "1 payout failed (1,100.00 yuan): have the account corrected": BAD,
        "1 payout is to be paid (70.00 yuan)": WARN,
        "1 adjustment of credit waits for your yes or no": WARN,
        "1 hold is open for more than 7 days": BUSY,
    }
    client = client_of(desk.owner)
    for need in told.values():
        assert len(client.get(need.url).context["cl"].result_list) == need.count
    assert set(needs(desk.clerk)) == {text for text in told if "payout" in text}
    assert needs(desk.reader) == {}
    assert "2 adjustments of credit wait for your yes or no" in needs(desk.staff, "platform")


def test_needs_of_other_stores_are_not_told(desk: Desk) -> None:
    own = desk.store
    desk.store = make_store("other")
    desk.payout(70)
    desk.store = own
    assert needs(desk.owner) == {}
