"""The guided set-up of a store's paid membership: five steps, what each still lacks, and who acts next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backoffice.kernel.tenancy.models import MerchantBar, Store
from backoffice.kernel.tenancy.selectors.bars import get_bar_of_store
from members.paid.choices import LIVE_NOMINATIONS, NominationStatus, ProgramStatus, ReviewStatus
from members.paid.models import BenefitPack, Decoration, Nomination, PaidProgram
from members.paid.selectors.packs import get_latest_pack, list_lacks


class StepCode(TextChoices):
    INVITATION = "INVITATION", _("Invitation or nomination")
    PACK = "PACK", _("Benefit pack and card fee")
    PACK_REVIEW = "PACK_REVIEW", _("Review of the pack")
    CONFIGURATION = "CONFIGURATION", _("Configuration")
    DECORATION = "DECORATION", _("Decoration and going live")


class StepState(TextChoices):
    """``CURRENT``: somebody acts here now. ``LATER``: an earlier step comes first. ``STOPPED``: it goes no further."""

    DONE = "DONE", _("Done")
    CURRENT = "CURRENT", _("Now")
    LATER = "LATER", pgettext_lazy("step", "Later")
    STOPPED = "STOPPED", _("Stopped")


class Actor(TextChoices):
    MERCHANT = "MERCHANT", _("Merchant")
    MEMBER_OPS = "MEMBER_OPS", _("Member operations")
    INDUSTRY_OPS = "INDUSTRY_OPS", _("Industry operations")
    NOBODY = "NOBODY", _("Nobody")


@dataclass(frozen=True)
class Step:
    """``missing``: what has to happen, in sentences; empty for a step that is done or comes later. ``actor``: who does it."""

    code: StepCode
    state: StepState
    missing: tuple[Any, ...] = ()
    actor: Actor = Actor.NOBODY

    @property
    def number(self) -> int:
        return list(StepCode).index(self.code) + 1


@dataclass(frozen=True)
class Setup:
    """Where a store stands. ``program`` is the one that is being set up, or the live one; None before there is any."""

    store: Store
    nomination: Nomination | None
    program: PaidProgram | None
    pack: BenefitPack | None
    decoration: Decoration | None
    bar: MerchantBar | None
    steps: tuple[Step, ...]

    @property
    def current(self) -> Step | None:
        """The step at which somebody acts now; None: all done, or stopped."""
        return next((step for step in self.steps if step.state == StepState.CURRENT), None)

    @property
    def actor(self) -> Actor:
        return self.current.actor if self.current else Actor.NOBODY

    @property
    def is_live(self) -> bool:
        return self.program is not None and self.program.status == ProgramStatus.LIVE


def get_setup(store: Store, now: datetime, program: PaidProgram | None = None) -> Setup:
    """The five steps of a store, for ``program`` or the newest one that has not ended. A fixed handful of queries."""
    nominations = Nomination.objects.filter(store=store)
    nomination = nominations.filter(status__in=LIVE_NOMINATIONS).first() or nominations.order_by("-pk").first()
    if program is None:
        going = PaidProgram.objects.filter(store=store).exclude(status__in=[ProgramStatus.CLOSED, ProgramStatus.REVOKED])
        program = going.select_related("pack", "decoration").order_by("-pk").first()
    bar = get_bar_of_store(store.pk)
    pack = get_latest_pack(program) if program else None
    decoration = Decoration.objects.filter(program=program).order_by("-version").first() if program else None
    steps = tuple(_in_turn(_told(nomination, program, pack, decoration, now), stopped=bar is not None or _is_over(program)))
    return Setup(store, nomination, program, pack, decoration, bar, steps)


# What a step says of itself: None when it is done, else what is missing and who does it.
_Open = tuple[tuple[Any, ...], Actor] | None


def _told(
    nomination: Nomination | None, program: PaidProgram | None, pack: BenefitPack | None, decoration: Decoration | None, now: datetime
) -> Iterator[tuple[StepCode, _Open]]:
    yield StepCode.INVITATION, None if program else _invitation(nomination)
    approved = program is not None and program.pack_id is not None
    yield StepCode.PACK, None if approved else _pack(program, pack, now)
    yield StepCode.PACK_REVIEW, None if approved else ((_("Member operations reviews the pack."),), Actor.MEMBER_OPS)
    configured = approved and program is not None and bool(program.terms_text)
    yield StepCode.CONFIGURATION, None if configured else ((_("Configure the plan: name, stock and the terms that members agree to."),), Actor.MERCHANT)
    yield StepCode.DECORATION, None if program and program.status == ProgramStatus.LIVE else _decoration(decoration)


def _in_turn(told: Iterator[tuple[StepCode, _Open]], *, stopped: bool) -> Iterator[Step]:
    """The first step that is not done is the current one; those after it come later."""
    is_later = False
    for code, missing in told:
        if missing is None and not is_later:
            yield Step(code, StepState.DONE)
        elif stopped:
            is_later = True
            yield Step(code, StepState.STOPPED)
        elif is_later:
            yield Step(code, StepState.LATER)
        else:
            is_later = True
            yield Step(code, StepState.CURRENT, *(missing or ()))


def _is_over(program: PaidProgram | None) -> bool:
    return program is not None and program.status in (ProgramStatus.CLOSED, ProgramStatus.REVOKED)


def _invitation(nomination: Nomination | None) -> _Open:
    if nomination is not None and nomination.status == NominationStatus.OPEN:
        return None
    if nomination is not None and nomination.status == NominationStatus.PROPOSED:
        return (_("Industry operations looks at your wish and nominates the store, or says no."),), Actor.INDUSTRY_OPS
    asked = _("Ask to be nominated, or wait for an invitation of member operations.")
    if nomination is not None and nomination.status == NominationStatus.DECLINED:
        return (_("Declined: %(reason)s") % {"reason": nomination.end_reason}, asked), Actor.MERCHANT
    return (asked,), Actor.MERCHANT


def _pack(program: PaidProgram | None, pack: BenefitPack | None, now: datetime) -> _Open:
    if program is None or pack is None:
        return (_("Begin a program: give it a name, then draft its benefits and card fee."),), Actor.MERCHANT
    if pack.status == ReviewStatus.IN_REVIEW:
        return None
    if pack.status == ReviewStatus.REJECTED:
        return (_("Rejected: %(reason)s") % {"reason": pack.reason}, _("Draft the next version.")), Actor.MERCHANT
    lacks = tuple(lack.sentence for lack in list_lacks(pack, now=now))
    asked = (_("Member operations asks for changes: %(reason)s") % {"reason": pack.reason},) if pack.status == ReviewStatus.CHANGES_REQUESTED else ()
    return (*asked, *(lacks or (_("Everything is there: submit the pack."),))), Actor.MERCHANT


def _decoration(decoration: Decoration | None) -> _Open:
    if decoration is None:
        return (_("Put the modules in order and submit the decoration."),), Actor.MERCHANT
    if decoration.status == ReviewStatus.IN_REVIEW:
        return (_("Member operations reviews the decoration. Approved, the program is live."),), Actor.MEMBER_OPS
    if decoration.status == ReviewStatus.CHANGES_REQUESTED:
        return (_("Member operations asks for changes: %(reason)s") % {"reason": decoration.reason},), Actor.MERCHANT
    if decoration.status == ReviewStatus.REJECTED:
        return (_("Rejected: %(reason)s") % {"reason": decoration.reason}, _("Change the order and submit it again.")), Actor.MERCHANT
    return (_("Submit the decoration for review."),), Actor.MERCHANT
