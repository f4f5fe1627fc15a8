"""The work queue of money that goes back to payers. Who moves it is outside this program: people tell here what became of it.

No ledger entry is written: the PAYOUT entry took the credit out of its lot when the payout was queued.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import F

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.choices import PAYOUT_TRANSITIONS, PayoutStatus
from members.models import CreditPayout
from members.services.credit.requests import check_text


@in_transaction
def mark_paid(*, payout: CreditPayout, reference: str, by: User | None, now: datetime) -> CreditPayout:
    """The money reached the payer; ``reference`` is the payment's number (1 to 128 characters). Also after a failure, when it was paid another way.

    Raises ``StateConflict`` when it was told before, ``CreditRefused`` without a reference; then nothing changed.
    """
    reference = reference.strip()
    check_text("reference", reference, 128)
    return _move(payout, PayoutStatus.PAID, "credit_payout.paid", by, now, reference=reference, error="", settled_at=now, attempt_count=F("attempt_count") + 1)


@in_transaction
def mark_failed(*, payout: CreditPayout, error: str, by: User | None, now: datetime) -> CreditPayout:
    """The money did not reach the payer, and why (1 to 500 characters). The lot shows it, and it waits in the queue for a person.

    Raises ``StateConflict`` when the payout does not wait, ``CreditRefused`` without a reason; then nothing changed.
    """
    error = error.strip()
    check_text("error", error, 500)
    return _move(payout, PayoutStatus.RETURN_FAILED, "credit_payout.failed", by, now, reason=error, error=error, attempt_count=F("attempt_count") + 1)


@in_transaction
def retry_payout(*, payout: CreditPayout, by: User | None, now: datetime) -> CreditPayout:
    """Put a failed payout back into the queue. Raises ``StateConflict`` when it did not fail; then nothing changed."""
    return _move(payout, PayoutStatus.WAITING, "credit_payout.retried", by, now, error="")


def _move(payout: CreditPayout, target: PayoutStatus, verb: str, by: User | None, now: datetime, *, reason: str = "", **changes: Any) -> CreditPayout:
    transition(payout, target, table=PAYOUT_TRANSITIONS, **changes)
    payout.refresh_from_db()
    facts = {"amount": str(payout.amount), "attempt": payout.attempt_count, **({"reference": payout.reference} if payout.reference else {})}
    record_event(verb, target=payout, store=payout.store_id, by=by, now=now, reason=reason, **facts)
    return payout
