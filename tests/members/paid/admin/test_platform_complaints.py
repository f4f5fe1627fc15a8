"""Platform console: the desk of promises, complaints, the sanction with what it stops, appeals, numbers, figures, what needs staff now."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitIssue, Complaint, Fulfilment, PaidMembership, PaidNumber, PaidProgram, Sanction, SanctionAppeal
from members.paid.services.sanctions import file_appeal
from tests.applications.admin.consoles import act, logged_in, queries, text
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import make_membership, make_program

COMPLAINTS, SANCTIONS, APPEALS = "/admin/paid/complaint/", "/admin/paid/sanction/", "/admin/paid/sanctionappeal/"
DESK, PROGRAMS, TERMS = "/admin/paid/fulfilment/", "/admin/paid/paidprogram/", "/admin/paid/paidmembership/"
NUMBERS, FIGURES = "/admin/paid/paidnumber/", "/admin/paid/paidprogram/figures/"
DAY = timedelta(days=1)
PROMISE = {"promise": "A call on your birthday", "delivery": "By phone", "owner": "Ms Li", "evidence": "Call record"}

pytestmark = pytest.mark.django_db


def ops() -> Any:
    return logged_in(make_user(Role.PLATFORM_MEMBER_OPS))


def make_promise(program: PaidProgram, *, days: int = 3, **given: Any) -> Fulfilment:
    """A member of the program is owed its custom benefit ``call``; ``days`` until the last day, negative: late."""
    today = local_day(database_now())
    member = make_member(program.store)
    term = make_membership(program, member, starts_on=today - 10 * DAY)
    issue = BenefitIssue.objects.create(
        store=program.store, paid_membership=term, member=member, benefit=program.pack.benefits.get(key="call"), period=0, due_on=today - 10 * DAY,
        expires_on=term.ends_on, status="ISSUED", issued_at=database_now(),
    )  # fmt: skip
    return Fulfilment.objects.create(issue=issue, store=program.store, deliver_by=today + days * DAY, **given)


def make_plan(store: Any, **given: Any) -> PaidProgram:
    call = {"kind": "CUSTOM", "title": "Birthday call", "settings": PROMISE, "deadline_days": 7}
    return make_program(store, by=make_user(), benefits={"gift": {}, "call": call}, **given)


def complain(owed: Fulfilment, status: str = "FILED", **given: Any) -> Complaint:
    now = database_now()
    issue = owed.issue
    heard = {} if status == "FILED" else {"accepted_at": now - DAY, "reply_by": now + 4 * DAY}
    answered = {"reply": "We tried twice.", "replied_at": now} if status == "REPLIED" else {}
    fields = {"text": "Nobody called.", "evidence": "No call that day", "filed_at": now - 2 * DAY, "status": status, **heard, **answered}
    return Complaint.objects.create(
        store=owed.store, member=issue.member, program=issue.paid_membership.program, benefit=issue.benefit, issue=issue, **fields | given
    )


def accused() -> Complaint:
    """A merchant M with two stores and three programs, one of them a draft; the complaint was answered."""
    one = make_store("S1")
    type(one.merchant).objects.filter(pk=one.merchant_id).update(code="M-77", name="Cotton House")
    two = make_store("S2", merchant=one.merchant)
    owed = make_promise(make_plan(one, name="Gold card"))
    make_plan(two, name="Silver card")
    make_plan(two, name="Draft card", status="DRAFT")
    make_plan(make_store("S9"), name="Elsewhere card")
    return complain(owed, "REPLIED")


# --- complaints


def test_from_the_queue_to_the_sanction_in_three_clicks_and_a_typed_code() -> None:
    case, client = accused(), ops()
    queue = text(client, f"{COMPLAINTS}?queue=to_rule")
    assert f"{COMPLAINTS}{case.pk}/change/" in queue  # click 1
    page = text(client, f"{COMPLAINTS}{case.pk}/change/")
    for told in ("Nobody called.", "No call that day", "We tried twice.", "A call on your birthday", "By phone", "Ms Li", "Cotton House"):
        assert told in page, told
    assert f"{COMPLAINTS}{case.pk}/sanction/" in page  # click 2: a page of its own, no dialog
    assert f'hx-get="{COMPLAINTS}{case.pk}/sanction/"' not in page
    before = list(PaidProgram.objects.order_by("pk").values())
    foreseen = text(client, f"{COMPLAINTS}{case.pk}/sanction/")
    for told in ("Gold card", "Silver card", "Draft card", "店铺-S2", "<strong>3</strong>programs are revoked", "<strong>2</strong>leave both entry points",
                 "<strong>1</strong>holders today", "<strong>2</strong>stores are barred", "M-77", "for 15 days"):  # fmt: skip
        assert told in foreseen, told
    assert "Elsewhere card" not in foreseen
    assert list(PaidProgram.objects.order_by("pk").values()) == before
    refused = act(client, f"{COMPLAINTS}{case.pk}/sanction/", verdict="No call was made.", typed_merchant_code="m-77")  # click 3
    assert "exactly as it is shown" in refused.content.decode()
    assert not Sanction.objects.exists()
    act(client, f"{COMPLAINTS}{case.pk}/sanction/", verdict="No call was made.", typed_merchant_code="M-77")
    assert set(PaidProgram.objects.exclude(name="Elsewhere card").values_list("status", flat=True)) == {"REVOKED"}
    assert MerchantBar.objects.get().merchant == case.store.merchant
    sanction = Sanction.objects.get()
    shown = text(client, f"{SANCTIONS}{sanction.pk}/change/")
    assert "No call was made." in shown
    assert "Gold card" in shown
    assert "Elsewhere card" not in shown
    assert f"{SANCTIONS}{sanction.pk}/change/" in text(client, f"{COMPLAINTS}{case.pk}/change/")
    assert client.get(f"{COMPLAINTS}{case.pk}/sanction/").status_code == 404


def test_a_complaint_is_taken_up_or_not_and_ruled_on_after_the_reply() -> None:
    program = make_plan(make_store("S1"))
    first, second = complain(make_promise(program)), complain(make_promise(program))
    client = ops()
    assert "5 days to answer" in text(client, f"{COMPLAINTS}{first.pk}/accept/")
    act(client, f"{COMPLAINTS}{first.pk}/accept/")
    act(client, f"{COMPLAINTS}{second.pk}/dismiss/", verdict="About another shop.")
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.status, second.status, second.verdict) == ("ACCEPTED", "DISMISSED", "About another shop.")
    for name in ("honoured", "not-proven", "sanction"):
        assert client.get(f"{COMPLAINTS}{first.pk}/{name}/").status_code == 404  # the merchant still has time
    Complaint.objects.filter(pk=first.pk).update(reply_by=database_now() - timedelta(minutes=1))
    assert "did not answer in time" in text(client, f"{COMPLAINTS}{first.pk}/change/")
    act(client, f"{COMPLAINTS}{first.pk}/honoured/", verdict="Called on the 21st.")
    first.refresh_from_db()
    assert (first.status, first.verdict) == ("HONOURED", "Called on the 21st.")


def test_not_proven() -> None:
    case, client = accused(), ops()
    act(client, f"{COMPLAINTS}{case.pk}/not-proven/", verdict="The call record shows a call.")
    case.refresh_from_db()
    assert (case.status, Sanction.objects.count()) == ("NOT_PROVEN", 0)


def test_staff_write_a_complaint_down_on_the_purchase() -> None:
    owed, client = make_promise(make_plan(make_store("S1"))), ops()
    term = owed.issue.paid_membership
    dialog = text(client, f"{TERMS}{term.pk}/complain/")
    assert "Birthday call" in dialog
    act(client, f"{TERMS}{term.pk}/complain/", benefit="", text="Card was refused", evidence="")
    made = Complaint.objects.get()
    assert (made.member, made.program, made.benefit, made.filed_by_id is not None) == (term.member, term.program, None, True)


@pytest.mark.parametrize("role", [Role.PLATFORM_INDUSTRY_OPS, Role.PLATFORM_APPEALS, Role.PLATFORM_AUDITOR])
def test_who_only_reads(role: str) -> None:
    case = accused()
    client = logged_in(make_user(role))
    page = text(client, f"{COMPLAINTS}{case.pk}/change/")
    for name in ("honoured", "not-proven", "sanction"):
        assert f"/{case.pk}/{name}/" not in page
        assert client.get(f"{COMPLAINTS}{case.pk}/{name}/").status_code == 403
        assert act(client, f"{COMPLAINTS}{case.pk}/{name}/", verdict="x", typed_merchant_code="M-77").status_code == 403
    assert not Sanction.objects.exists()
    assert client.get(f"{NUMBERS}set-number/").status_code == 403


# --- appeals


def appealed(by: Any) -> SanctionAppeal:
    case = accused()
    act(logged_in(by), f"{COMPLAINTS}{case.pk}/sanction/", verdict="No call was made.", typed_merchant_code="M-77")
    owner = make_user(Role.MERCHANT_OWNER, merchant=case.store.merchant)
    return file_appeal(sanction=Sanction.objects.get(), text="The call was made on the 3rd.", by=owner, now=database_now())


def test_an_appeal_is_decided_by_somebody_else() -> None:
    both = make_user(Role.PLATFORM_ADMIN)
    appeal = appealed(both)
    own = logged_in(both)
    assert "somebody else has to decide" in text(own, f"{APPEALS}{appeal.pk}/change/")
    assert "somebody else has to decide" in act(own, f"{APPEALS}{appeal.pk}/grant/", reason="It was made.").content.decode()
    assert Sanction.objects.get().status == "IN_FORCE"
    officer = logged_in(make_user(Role.PLATFORM_APPEALS))
    page = text(officer, f"{APPEALS}{appeal.pk}/change/")
    assert "The call was made on the 3rd." in page
    assert "Gold card" in page
    assert "Elsewhere card" not in page
    act(officer, f"{APPEALS}{appeal.pk}/grant/", reason="The record shows the call.")
    assert Sanction.objects.get().status == "LIFTED"
    assert sorted(PaidProgram.objects.values_list("status", flat=True)) == ["DRAFT", "LIVE", "LIVE", "LIVE"]
    assert officer.get(f"{APPEALS}{appeal.pk}/deny/").status_code == 404


def test_an_appeal_is_denied() -> None:
    appeal = appealed(make_user(Role.PLATFORM_MEMBER_OPS))
    assert ops().get(f"{APPEALS}{appeal.pk}/deny/").status_code == 403
    act(logged_in(make_user(Role.PLATFORM_APPEALS)), f"{APPEALS}{appeal.pk}/deny/", reason="No record.")
    appeal.refresh_from_db()
    assert (appeal.status, appeal.reason, Sanction.objects.get().status) == ("DENIED", "No record.", "IN_FORCE")


# --- the desk


def test_the_desk_lists_what_is_due_late_done_and_complained_about() -> None:
    client = logged_in(make_user(Role.PLATFORM_INDUSTRY_OPS))
    shops = {name: make_store(name) for name in ("due-shop", "today-shop", "late-shop", "done-shop", "angry-shop")}
    plans = {name: make_plan(store) for name, store in shops.items()}
    make_promise(plans["due-shop"], days=3)
    make_promise(plans["today-shop"], days=0)
    make_promise(plans["late-shop"], days=-2)
    make_promise(plans["done-shop"], status="DONE", done_at=database_now(), evidence="Call record 12")
    complain(make_promise(plans["angry-shop"], status="DONE", done_at=database_now(), evidence="Call record 13"))
    shown = {
        queue: {name for name in shops if f'whitespace-nowrap">店铺-{name}<' in text(client, f"{DESK}?queue={queue}")}
        for queue in ("due", "late", "done", "complained")
    }
    assert shown == {"due": {"due-shop", "today-shop"}, "late": {"late-shop"}, "done": {"done-shop", "angry-shop"}, "complained": {"angry-shop"}}
    assert "late by 2 days" in text(client, f"{DESK}?queue=late")
    late = Fulfilment.objects.get(store=shops["late-shop"])
    page = text(client, f"{DESK}{late.pk}/change/")
    for told in ("A call on your birthday", "By phone", "Ms Li", "Call record", "7 days after issue"):
        assert told in page, told


# --- numbers


def test_a_number_is_changed_within_its_range_and_counts_at_once() -> None:
    client = ops()
    assert "Days in which the merchant answers a complaint" in text(client, NUMBERS)
    assert "Between 1 and 60" in act(client, f"{NUMBERS}set-number/?code=reply_days", code="reply_days", value="61").content.decode()
    assert "would be above the highest" in act(client, f"{NUMBERS}set-number/", code="least_card_fee", value="301").content.decode()
    assert not PaidNumber.objects.exists()
    act(client, f"{NUMBERS}set-number/?code=reply_days", code="reply_days", value="8")
    assert PaidNumber.objects.get().value == 8
    case = complain(make_promise(make_plan(make_store("S1"))))
    assert "8 days to answer" in text(client, f"{COMPLAINTS}{case.pk}/accept/")


# --- figures and what needs staff now


def test_figures_across_stores_and_of_one() -> None:
    client = ops()
    late = make_promise(make_plan(make_store("S1"), fee="120.00"), days=-1)
    complain(late)
    make_promise(make_plan(make_store("S2"), fee="30.00"))
    PaidMembership.objects.update(opened_at=database_now())
    page = text(client, FIGURES)
    assert "店铺-S1" in page
    assert "店铺-S2" in page
    assert "150.00" in page
    one = text(client, f"{FIGURES}?store=S1")
    assert "120.00" in one
    assert "150.00" not in one
    assert "店铺-S2" not in one
    assert client.get(f"{FIGURES}?store=nowhere").status_code == 404
    assert client.get(f"{FIGURES}?store=%00").status_code == 404
    assert logged_in(make_user(Role.PLATFORM_REVIEWER)).get(FIGURES).status_code == 403


def test_the_first_page_says_what_needs_whom() -> None:
    promise = make_promise(make_plan(make_store("S1")), days=-1)
    complain(promise)
    told = text(ops(), "/admin/")
    assert "1 complaint is new" in told
    assert "1 promise to members is late" in told
    industry = text(logged_in(make_user(Role.PLATFORM_INDUSTRY_OPS)), "/admin/")
    assert "1 complaint is new" not in industry
    assert "1 promise to members is late" in industry
    assert "is late: ask the merchant" not in text(logged_in(make_user(Role.PLATFORM_AUDITOR)), "/admin/")


def test_lists_and_pages_cost_the_same_for_one_row_and_three() -> None:
    client = logged_in(make_user(Role.PLATFORM_ADMIN))
    first = appealed(make_user(Role.PLATFORM_ADMIN))
    case = Complaint.objects.get()
    term = PaidMembership.objects.get()
    fulfilment = Fulfilment.objects.get()
    addresses = (
        COMPLAINTS, DESK, PROGRAMS, TERMS, SANCTIONS, APPEALS, FIGURES, NUMBERS, f"{COMPLAINTS}{case.pk}/change/", f"{DESK}{fulfilment.pk}/change/",
        f"{PROGRAMS}{case.program_id}/change/", f"{TERMS}{term.pk}/change/", f"{SANCTIONS}{first.sanction_id}/change/", f"{APPEALS}{first.pk}/change/",
    )  # fmt: skip
    before = queries(client, *addresses)
    for number in range(2):
        store = make_store(f"T{number}")
        owed = make_promise(make_plan(store))
        other = complain(owed, "PROVEN", decided_at=database_now(), decided_by=first.imposed_by, verdict="No call.")
        bar = MerchantBar.objects.create(merchant=store.merchant, reason="x", imposed_by=first.imposed_by, imposed_at=database_now())
        sanction = Sanction.objects.create(
            merchant=store.merchant, complaint=other, bar=bar, reason="x", imposed_by=first.imposed_by, imposed_at=database_now(), appeal_until=database_now()
        )
        SanctionAppeal.objects.create(sanction=sanction, text="No", filed_by=first.filed_by, filed_at=database_now(), imposed_by=first.imposed_by)
        make_promise(case.program)
        complain(fulfilment, text=f"Still nobody called {number}.")
    assert queries(client, *addresses) == before
    assert max(before) <= 25
