"""The sanction that a proven false promise brings, and the appeal against it.

Lock order: merchant, complaint, programs. Whatever a merchant begins asks ``require_no_bar``, which waits for the merchant's lock: it is there before
the sanction and falls under it, or comes after and is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import local_day
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.services.bars import end_bar, impose_bar, lock_merchant
from members.paid.choices import COMPLAINT_TABLE, PROGRAM_TABLE, AppealStatus, ComplaintStatus, ProgramStatus, SanctionStatus
from members.paid.models import Complaint, PaidProgram, Sanction, SanctionAppeal
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.sanctions import Effects, get_effects, get_sanction_in_force
from members.paid.services.complaints import needed, require_heard
from members.paid.services.rights import PaidRefused, require_platform

SANCTION_TABLE: dict[str, frozenset[str]] = {SanctionStatus.IN_FORCE: frozenset({SanctionStatus.LIFTED})}
APPEAL_TABLE: dict[str, frozenset[str]] = {AppealStatus.OPEN: frozenset({AppealStatus.DENIED, AppealStatus.GRANTED})}


def foresee_sanction(*, complaint: Complaint, by: User, now: datetime) -> Effects:
    """What ``impose_sanction`` would stop if it were done now. Changes nothing."""
    require_platform(by, "paid.impose_sanction")
    return get_effects(complaint.store.merchant, local_day(now))


@in_transaction
def impose_sanction(*, complaint: Complaint, verdict: str, typed_merchant_code: str, by: User, now: datetime) -> Sanction:
    """The promise was false and not honoured: the merchant loses paid membership. All of this or nothing.

    Every program of all its stores is revoked, which ends both entry points at once; the merchant is barred from every new member feature, its later
    stores too. Holders keep what they bought. A merchant that is sanctioned already keeps that sanction, the complaint is proven beside it.
    Codes: ``text_missing``, ``wrong_merchant_code``, ``reply_pending``; ``StateConflict`` when the complaint is not open to a verdict (any more).
    """
    require_platform(by, "paid.impose_sanction")
    verdict = needed(verdict, _("Say what proves the broken promise; the merchant will read it."), "verdict")
    merchant = lock_merchant(complaint.store.merchant_id)
    if typed_merchant_code.strip() != merchant.code:
        raise PaidRefused(_("Type the merchant's code exactly as it is shown."), code="wrong_merchant_code", field="typed_merchant_code")
    require_heard(complaint, now)
    transition(complaint, ComplaintStatus.PROVEN, table=COMPLAINT_TABLE, verdict=verdict, decided_by=by, decided_at=now)
    record_event("complaint.ruled", target=complaint, by=by, now=now, store=complaint.store_id, reason=verdict[:500], status=str(ComplaintStatus.PROVEN))
    standing = get_sanction_in_force(merchant.pk)
    if standing is not None:
        return standing
    effects = get_effects(merchant, local_day(now))
    _revoke_programs(complaint, verdict, by, now)
    return _sanction(complaint, effects.as_figures(), verdict, by, now)


def _sanction(complaint: Complaint, effects: dict[str, int], verdict: str, by: User, now: datetime) -> Sanction:
    """The bar and the sanction's row."""
    merchant = complaint.store.merchant
    sanction = Sanction.objects.create(
        merchant=merchant,
        complaint=complaint,
        bar=impose_bar(merchant=merchant, reason=verdict, by=by, now=now),
        reason=verdict,
        effects=effects,
        imposed_by=by,
        imposed_at=now,
        appeal_until=now + timedelta(days=get_numbers().appeal_days),
    )
    record_event(
        "sanction.imposed",
        target=sanction,
        by=by,
        now=now,
        store=complaint.store_id,
        reason=verdict[:500],
        merchant=merchant.code,
        complaint=complaint.pk,
        **effects,
    )
    return sanction


def _revoke_programs(complaint: Complaint, verdict: str, by: User, now: datetime) -> None:
    """The verdict speaks of a member of one store: only that store's history has its words."""
    programs = PaidProgram.objects.select_for_update(of=("self",)).filter(store__merchant=complaint.store.merchant_id).exclude(status=ProgramStatus.REVOKED)
    for program in programs.order_by("pk"):
        before, reason = program.status, verdict[:500] if program.store_id == complaint.store_id else ""
        transition(program, ProgramStatus.REVOKED, table=PROGRAM_TABLE, status_before=before, ended_at=program.ended_at or now)
        record_event("program.revoked", target=program, by=by, now=now, store=program.store_id, reason=reason, before=before)


