"""Step 5 of the set-up: the order of modules by drag and drop with both entry points beside it, its review, and the preview page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import moment, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from members.paid.admin.merchant.base import Table
from members.paid.admin.merchant.stepper import fee_of_pack, program_in_reach, step_page
from members.paid.benefits import describe
from members.paid.choices import EDITABLE_REVIEWS, OPEN_REVIEWS, ProgramStatus, ReviewStatus
from members.paid.models import Benefit, BenefitPack, Decoration, EntryPlacement, PaidProgram
from members.paid.selectors.entry_points import TOP, Entry, in_module_order, preview_entry_points
from members.paid.selectors.packs import get_latest_pack
from members.paid.selectors.setup import StepCode
from members.paid.selectors.tones import REVIEW_TONES
from members.paid.services.decorations import set_modules, submit_decoration, take_back_decoration


@dataclass(frozen=True)
class ShownBenefit:
    """A benefit with the line that members read under its title."""

    benefit: Benefit
    line: str

    @property
    def key(self) -> str:
        return self.benefit.key


@dataclass(frozen=True)
class ShownEntry:
    """One entry point as ``paid/entry.html`` draws it: ``benefits`` in order, of which only the first ``top`` are seen."""

    code: str
    label: Any
    name: str
    fee: str
    benefits: Sequence[ShownBenefit]
    hindrances: Sequence[Any] = ()
    top: int = TOP

    @property
    def style(self) -> str:
        return self.code.lower().replace("_", "-")


def get_open_decoration(program: PaidProgram) -> Decoration | None:
    return Decoration.objects.filter(program=program, status__in=OPEN_REVIEWS).first()


def _modules(program: PaidProgram, draft: Decoration | None) -> list[str]:
    shown = draft or program.decoration
    return list(shown.modules) if shown else []


def _pack(program: PaidProgram) -> BenefitPack | None:
    return program.pack or get_latest_pack(program)


def shown_entries(program: PaidProgram, modules: Sequence[str], now: datetime, *, all_benefits: Sequence[Benefit] | None = None) -> list[ShownEntry]:
    """Both entry points with this order. ``all_benefits``: those beyond the first three are in the page too, unseen, for a drag that brings them up."""
    pack = _pack(program)
    fee = fee_of_pack(pack) if pack else ""
    told = []
    for entry in preview_entry_points(program, modules, now):
        benefits = entry.benefits if all_benefits is None else all_benefits
        lines = [ShownBenefit(benefit, describe(benefit)) for benefit in benefits]
        told.append(ShownEntry(entry.entry, Entry(entry.entry).label, program.name, fee, lines, entry.hindrances))
    return told


def preview_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Both entry points as a member sees them: the draft's order, or with ``?order=live`` the approved one."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    is_live = request.GET.get("order") == "live"
    draft = None if is_live else get_open_decoration(program)
    page = {
        "program": program,
        "entries": shown_entries(program, _modules(program, draft), now),
        "is_draft": draft is not None,
        "has_draft": draft is not None or (is_live and get_open_decoration(program) is not None),
        "back_url": reverse("merchant:paid_paidprogram_decoration", args=[program.pk]),
    }
    shown: HttpResponse = screen.render_page(request, "preview", _("What members see"), page, original=program)
    return shown


def decoration_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """POST ``save`` (by script: answered as JSON), ``up`` and ``down`` without script, ``submit``, ``take_back``."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    if request.method == "POST":
        return _act(request, program, now)
    draft = get_open_decoration(program)
    pack = _pack(program)
    modules = _modules(program, draft)
    benefits = in_module_order(pack.benefits.all() if pack else [], modules)
    seen = [benefit for benefit in benefits if benefit.disabled_at is None]
    step = step_page(request, program.store, program, StepCode.DECORATION, now)
    can_edit = step.may and program.pack_id is not None and (draft is None or draft.status in EDITABLE_REVIEWS)
    placed = EntryPlacement.objects.filter(store=program.store_id, live_card_placed=True).exists()
    page = {
        "step": step,
        "draft": draft,
        "status": status_chip(draft, REVIEW_TONES) if draft else "",
        "rejected": _last_no(program) if draft is None else None,
        "modules": [(ShownBenefit(benefit, describe(benefit)), _switch_url(benefit)) for benefit in seen],
        "off": [(ShownBenefit(benefit, describe(benefit)), _switch_url(benefit)) for benefit in benefits if benefit.disabled_at is not None],
        "entries": shown_entries(program, modules, now, all_benefits=seen),
        "can_edit": can_edit,
        "can_submit": can_edit and (draft is not None or program.status != ProgramStatus.LIVE),
        "can_take_back": step.may and draft is not None and draft.status == ReviewStatus.IN_REVIEW,
        "can_switch": step.may and program.pack_id is not None,
        "placed": placed,
        "place_url": reverse("merchant:paid_paidprogram_place_card", args=[program.pk]) if step.may else "",
        "preview_url": reverse("merchant:paid_paidprogram_preview", args=[program.pk]),
        "versions": _versions(program, now),
    }
    shown: HttpResponse = screen.render_page(request, "setup_decoration", _("Set-up"), page, original=program)
    return shown


