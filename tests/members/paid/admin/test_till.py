"""At the till: selling, payment, renewal, consent, cancelling with the refund shown beforehand; issues, promises, refunds, complaints, the bar, home."""

from __future__ import annotations

from datetime import timedelta

import pytest

from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import BenefitIssue, Complaint, Fulfilment, PaidMembership, PaidRefund, SanctionAppeal
from members.paid.services.sanctions import impose_sanction
from tests.factories import make_store, make_user
from tests.members.paid.admin.shop import Shop, act, client_of, open_shop, text, today, url

CALL = {"call": {"kind": "CUSTOM", "settings": {"promise": "A call from the owner"}}}


def test_a_card_is_sold_only_to_members_and_opens_with_its_gift(shop: Shop) -> None:
    program, client, member = shop.program(), client_of(shop.clerk), shop.member()
    answer = act(client, url("paidmembership_sell"), program=program.pk, member_no="NOBODY", order_no="T1", paid="on")
    assert "Only members can buy: the person joins first." in answer.content.decode()
    assert not PaidMembership.objects.exists()
    act(client, url("paidmembership_sell"), program=program.pk, member_no=member.member_no, order_no="T1", paid="on")
    row = PaidMembership.objects.get()
    assert (row.member, row.source, row.status, row.starts_on) == (member, "CONSOLE", "ACTIVE", today())
    page = text(client, url("paidmembership_change", row.pk))
    assert "Gift" in page
    assert "Issued" in page


def test_an_unpaid_order_waits_and_opens_when_the_payment_is_there(shop: Shop) -> None:
    program, client, member = shop.program(), client_of(shop.clerk), shop.member()
    act(client, url("paidmembership_sell"), program=program.pk, member_no=member.member_no, order_no="T1")
    row = PaidMembership.objects.get()
    assert row.status == "PENDING"
    assert row.order_no in text(client, url("paidmembership_changelist", query="term=waiting"))
    act(client, url("paidmembership_confirm_payment", row.pk))
    row.refresh_from_db()
    assert row.status == "ACTIVE"


def test_renewal_and_consent(shop: Shop) -> None:
    row, client = shop.sold(shop.program()), client_of(shop.clerk)
    act(client, url("paidmembership_renew", row.pk), order_no="T2", paid="on")
    renewed = PaidMembership.objects.get(order_no="T2")
    assert (renewed.starts_on, renewed.is_renewal) == (row.ends_on, True)
    act(client, url("paidmembership_consent_on", renewed.pk))
    renewed.refresh_from_db()
    assert renewed.auto_renew_consent_at is not None
    act(client, url("paidmembership_consent_off", renewed.pk))
    renewed.refresh_from_db()
    assert renewed.auto_renew_consent_at is None


def test_cancelling_says_the_refund_beforehand_and_the_refund_is_paid(shop: Shop) -> None:
    row, owner = shop.sold(shop.program()), client_of(shop.owner)
    dialog = text(owner, url("paidmembership_cancel", row.pk))
    assert "99.00" in dialog
    assert "Cancelled soon, nothing used" in dialog
    assert client_of(shop.clerk).get(url("paidmembership_cancel", row.pk)).status_code == 403
    act(owner, url("paidmembership_cancel", row.pk), reason="moved")
    refund = PaidRefund.objects.get()
    assert (refund.amount, refund.status) == (row.price, "DUE")
    assert row.order_no in text(owner, url("paidrefund_changelist", query="status__exact=DUE"))
    act(owner, url("paidrefund_mark_paid", refund.pk), reference="BANK 7")
    refund.refresh_from_db()
    assert (refund.status, refund.reference) == ("PAID", "BANK 7")


def test_an_issue_is_marked_as_used(shop: Shop) -> None:
    shop.sold(shop.program())
    issue, client = BenefitIssue.objects.get(benefit__key="gift"), client_of(shop.clerk)
    act(client, url("benefitissue_use", issue.pk), reference="ORDER 5")
    issue.refresh_from_db()
    assert (issue.status, issue.used_reference) == ("USED", "ORDER 5")
    assert client.get(url("benefitissue_use", issue.pk)).status_code == 404


def test_a_promise_is_late_by_its_date_and_done_with_evidence(shop: Shop) -> None:
    shop.sold(shop.program(benefits=CALL))
    row, client = Fulfilment.objects.get(), client_of(shop.clerk)
    assert "No promise is owed" in text(client, url("fulfilment_changelist", query="late=1")) or "Late" in text(client, url("fulfilment_changelist"))
    Fulfilment.objects.update(deliver_by=today() - timedelta(days=1))
    assert row.issue.member.member_no in text(client, url("fulfilment_changelist", query="late=1"))
    assert "1 promise to a paid member is late" in text(client, "/merchant/")
    act(client, url("fulfilment_keep_promise", row.pk), evidence="")
    row.refresh_from_db()
    assert row.status == "DUE"
    act(client, url("fulfilment_keep_promise", row.pk), evidence="Called on Monday")
    row.refresh_from_db()
    assert (row.status, row.evidence) == ("DONE", "Called on Monday")


