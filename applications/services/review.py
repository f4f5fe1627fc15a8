"""The reviewer's side of a case up to the ruling: claim, judge, give reasons, take notes, write to the applicant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from applications.choices import ITEMS_PER_CAPABILITY, N2_PARTS, REVIEW, CaseAct, CaseState, Item, MessageSide, NoticeKind, Verdict
from applications.content import content_of, item_untouched
from applications.gates.base import GATES
from applications.models import ApplicantMessage, Application, Capability, ChecklistVerdict, Claim, InternalNote, Reason, RequestedCapability, Revision
from applications.selectors.numbers import get_numbers
from applications.services.door import CaseRefused, end_claim, enter, leave, live_claim
from applications.services.locks import lock_next_queued
from applications.services.notices import tell_seniors
from applications.services.rights import places_of, require, require_act
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User


class Claimed(StateConflict):
    """Somebody else holds the case."""

    code = "claimed"


@in_transaction
def claim(*, case: Application, by: User, now: datetime) -> Claim:
    """Take a case up. One that another reviewer holds is refused with ``Claimed`` until that lease runs out.

    Claiming again, or taking over after a lease ran out, gives a new token: whoever comes with an older one is refused.
    """
    stored = enter(case.pk, CaseAct.CLAIM, by=by, now=now)
    return take(stored, by=by, now=now)


@in_transaction
def claim_next(*, by: User, now: datetime) -> Claim | None:
    """The case that is due first, that nobody holds and that is not of one's own company; or None. Two reviewers at once never get the same one."""
    require(by, REVIEW)
    developers, merchants = places_of(by)
    case = lock_next_queued(developers=developers, merchants=merchants)
    return None if case is None else take(enter(case.pk, CaseAct.CLAIM, by=by, now=now), by=by, now=now)


def take(case: Application, *, by: User, now: datetime) -> Claim:
    """Claim a case that has been entered."""
    held = live_claim(case)
    if held is not None and held.reviewer_id != by.pk and held.lease_until > now:
        raise Claimed(_("Somebody else is reviewing this application."))
    end_claim(case, now)
    token = case.fence + 1
    leave(case, CaseAct.CLAIM, CaseState.IN_REVIEW, by=by, now=now, fence=token)
    return give_claim(case, by=by, now=now)


def give_claim(case: Application, *, by: User, now: datetime) -> Claim:
    """The claim row for the token that the case has just been given."""
    lease = timedelta(minutes=get_numbers().lease_minutes)
    return Claim.objects.create(case=case, token=case.fence, reviewer=by, claimed_at=now, lease_until=now + lease)


@in_transaction
def renew_claim(*, case: Application, token: int, by: User, now: datetime) -> datetime:
    """A sign of life: the lease runs anew. Returns until when. Leaves no event."""
    stored = enter(case.pk, CaseAct.RENEW, by=by, now=now, token=token)
    until = now + timedelta(minutes=get_numbers().lease_minutes)
    Claim.objects.filter(case=stored, ended_at=None).update(lease_until=until)
    return until


@in_transaction
def release_claim(*, case: Application, token: int, by: User, now: datetime) -> None:
    """Give the case back to the queue. What was judged stays."""
    stored = enter(case.pk, CaseAct.RELEASE, by=by, now=now, token=token)
    leave(stored, CaseAct.RELEASE, CaseState.QUEUED, by=by, now=now)


@in_transaction
def expire_claim(*, case: Application, now: datetime) -> None:
    """Back to the queue, because the lease ran out."""
    stored = enter(case.pk, CaseAct.EXPIRE_CLAIM, by=None, now=now)
    held = live_claim(stored)
    if held is not None and held.lease_until > now:
        raise StateConflict(_("The claim is alive."))
    leave(stored, CaseAct.EXPIRE_CLAIM, CaseState.QUEUED, by=None, now=now)