def _switch_url(benefit: Benefit) -> str:
    return reverse(f"merchant:paid_benefit_{'switch_on' if benefit.disabled_at else 'switch_off'}", args=[benefit.pk])


def _last_no(program: PaidProgram) -> Decoration | None:
    last = Decoration.objects.filter(program=program).order_by("-version").first()
    return last if last is not None and last.status == ReviewStatus.REJECTED else None


def _versions(program: PaidProgram, now: datetime) -> Table:
    # The newest version's title wins.
    titles = dict(Benefit.objects.filter(pack__program=program).order_by("pack__version").values_list("key", "title"))
    rows = [
        [
            _("version %(n)d") % {"n": row.version},
            status_chip(row, REVIEW_TONES),
            " → ".join(titles.get(key, key) for key in row.modules),
            moment(row.decided_at, now),
            row.reason,
        ]
        for row in Decoration.objects.filter(program=program).order_by("-version")[:20]
    ]
    return Table((_("Version"), _("Status"), _("Order of the modules"), _("Decided"), _("Reason")), rows, empty=_("No order was saved yet."))


def _act(request: HttpRequest, program: PaidProgram, now: datetime) -> HttpResponse:
    by_script = "application/json" in request.headers.get("Accept", "")
    try:
        sentence = _do(request, program, now)
    except BusinessError as refused:
        if by_script:
            return JsonResponse({"sentence": str(refused)}, status=409)
        messages.error(request, str(refused))
    else:
        if by_script:
            return JsonResponse({"sentence": sentence})
        messages.success(request, sentence)
    return HttpResponseRedirect(request.path)


def _do(request: HttpRequest, program: PaidProgram, now: datetime) -> str:
    by, act = person(request), request.POST.get("act", "")
    if act == "take_back":
        draft = get_open_decoration(program)
        if draft is not None:
            take_back_decoration(decoration=draft, by=by, now=now)
        return _("Taken back. You can change the order again.")
    order = request.POST.getlist("modules")
    for name, step in (("up", -1), ("down", 1)):
        key = request.POST.get(name)
        if key in order:
            place = order.index(key)
            order.insert(max(0, place + step), order.pop(place))
    # Benefits that are switched off keep no module: switched on again, they follow the others.
    draft = set_modules(program=program, modules=order, by=by, now=now)
    if act == "submit":
        submit_decoration(decoration=draft, by=by, now=now)
        return _("Submitted. Member operations reviews the order; once approved it is what members see.")
    return _("The order is saved as a draft. Members see it once it is approved.") if draft.status != ReviewStatus.APPROVED else _("Nothing changed.")
