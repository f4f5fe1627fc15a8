"""Versions of a program's benefit pack: drafted and submitted by the merchant, ruled on by member operations.

What was submitted never changes (a trigger holds it); a change is the next version, reviewed while the one before stays in force. An approval writes
``PackReach``: the pack's own benefits, and for the holders of older versions what is added. ADR 0070, 0071.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import DateField, F, Max, Value
from django.db.models.functions import Greatest, Least
from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import FEN
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import EDITABLE_REVIEWS, OPEN_REVIEWS, PAID_STATES, PROGRAM_TABLE, REVIEW_TABLE, ProgramStatus, ReviewStatus, TermUnit
from members.paid.models import BenefitPack, BenefitPicture, PackReach, PaidMembership, PaidProgram
from members.paid.selectors.packs import get_latest_pack, list_lacks
from members.paid.services.entering import enter_program, going, require_open_nomination, said
from members.paid.services.issue import let_chunks_end
from members.paid.services.locks import lock_pack
from members.paid.services.rights import PaidRefused, require_platform

REVIEW = "paid.review_pack"
MOST_FEE = Decimal("999999.99")
MOST_TERM_DAYS = 3650
LONGEST_DIFFERENCE = 2000
RULINGS = {
    ReviewStatus.APPROVED: "approved",
    ReviewStatus.REJECTED: "rejected",
    ReviewStatus.CHANGES_REQUESTED: "changes_requested",
}


@in_transaction
def draft_pack(*, program: PaidProgram, by: User | None, now: datetime) -> BenefitPack:
    """The next version: a copy of the pack in force, or of the latest one where none is. One that is open already is given back as it is."""
    stored = enter_program(program, by=by)
    known = BenefitPack.objects.filter(program=stored, status__in=OPEN_REVIEWS).first()
    if known is not None:
        return known
    source = stored.pack or get_latest_pack(stored)
    if source is None:
        raise NotFound(_("There is no such row."))
    version = (BenefitPack.objects.filter(program=stored).aggregate(most=Max("version"))["most"] or 0) + 1
    pack = BenefitPack.objects.create(
        program=stored,
        version=version,
        card_fee=source.card_fee,
        term_unit=source.term_unit,
        term_days=source.term_days,
        difference=source.difference,
        created_at=now,
    )
    for benefit in source.benefits.prefetch_related("pictures"):
        pictures = list(benefit.pictures.all())
        benefit.pk, benefit.pack = None, pack
        benefit._state.adding = True
        benefit.save()
        BenefitPicture.objects.bulk_create(BenefitPicture(benefit=benefit, picture_id=picture.picture_id, position=picture.position) for picture in pictures)
    record_event("pack.drafted", target=pack, store=stored.store_id, by=by, now=now, program=stored.pk, version=version, copied_from=source.version)
    return pack


@in_transaction
def set_pack(*, pack: BenefitPack, card_fee: Decimal, term_unit: str, term_days: int | None, difference: str, by: User | None, now: datetime) -> BenefitPack:
    """Fee, term and difference of a draft. Whether the fee is reasonable is asked at submission, so that a draft can be saved half done."""
    stored = enter_draft(pack, by=by)
    difference = difference.strip()
    if term_unit not in TermUnit.values:
        raise PaidRefused(_("A month, a quarter, a year or a number of days?"), code="term_invalid", field="term_unit")
    days = term_days if term_unit == TermUnit.DAYS else None
    if term_unit == TermUnit.DAYS and not 1 <= (days or 0) <= MOST_TERM_DAYS:
        raise PaidRefused(_("A term of days has between 1 and %(most)d.") % {"most": MOST_TERM_DAYS}, code="term_invalid", field="term_days")
    if not (card_fee.is_finite() and 0 <= card_fee <= MOST_FEE and card_fee == card_fee.quantize(FEN)):
        raise PaidRefused(_("A card fee is an amount in yuan with two decimals."), code="fee_invalid", field="card_fee")
    if len(difference) > LONGEST_DIFFERENCE:
        raise PaidRefused(_("At most %(count)d characters, please.") % {"count": LONGEST_DIFFERENCE}, code="too_long", field="difference")
    changes = {"card_fee": card_fee, "term_unit": term_unit, "term_days": days, "difference": difference}
    told = {name: [str(getattr(stored, name)), str(value)] for name, value in changes.items() if getattr(stored, name) != value and name != "difference"}
    if not told and stored.difference == difference:
        return stored
    BenefitPack.objects.filter(pk=stored.pk).update(**changes)
    for name, value in changes.items():
        setattr(stored, name, value)
    record_event("pack.changed", target=stored, store=stored.program.store_id, by=by, now=now, changes=told, version=stored.version)
    return stored


@in_transaction
def submit_pack(*, pack: BenefitPack, by: User | None, now: datetime) -> BenefitPack:
    """Hand a draft in for review. Raises ``PaidRefused`` (``pack_incomplete``) with every lack in ``facts["lacks"]``."""
    require_no_bar(pack.program.store_id)
    require_open_nomination(pack.program.store_id)
    stored = enter_draft(pack, by=by)
    _require_complete(stored, now=now)
    transition(stored, ReviewStatus.IN_REVIEW, table=REVIEW_TABLE, submitted_by=by, submitted_at=now)
    record_event("pack.submitted", target=stored, store=stored.program.store_id, by=by, now=now, version=stored.version)
    return stored


@in_transaction
def take_back_pack(*, pack: BenefitPack, by: User | None, now: datetime) -> BenefitPack:
    """The merchant takes a pack out of review, to change it: it is a draft again."""
    program = enter_program(pack.program, by=by)
    transition(pack, ReviewStatus.DRAFT, table=REVIEW_TABLE)
    record_event("pack.withdrawn", target=pack, store=program.store_id, by=by, now=now, version=pack.version)
    return pack


@in_transaction
def drop_pack(*, pack: BenefitPack, by: User | None, now: datetime) -> BenefitPack:
    """Give up a draft of a program that has a pack in force: that one stays as it is. The only draft of a program is changed, never dropped."""
    program = enter_program(pack.program, by=by)
    if program.pack_id is None:
        raise PaidRefused(_("Without this pack the program has none. Change it, or close the program."), code="only_pack")
    transition(pack, ReviewStatus.WITHDRAWN, table=REVIEW_TABLE, only_from=set(EDITABLE_REVIEWS))
    record_event("pack.withdrawn", target=pack, store=program.store_id, by=by, now=now, version=pack.version)
    return pack


@in_transaction
def rule_on_pack(*, pack: BenefitPack, ruling: str, reason: str = "", by: User, now: datetime) -> BenefitPack:
    """Member operations approves, rejects or asks for changes (both with a reason). Somebody else than who submitted decides.

    The first approval lets the store configure the program; every one puts its pack in force for new sales and writes what reaches holders.
    Raises ``StateConflict`` when the pack is not in review any more.
    """
    require_platform(by, REVIEW)
    check_ruling(pack.submitted_by_id, ruling, reason, by=by)
    if ruling == ReviewStatus.APPROVED:
        require_no_bar(pack.program.store_id)
        require_open_nomination(pack.program.store_id)
    program = going(pack.program)
    stored = _locked(pack)
    if ruling == ReviewStatus.APPROVED and stored.status == ReviewStatus.IN_REVIEW:
        _require_complete(stored, now=now)
    transition(stored, ruling, table=REVIEW_TABLE, only_from={ReviewStatus.IN_REVIEW}, decided_by=by, decided_at=now, reason=reason.strip()[:1000])
    facts: dict[str, Any] = {"version": stored.version}
    if ruling == ReviewStatus.APPROVED:
        facts |= {"additions": _write_reach(stored, now=now), "holders_reached": _bring_issues_forward(stored, now=now)}
        PaidProgram.objects.filter(pk=program.pk).update(pack=stored)
        program.pack = stored
        if program.status == ProgramStatus.DRAFT:
            transition(program, ProgramStatus.CONFIGURING, table=PROGRAM_TABLE)
    record_event(f"pack.{RULINGS[ReviewStatus(ruling)]}", target=stored, store=program.store_id, by=by, now=now, reason=stored.reason, **facts)
    return stored


def check_ruling(submitted_by: int | None, ruling: str, reason: str, *, by: User) -> None:
    """What holds for every ruling on a version, of a pack or a decoration."""
    if ruling not in RULINGS:
        raise PaidRefused(_("Approve, reject or ask for changes?"), code="unknown_ruling", field="ruling")
    if submitted_by == by.pk:
        raise PaidRefused(_("Another person than who submitted it has to decide."), code="same_person")
    if ruling != ReviewStatus.APPROVED:
        said(reason)


def enter_draft(pack: BenefitPack, *, by: User | None) -> BenefitPack:
    """The pack, locked after its program, for somebody who may change it. Raises ``PaidRefused`` (``not_a_draft``) for one that was submitted."""
    enter_program(pack.program, by=by)
    stored = _locked(pack)
    if stored.status not in EDITABLE_REVIEWS:
        raise PaidRefused(_("This pack was submitted and does not change. Take it back, or draft the next version."), code="not_a_draft")
    return stored


def _locked(pack: BenefitPack) -> BenefitPack:
    stored = lock_pack(pack.pk)
    if stored is None:
        raise NotFound(_("There is no such row."))
    return stored


def _require_complete(pack: BenefitPack, *, now: datetime) -> None:
    lacks = list_lacks(pack, now=now)
    if lacks:
        raise PaidRefused(lacks[0].sentence, code="pack_incomplete", field=lacks[0].field, lacks=lacks)


def _write_reach(pack: BenefitPack, *, now: datetime) -> int:
    """The pack's own benefits for who buys it; for every older approved pack the benefits whose key does not reach its holders yet. How many additions."""
    today = clock.local_day(now)
    benefits = list(pack.benefits.all())
    rows = [PackReach(pack=pack, benefit=benefit) for benefit in benefits]
    older = BenefitPack.objects.filter(program=pack.program_id, status=ReviewStatus.APPROVED).exclude(pk=pack.pk)
    known = set(PackReach.objects.filter(pack__in=older).values_list("pack_id", "benefit__key"))
    additions = [
        PackReach(pack_id=pack_id, benefit=benefit, from_on=today)
        for pack_id in older.order_by("pk").values_list("pk", flat=True)
        for benefit in benefits
        if benefit.disabled_at is None and (pack_id, benefit.key) not in known
    ]
    PackReach.objects.bulk_create([*rows, *additions])
    return len(additions)


def _bring_issues_forward(pack: BenefitPack, *, now: datetime) -> int:
    """Have the issue engine look at every holder whom this approval gave an addition: today, or on the first day of a term that is still to come.

    One statement for all holders, however many. The engine sets the next day again once it has looked.
    """
    let_chunks_end()
    today = clock.local_day(now)
    reached = PackReach.objects.filter(benefit__pack=pack, from_on=today).exclude(pack=pack).values("pack")
    looked_at = Greatest(F("starts_on"), Value(today, output_field=DateField()))
    holders = PaidMembership.objects.filter(program=pack.program_id, pack__in=reached, status__in=PAID_STATES, ends_on__gt=today)
    return holders.update(next_issue_on=Least(F("next_issue_on"), looked_at))