@in_transaction
def file_appeal(*, sanction: Sanction, text: str, by: User, now: datetime) -> SanctionAppeal:
    """The merchant's owner asks for a second look, once, until ``appeal_until``. Codes: ``text_missing``, ``appeal_too_late``, ``appealed_already``."""
    if not stores_of(by).filter(merchant=sanction.merchant_id).exists():
        raise NotFound(_("There is no such row."))
    if not stores_of(by, "paid.appeal_sanction").filter(merchant=sanction.merchant_id).exists():
        raise NotAllowed(_("Your role does not include this."))
    text = needed(text, _("Say why you think that the sanction is wrong."))
    lock_merchant(sanction.merchant_id)
    stored = Sanction.objects.get(pk=sanction.pk)
    if stored.status != SanctionStatus.IN_FORCE:
        raise StateConflict(_("This sanction is not in force any more."))
    if now > stored.appeal_until:
        raise PaidRefused(_("The days in which this could be appealed are over."), code="appeal_too_late")
    if stored.appeals.exists():
        raise PaidRefused(_("This sanction was appealed already; it can be appealed once."), code="appealed_already")
    appeal = SanctionAppeal.objects.create(sanction=stored, text=text, filed_by=by, filed_at=now, imposed_by=stored.imposed_by)
    record_event("sanction.appealed", target=stored, by=by, now=now, store=stored.complaint.store_id, appeal=appeal.pk)
    return appeal


@in_transaction
def decide_appeal(*, appeal: SanctionAppeal, granted: bool, reason: str, by: User, now: datetime) -> SanctionAppeal:
    """Somebody other than who imposed the sanction decides. Granted: the bar ends, every program is again what it was.

    Another complaint proven against the merchant meanwhile brings its own sanction at that moment, appealable in turn: the programs stay revoked.
    Codes: ``same_person``, ``text_missing``.
    """
    require_platform(by, "paid.decide_appeal")
    if by.pk == appeal.imposed_by_id:
        raise NotAllowed(_("You imposed this sanction; somebody else has to decide the appeal."), code="same_person")
    reason = needed(reason, _("Write the answer that the merchant will read."), "reason")
    lock_merchant(appeal.sanction.merchant_id)
    status = AppealStatus.GRANTED if granted else AppealStatus.DENIED
    transition(appeal, status, table=APPEAL_TABLE, decided_by=by, decided_at=now, reason=reason)
    sanction = Sanction.objects.select_related("bar", "merchant", "complaint").get(pk=appeal.sanction_id)
    store, why = sanction.complaint.store_id, reason[:500]
    if not granted:
        record_event("sanction.upheld", target=sanction, by=by, now=now, store=store, reason=why, merchant=sanction.merchant.code)
        return appeal
    transition(sanction, SanctionStatus.LIFTED, table=SANCTION_TABLE, lifted_at=now)
    end_bar(bar=sanction.bar, reason=reason, by=by, now=now)
    record_event("sanction.lifted", target=sanction, by=by, now=now, store=store, reason=why, merchant=sanction.merchant.code)
    others = Complaint.objects.select_related("store__merchant", "decided_by").filter(store__merchant=sanction.merchant_id, status=ComplaintStatus.PROVEN)
    other = others.filter(sanction=None, decided_at__gte=sanction.imposed_at).order_by("pk").first()
    if other is not None and other.decided_by is not None:
        _sanction(other, sanction.effects, other.verdict, other.decided_by, now)
    else:
        _restore_programs(sanction, by, now)
    return appeal


def _restore_programs(sanction: Sanction, by: User, now: datetime) -> None:
    programs = PaidProgram.objects.select_for_update(of=("self",)).filter(store__merchant=sanction.merchant_id, status=ProgramStatus.REVOKED)
    for program in programs.exclude(status_before="").order_by("pk"):
        back = program.status_before
        ended_at = program.ended_at if back == ProgramStatus.CLOSED else None
        transition(program, back, table=PROGRAM_TABLE, status_before="", ended_at=ended_at)
        record_event("program.restored", target=program, by=by, now=now, store=program.store_id, sanction=sanction.pk)
