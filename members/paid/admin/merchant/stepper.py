"""The five steps above every page of the set-up: where each leads, how it stands, what is missing and who acts next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import status_chip
from backoffice.kernel.admin.scoping import reaches
from backoffice.kernel.money import format_yuan
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.models import Store
from members.paid.admin.merchant.base import CONFIGURE, is_barred
from members.paid.choices import ProgramStatus, TermUnit
from members.paid.models import BenefitPack, PaidProgram
from members.paid.selectors.setup import Actor, Setup, Step, StepCode, StepState, get_setup
from members.paid.selectors.tones import PROGRAM_TONES

PAGES = {
    StepCode.PACK: "paid_paidprogram_pack",
    StepCode.PACK_REVIEW: "paid_paidprogram_review",
    StepCode.CONFIGURATION: "paid_paidprogram_configuration",
    StepCode.DECORATION: "paid_paidprogram_decoration",
}


@dataclass(frozen=True)
class ShownStep:
    """One step as the page draws it. ``tone``: done, yours or theirs; a step always has a word too."""

    step: Step
    url: str
    tone: str
    word: str
    is_here: bool


@dataclass(frozen=True)
class StepPage:
    """What every page of the set-up shows: ``may`` whether this user may change anything now, ``why_not`` the sentence if not."""

    store: Store
    program: PaidProgram | None
    setup: Setup
    steps: Sequence[ShownStep]
    here: ShownStep
    may: bool
    why_not: Any
    next_url: str
    chip: Any
    program_url: str


def setup_url(store: Store) -> str:
    return f"{reverse('merchant:paid_setup')}?store={store.pk}"


def step_url(code: StepCode, store: Store, program: PaidProgram | None) -> str:
    if code == StepCode.INVITATION:
        return setup_url(store)
    return reverse(f"merchant:{PAGES[code]}", args=[program.pk]) if program else ""


def who(actor: str) -> str:
    """Who acts, as a merchant reads it."""
    return _("you act") if actor == Actor.MERCHANT else str(Actor(actor).label)


def step_page(request: HttpRequest, store: Store, program: PaidProgram | None, code: StepCode, now: datetime) -> StepPage:
    setup = get_setup(store, now, program)
    steps = [_shown(step, store, program, code) for step in setup.steps]
    here = next(shown for shown in steps if shown.is_here)
    may, why_not = may_change(request, store, program)
    current = setup.current
    next_url = ""
    if current is not None and current.code != code and (program is not None or current.code == StepCode.INVITATION):
        next_url = step_url(current.code, store, program)
    return StepPage(
        store=store,
        program=program,
        setup=setup,
        steps=steps,
        here=here,
        may=may,
        why_not=why_not,
        next_url=next_url,
        chip=status_chip(program, PROGRAM_TONES) if program else "",
        program_url=reverse("merchant:paid_paidprogram_change", args=[program.pk]) if program else "",
    )


def _shown(step: Step, store: Store, program: PaidProgram | None, here: StepCode) -> ShownStep:
    tone = word = ""
    if step.state == StepState.DONE:
        tone, word = "done", str(step.state.label)
    elif step.state == StepState.CURRENT:
        tone, word = "yours" if step.actor == Actor.MERCHANT else "theirs", _("Now: %(who)s") % {"who": who(step.actor)}
    else:
        word = str(step.state.label)
    return ShownStep(step, step_url(step.code, store, program), tone, word, step.code == here)


def may_change(request: HttpRequest, store: Store, program: PaidProgram | None) -> tuple[bool, Any]:
    """Whether the user may change the set-up of the store now; if not, a sentence that says why."""
    if is_barred(request, store.merchant_id):
        return False, ""  # the banner says it
    if program is not None and program.status in (ProgramStatus.CLOSED, ProgramStatus.REVOKED):
        return False, _("This program has ended. It can be read, and members keep what they bought.")
    if not stores_of(request.user, CONFIGURE).filter(pk=store.pk).exists():
        return False, _("Your role reads these pages. An owner or operator of the store makes changes.")
    return True, ""


def program_in_reach(screen: Any, request: HttpRequest, object_id: str) -> PaidProgram:
    """The program of a page of the set-up. Raises ``Http404`` for a foreign, a missing and a malformed one; a POST needs the right to configure."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    program: PaidProgram = screen.get_object(request, object_id)
    if request.method not in ("GET", "HEAD", "POST"):
        raise Http404
    if request.method == "POST" and not reaches(request.user, screen.admin_site.name, program, CONFIGURE):
        raise PermissionDenied
    return program


def term_of_pack(pack: BenefitPack) -> str:
    """ "a year", "30 days": how long one purchase holds."""
    return _("%(n)d days") % {"n": pack.term_days} if pack.term_unit == TermUnit.DAYS else str(pack.get_term_unit_display())


def fee_of_pack(pack: BenefitPack) -> str:
    return _("%(fee)s yuan / %(term)s") % {"fee": format_yuan(pack.card_fee), "term": term_of_pack(pack)}
