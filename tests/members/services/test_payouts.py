"""The queue of money that goes back: paid, failed, tried again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import StateConflict
from members.choices import PayoutStatus
from members.models import CreditPayout
from members.selectors.proof import prove_ledger
from members.services.credit import CreditRefused
from members.services.credit.lapse import sweep_lapsed
from members.services.credit.payouts import mark_failed, mark_paid, retry_payout
from tests.factories import NOON, make_user
from tests.members.ledger import everything, member_with, yuan

pytestmark = pytest.mark.django_db
SOON = NOON + timedelta(days=1)


@pytest.fixture
def payout() -> CreditPayout:
    member_with(100, 20, expires_at=SOON)
    sweep_lapsed(now=SOON)
    return CreditPayout.objects.get()


def told() -> list[tuple[Any, ...]]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", "reason", "facts"))


def test_a_payout_that_failed_shows_it_is_retried_and_paid(payout: CreditPayout) -> None:
    by, member = make_user(), payout.account.member
    before = everything(member)

    mark_failed(payout=payout, error="account closed", by=by, now=SOON)
    assert (payout.status, payout.error, payout.attempt_count, payout.settled_at) == (PayoutStatus.RETURN_FAILED, "account closed", 1, None)
    assert payout.lot.payouts.filter(status=PayoutStatus.RETURN_FAILED).exists()

    retry_payout(payout=payout, by=by, now=SOON)
    assert (payout.status, payout.error, payout.attempt_count) == (PayoutStatus.WAITING, "", 1)

    mark_paid(payout=payout, reference=" P-1 ", by=by, now=NOON)
    payout.refresh_from_db()
    assert (payout.status, payout.reference, payout.settled_at, payout.attempt_count) == (PayoutStatus.PAID, "P-1", NOON, 2)

    assert told() == [
        ("credit_payout.failed", "account closed", {"amount": "100.00", "attempt": 1}),
        ("credit_payout.retried", "", {"amount": "100.00", "attempt": 1}),
        ("credit_payout.paid", "", {"amount": "100.00", "attempt": 2, "reference": "P-1"}),
    ]
    assert {event.store_id for event in AuditEvent.objects.all()} == {payout.store_id}
    assert everything(member) == before  # the credit left the lot when the payout was queued
    assert prove_ledger().holds


def test_a_failed_payout_can_be_paid_another_way(payout: CreditPayout) -> None:
    mark_failed(payout=payout, error="refused", by=None, now=SOON)
    mark_paid(payout=payout, reference="cash", by=None, now=SOON)
    assert (payout.status, payout.error, payout.reference) == (PayoutStatus.PAID, "", "cash")


def test_what_is_paid_stays_paid_and_a_stale_page_changes_nothing(payout: CreditPayout) -> None:
    stale = CreditPayout.objects.get()
    mark_paid(payout=payout, reference="P-1", by=None, now=SOON)
    for act in (
        lambda: mark_paid(payout=stale, reference="P-2", by=None, now=SOON),
        lambda: mark_failed(payout=stale, error="no", by=None, now=SOON),
        lambda: retry_payout(payout=stale, by=None, now=SOON),
    ):
        with pytest.raises(StateConflict):
            act()
    stored = CreditPayout.objects.get()
    assert (stored.status, stored.reference, stored.attempt_count, AuditEvent.objects.count()) == (PayoutStatus.PAID, "P-1", 1, 1)


def test_only_a_failed_one_is_retried_and_only_a_waiting_one_fails(payout: CreditPayout) -> None:
    with pytest.raises(StateConflict):
        retry_payout(payout=payout, by=None, now=SOON)
    mark_failed(payout=payout, error="x", by=None, now=SOON)
    with pytest.raises(StateConflict):
        mark_failed(payout=payout, error="y", by=None, now=SOON)
    assert CreditPayout.objects.get().error == "x"


@pytest.mark.parametrize("text", ["", "   ", "x" * 129, "a\x00b"])
def test_a_payment_needs_a_reference(payout: CreditPayout, text: str) -> None:
    with pytest.raises(CreditRefused):
        mark_paid(payout=payout, reference=text, by=None, now=SOON)
    assert CreditPayout.objects.get().status == PayoutStatus.WAITING


@pytest.mark.parametrize("text", ["", "  ", "x" * 501])
def test_a_failure_needs_a_reason(payout: CreditPayout, text: str) -> None:
    with pytest.raises(CreditRefused):
        mark_failed(payout=payout, error=text, by=None, now=SOON)
    assert CreditPayout.objects.get().status == PayoutStatus.WAITING


def test_the_database_holds_what_a_status_needs(payout: CreditPayout) -> None:
    for constraint, wrong in (
        ("credit_payout_paid_has_reference", {"status": "PAID", "settled_at": SOON}),
        ("credit_payout_paid_has_reference", {"status": "PAID", "reference": "P-1"}),
        ("credit_payout_failure_has_reason", {"status": "RETURN_FAILED"}),
        ("credit_payout_pays_something", {"amount": yuan(0)}),
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            CreditPayout.objects.update(**wrong)
