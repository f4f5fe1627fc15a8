"""Keeping the promises of custom benefits."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.paid.choices import FULFILMENT_TABLE, FulfilmentStatus, IssueStatus
from members.paid.models import BenefitIssue, Fulfilment
from members.paid.services.issue import mark_used
from members.paid.services.locks import lock_membership
from members.paid.services.rights import PaidRefused, require_in_store

MOST_EVIDENCE = 500


@in_transaction
def mark_done(*, fulfilment: Fulfilment, evidence: str, by: User | None, now: datetime) -> Fulfilment:
    """The promise was kept, as ``evidence`` shows (a delivery number, a photo's address). Its benefit counts as used from now on.

    Late is no obstacle: the merchant makes good. Raises ``PaidRefused`` (``evidence_missing``) or ``StateConflict``.
    """
    require_in_store(by, "paid.keep_promise", fulfilment.store_id)
    evidence = evidence.strip()[:MOST_EVIDENCE]
    if not evidence:
        sentence = _("Say how the promise was kept: a delivery number, a photo's address, what was handed over.")
        raise PaidRefused(sentence, code="evidence_missing", field="evidence")
    found = BenefitIssue.objects.filter(pk=fulfilment.issue_id).values_list("paid_membership_id", flat=True).first()
    if found is None:
        raise NotFound(_("There is no such row."))
    lock_membership(found)
    issue = BenefitIssue.objects.select_for_update().get(pk=fulfilment.issue_id)
    transition(fulfilment, FulfilmentStatus.DONE, table=FULFILMENT_TABLE, done_at=now, done_by=by, evidence=evidence)
    if issue.status == IssueStatus.ISSUED:
        mark_used(issue, reference="", by=by, now=now)
    record_event("fulfilment.done", target=fulfilment, store=fulfilment.store_id, by=by, now=now, evidence=evidence, deliver_by=str(fulfilment.deliver_by))
    return fulfilment