def complained(shop: Shop) -> Complaint:
    row, now = shop.sold(shop.program(benefits=CALL)), database_now()
    return Complaint.objects.create(
        store=shop.store, member=row.member, program=row.program, text="No call came", status="ACCEPTED", filed_at=now, accepted_at=now,
        reply_by=now + timedelta(days=5),
    )  # fmt: skip


def test_a_complaint_is_answered_once(shop: Shop) -> None:
    complaint, client = complained(shop), client_of(shop.clerk)
    assert "1 complaint waits for your reply" in text(client, "/merchant/")
    assert "No call came" in text(client, url("complaint_reply", complaint.pk))
    act(client, url("complaint_reply", complaint.pk), text="We called twice")
    complaint.refresh_from_db()
    assert (complaint.status, complaint.reply) == ("REPLIED", "We called twice")
    assert client.get(url("complaint_reply", complaint.pk)).status_code == 404


def test_home_names_the_next_step_and_the_refunds(shop: Shop) -> None:
    other = open_shop("other")
    other.program(status="DRAFT")
    program = shop.program(status="DRAFT")
    client = client_of(shop.owner)
    page = text(client, "/merchant/")
    assert "The next step of 1 paid program is yours" in page
    listed = text(client, url("paidprogram_changelist", query="turn=yours"))
    assert program.name in listed
    assert other.store.name not in listed
    assert "next step" not in text(client_of(shop.reader), "/merchant/")


def test_a_barred_merchant_reads_keeps_promises_and_appeals_but_begins_nothing(shop: Shop) -> None:
    complaint = complained(shop)
    Complaint.objects.update(status="REPLIED", reply="No", replied_at=database_now())
    complaint.refresh_from_db()
    impose_sanction(complaint=complaint, verdict="False promise", typed_merchant_code=shop.store.merchant.code, by=shop.staff, now=database_now())
    owner, clerk, program = client_of(shop.owner), client_of(shop.clerk), shop.store.paid_programs.get()
    for address in (url("paidprogram_changelist"), url("paidprogram_change", program.pk), url("paidprogram_decoration", program.pk), url("figures")):
        assert "has lost paid membership after a proven complaint" in text(owner, address)
    assert 'name="up"' not in text(owner, url("paidprogram_decoration", program.pk))
    assert url("paidmembership_sell") not in text(owner, url("paidmembership_changelist"))
    answer = owner.post(url("paidprogram_pack", program.pk), {"act": "draft"}, follow=True)
    assert "barred from new member features" in answer.content.decode()
    assert program.packs.count() == 1
    promise = Fulfilment.objects.get()
    act(clerk, url("fulfilment_keep_promise", promise.pk), evidence="Called")
    promise.refresh_from_db()
    assert promise.status == "DONE"

    sanction = shop.store.merchant.sanctions.get()
    assert "The owner can appeal." in text(clerk, url("sanction"))
    assert clerk.post(url("sanction"), {"sanction": sanction.pk, "text": "No"}).status_code == 403
    assert owner.post(url("sanction"), {"sanction": sanction.pk, "text": ""}).status_code == 422
    owner.post(url("sanction"), {"sanction": sanction.pk, "text": "We called on Monday"})
    assert SanctionAppeal.objects.get().text == "We called on Monday"
    assert "We called on Monday" in text(clerk, url("sanction"))
    assert "Holders at that time" in text(clerk, url("sanction"))

    # A seat at another store of the merchant reads that there is a sanction, and nothing of what was said and counted here.
    second = make_store("second", merchant=shop.store.merchant)
    page = text(client_of(make_user(Role.MERCHANT_OPERATOR, merchant=shop.store.merchant, stores=[second])), url("sanction"))
    assert "May be appealed until" in page
    assert [words for words in ("False promise", "We called on Monday", "Holders at that time") if words in page] == []


def test_another_merchants_sanction_is_neither_shown_nor_appealed(shop: Shop) -> None:
    other = open_shop("other")
    complaint = complained(other)
    Complaint.objects.update(status="REPLIED", reply="No", replied_at=database_now())
    complaint.refresh_from_db()
    impose_sanction(complaint=complaint, verdict="QFALSEQ", typed_merchant_code=other.store.merchant.code, by=other.staff, now=database_now())
    client = client_of(shop.owner)
    assert "QFALSEQ" not in text(client, url("sanction"))
    assert client.post(url("sanction"), {"sanction": other.store.merchant.sanctions.get().pk, "text": "x"}).status_code == 404
    assert not SanctionAppeal.objects.exists()


@pytest.mark.parametrize("code", ["new", "renewed", "churned", "held", "paid"])
def test_a_figure_of_a_month_leads_to_its_rows(shop: Shop, code: str) -> None:
    row, client = shop.sold(shop.program(), order_no="QORDERQ"), client_of(shop.owner)
    page = text(client, url("paidmembership_changelist", query=f"term={code}-{today():%Y-%m}"))
    assert (row.order_no in page) == (code in ("new", "held", "paid"))
    assert row.order_no not in text(client, url("paidmembership_changelist", query="term=nonsense"))