@in_transaction
def judge(
    *,
    case: Application,
    token: int,
    item: str,
    by: User,
    now: datetime,
    answer: str | None = None,
    parts: Sequence[bool] = (),
    capability: Capability | None = None,
    missed_earlier: bool = False,
) -> ChecklistVerdict:
    """Write one verdict. S1 and S2 name a capability; N2 takes its three answers in ``parts`` and fails only when all are yes.

    Failing what passed on unchanged content needs ``missed_earlier``: seniors are told, and it cannot strike.
    """
    stored = enter(case.pk, CaseAct.JUDGE, by=by, now=now, token=token)
    revision = _revision(stored)
    if item not in Item.values or (item in ITEMS_PER_CAPABILITY) != (capability is not None):
        raise CaseRefused(_("There is no such item on the checklist."), code="unknown_item")
    if capability is not None and not RequestedCapability.objects.filter(revision=revision, capability=capability).exists():
        raise CaseRefused(_("This capability is not asked for."), code="not_asked")
    if item == Item.N2:
        if len(parts) != len(N2_PARTS):
            raise CaseRefused(_("Answer all three questions of N2."), code="n2_incomplete")
        answer = Verdict.FAIL if all(parts) else Verdict.PASS
    if answer not in Verdict.values:
        raise CaseRefused(_("Pass or fail?"), code="unknown_answer")
    is_missed = answer == Verdict.FAIL and _passed_before(stored, revision, item, capability)
    if is_missed and not missed_earlier:
        raise CaseRefused(
            _("This passed in an earlier revision and the developer has not touched it. Mark it as missed earlier to fail it now."), code="missed_earlier"
        )
    verdict, _made = ChecklistVerdict.objects.update_or_create(
        revision=revision,
        item=item,
        capability=capability,
        defaults={
            "case": stored,
            "answer": answer,
            "parts": [bool(part) for part in parts] if item == Item.N2 else [],
            "missed_earlier": is_missed,
            "carried_from": None,
            "judged_by": by,
            "judged_at": now,
        },
    )
    if answer == Verdict.PASS:
        Reason.objects.filter(revision=revision, rule=item, capability=capability).delete()
    about = {"item": item, "answer": answer, "capability": capability.code if capability else "", "missed_earlier": is_missed}
    event = leave(stored, CaseAct.JUDGE, CaseState.IN_REVIEW, by=by, now=now, facts=about)
    if is_missed:
        tell_seniors(NoticeKind.MISSED_EARLIER, key=f"missed:{event.pk}", case=stored, now=now, item=item)
    return verdict


def _revision(case: Application) -> Revision:
    if case.revision is None:
        raise StateConflict(_("This application has no revision."))
    return case.revision


def _passed_before(case: Application, revision: Revision, item: str, capability: Capability | None) -> bool:
    """Whether the newest earlier revision in which the item was judged passed it, on the same content."""
    earlier = ChecklistVerdict.objects.filter(case=case, item=item, capability=capability, revision__number__lt=revision.number)
    last = earlier.select_related("revision").order_by("-revision__number").first()
    if last is None or last.answer != Verdict.PASS:
        return False
    return item_untouched(content_of(last.revision.content), content_of(revision.content), item, capability.code if capability else "")


@in_transaction
def write_reason(*, case: Application, token: int, rule: str, fact: str, fix: str, by: User, now: datetime, capability: Capability | None = None) -> Reason:
    """Rule, observed fact and fix, which the applicant reads as they stand. ``rule`` is an item that failed, or a gate."""
    stored = enter(case.pk, CaseAct.JUDGE, by=by, now=now, token=token)
    if not fact.strip() or not fix.strip():
        raise CaseRefused(_("Say what you saw and what to do about it: the developer reads both."), code="reason_incomplete")
    revision = _revision(stored)
    failed = ChecklistVerdict.objects.filter(revision=revision, item=rule, capability=capability, answer=Verdict.FAIL).exists()
    if not failed and rule not in GATES:
        raise CaseRefused(_("A reason belongs to an item that failed."), code="nothing_failed")
    reason, _made = Reason.objects.update_or_create(
        revision=revision,
        rule=rule,
        capability=capability,
        defaults={"case": stored, "fact": fact.strip()[:5000], "fix": fix.strip()[:5000], "code": "", "params": {}, "written_by": by, "written_at": now},
    )
    return reason


@in_transaction
def add_note(*, case: Application, text: str, by: User, now: datetime) -> InternalNote:
    """A word among staff, in whatever state the case is. No applicant ever reads it."""
    require_act(by, REVIEW, case)
    if not text.strip():
        raise CaseRefused(_("The note is empty."), code="text_missing")
    return InternalNote.objects.create(case=case, text=text.strip()[:5000], written_by=by, written_at=now)


@in_transaction
def write_to_applicant(*, case: Application, token: int, text: str, by: User, now: datetime) -> ApplicantMessage:
    """A word to the developer, seen at once, without the writer's name."""
    stored = enter(case.pk, CaseAct.JUDGE, by=by, now=now, token=token)
    if not text.strip():
        raise CaseRefused(_("The message is empty."), code="text_missing")
    return ApplicantMessage.objects.create(case=stored, side=MessageSide.PLATFORM, text=text.strip()[:5000], written_by=by, written_at=now, visible_at=now)
