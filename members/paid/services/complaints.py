"""Complaints: filed for a member, taken up or not, answered by the merchant, ruled on by member operations.

A promise proven false and not honoured is ruled on by ``services.sanctions.impose_sanction``: that verdict and its consequence are one act.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import Store, User
from members.models import Member
from members.paid.choices import COMPLAINT_TABLE, OPEN_COMPLAINTS, PAID_STATES, ComplaintStatus
from members.paid.models import Benefit, BenefitIssue, Complaint, PaidMembership, PaidProgram
from members.paid.selectors.numbers import get_numbers
from members.paid.services.locks import lock_member_by_id
from members.paid.services.rights import PaidRefused, require_in_store, require_platform

LONGEST_TEXT = 4000
RULINGS = frozenset({ComplaintStatus.HONOURED, ComplaintStatus.NOT_PROVEN})


def needed(text: str, sentence: object, field: str = "text") -> str:
    """``text`` without space around it. Raises ``PaidRefused`` (``text_missing``) when nothing is left."""
    if not text.strip():
        raise PaidRefused(sentence, code="text_missing", field=field)
    return text.strip()[:LONGEST_TEXT]


@in_transaction
def file_complaint(
    *,
    store: Store,
    member: Member,
    program: PaidProgram,
    benefit: Benefit | None,
    issue: BenefitIssue | None,
    text: str,
    evidence: str,
    by: User | None,
    now: datetime,
    client: User | None = None,
) -> Complaint:
    """A member says that ``program`` did not keep a promise. ``by``: staff who write it down; ``None``: a client of the API, ``client`` then names it.

    Only who bought the program may complain, once at a time about the same benefit. Codes: ``text_missing``, ``other_store``, ``never_bought``,
    ``other_benefit``, ``complaint_open``.
    """
    if by is not None:
        require_platform(by, "paid.rule_complaint")
    text = needed(text, _("Say what was promised and not kept."))
    if program.store_id != store.pk or member.store_id != store.pk:
        raise PaidRefused(_("Member and program are not of this store."), code="other_store")
    lock_member_by_id(member.pk)
    if not PaidMembership.objects.filter(member=member, program=program, status__in=PAID_STATES).exists():
        raise PaidRefused(_("Only who bought this program can complain about it."), code="never_bought", field="program")
    if issue is not None:
        if issue.member_id != member.pk or issue.store_id != store.pk:
            raise PaidRefused(_("This benefit was not issued to the member."), code="other_benefit", field="issue")
        benefit = benefit or issue.benefit
        if issue.benefit_id != benefit.pk:
            raise PaidRefused(_("The issue is one of another benefit."), code="other_benefit", field="issue")
    if benefit is not None and benefit.pack.program_id != program.pk:
        raise PaidRefused(_("The benefit is one of another program."), code="other_benefit", field="benefit")
    same = Complaint.objects.filter(member=member, program=program, status__in=OPEN_COMPLAINTS)
    if same.filter(benefit__key=benefit.key).exists() if benefit else same.filter(benefit=None).exists():
        raise PaidRefused(_("There is an open complaint of this member about this already."), code="complaint_open")
    complaint = Complaint.objects.create(
        store=store,
        member=member,
        program=program,
        benefit=benefit,
        issue=issue,
        text=text,
        evidence=evidence.strip()[:LONGEST_TEXT],
        filed_at=now,
        filed_by=by or client,
    )
    record_event("complaint.filed", target=complaint, by=by or client, now=now, store=store, program=program.name)
    return complaint


@in_transaction
def accept_complaint(*, complaint: Complaint, by: User, now: datetime) -> Complaint:
    """Taken up: the merchant has ``reply_days`` to answer."""
    require_platform(by, "paid.rule_complaint")
    reply_by = now + timedelta(days=get_numbers().reply_days)
    transition(complaint, ComplaintStatus.ACCEPTED, table=COMPLAINT_TABLE, accepted_at=now, reply_by=reply_by)
    record_event("complaint.accepted", target=complaint, by=by, now=now, store=complaint.store_id, reply_by=reply_by.isoformat())
    return complaint


@in_transaction
def dismiss_complaint(*, complaint: Complaint, verdict: str, by: User, now: datetime) -> Complaint:
    """Not taken up; ``verdict`` says why."""
    require_platform(by, "paid.rule_complaint")
    verdict = needed(verdict, _("Say why the complaint is not taken up."), "verdict")
    transition(complaint, ComplaintStatus.DISMISSED, table=COMPLAINT_TABLE, verdict=verdict, decided_by=by, decided_at=now)
    record_event("complaint.dismissed", target=complaint, by=by, now=now, store=complaint.store_id, reason=verdict[:500])
    return complaint


@in_transaction
def reply(*, complaint: Complaint, text: str, by: User, now: datetime) -> Complaint:
    """The merchant's side, until ``reply_by``; a barred merchant may answer too. Codes: ``text_missing``, ``reply_too_late``."""
    require_in_store(by, "paid.reply_complaint", complaint.store_id)
    text = needed(text, _("Write what you did, or why the promise was kept."))
    stored = Complaint.objects.select_for_update().get(pk=complaint.pk)
    if stored.status == ComplaintStatus.ACCEPTED and stored.reply_by is not None and now > stored.reply_by:
        raise PaidRefused(_("The time for a reply is over; member operations decide on what they have."), code="reply_too_late")
    transition(complaint, ComplaintStatus.REPLIED, table=COMPLAINT_TABLE, reply=text, replied_by=by, replied_at=now)
    record_event("complaint.replied", target=complaint, by=by, now=now, store=complaint.store_id)
    return complaint


@in_transaction
def rule(*, complaint: Complaint, status: str, verdict: str, by: User, now: datetime) -> Complaint:
    """``HONOURED``: the merchant made it good. ``NOT_PROVEN``: nothing shows that a promise was broken. Neither brings a sanction.

    Codes: ``text_missing``, ``reply_pending`` (no reply yet and the time for it is not over), ``wrong_ruling``.
    """
    require_platform(by, "paid.rule_complaint")
    if status not in RULINGS:
        raise PaidRefused(_("A proven complaint is ruled on with its sanction."), code="wrong_ruling")
    verdict = needed(verdict, _("Say what decided it; both sides will read it."), "verdict")
    require_heard(complaint, now)
    transition(complaint, status, table=COMPLAINT_TABLE, verdict=verdict, decided_by=by, decided_at=now)
    record_event("complaint.ruled", target=complaint, by=by, now=now, store=complaint.store_id, reason=verdict[:500], status=str(status))
    return complaint


def require_heard(complaint: Complaint, now: datetime) -> None:
    """The merchant has answered, or had its time. Locks the complaint; raises ``PaidRefused`` (``reply_pending``)."""
    stored = Complaint.objects.select_for_update().get(pk=complaint.pk)
    if stored.status == ComplaintStatus.ACCEPTED and stored.reply_by is not None and now <= stored.reply_by:
        raise PaidRefused(_("The merchant has not answered yet, and still has time to."), code="reply_pending")
