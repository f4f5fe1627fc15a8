"""Steps 1, 3 and 4 of the set-up: invitation or nomination, the pack's review, and the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import moment, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.models import Store
from members.models import Level
from members.paid.admin.merchant.base import Table, asked_store, stores_shown
from members.paid.admin.merchant.stepper import fee_of_pack, program_in_reach, setup_url, step_page
from members.paid.benefits import describe
from members.paid.choices import EDITABLE_REVIEWS, LIVE_NOMINATIONS, ProgramStatus, ReviewStatus
from members.paid.models import BenefitPack, Nomination, PaidProgram
from members.paid.selectors.packs import get_latest_pack, list_lacks
from members.paid.selectors.setup import StepCode
from members.paid.selectors.tones import NOMINATION_TONES, PROGRAM_TONES, REVIEW_TONES
from members.paid.services.packs import submit_pack, take_back_pack
from members.paid.services.programs import configure_program

PROPOSE = "paid.propose_store"
STORES_LISTED = 50


# --- 1: invitation or nomination


def setup_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """``?store=`` one of the stores in reach (a foreign one is 404). Without it: the only store, or all of them. A fixed number of queries."""
    screen.require_view(request)
    stores = stores_shown(request)
    chosen = asked_store(request, stores) or (stores[0] if len(stores) == 1 else None)
    if chosen is None:
        page = {"table": _stores_table(stores[:STORES_LISTED]), "more": len(stores) > STORES_LISTED, "most": STORES_LISTED}
        answer: HttpResponse = screen.render_page(request, "setup_stores", _("Set-up"), page)
        return answer
    now = database_now()
    programs = list(PaidProgram.objects.filter(store=chosen).order_by("-rank", "-pk"))
    nominations = list(Nomination.objects.filter(store=chosen).order_by("-pk")[:20])
    going = [program for program in programs if program.status not in (ProgramStatus.CLOSED, ProgramStatus.REVOKED)]
    step = step_page(request, chosen, going[0] if len(going) == 1 else None, StepCode.INVITATION, now)
    is_open = any(row.status in LIVE_NOMINATIONS for row in nominations)
    page = {
        "step": step,
        "stores_url": reverse("merchant:paid_setup") if len(stores) > 1 else "",
        "programs": [_program_line(program) for program in programs],
        "nominations": Table(
            (_("Way"), _("Status"), _("Reason"), _("Since"), _("Why it ended")),
            [
                [
                    row.get_way_display(),
                    status_chip(row, NOMINATION_TONES),
                    row.reason if row.proposed_at else "",  # the merchant's own words; what staff wrote for an invitation is theirs
                    moment(row.opened_at or row.proposed_at, now),
                    row.end_reason,
                ]
                for row in nominations
            ],
            empty=_("Nobody has invited or nominated this store yet."),
        ),
        "propose_url": f"{reverse('merchant:paid_paidprogram_propose')}?store={chosen.pk}"
        if not is_open and step.setup.bar is None and _may(request, chosen)
        else "",
        "new_url": f"{reverse('merchant:paid_paidprogram_new')}?store={chosen.pk}" if step.may and any(row.status == "OPEN" for row in nominations) else "",
    }
    shown: HttpResponse = screen.render_page(request, "setup_invitation", _("Set-up"), page)
    return shown


def _may(request: HttpRequest, store: Store) -> bool:
    return stores_of(request.user, PROPOSE).filter(pk=store.pk).exists()


def _program_line(program: PaidProgram) -> dict[str, Any]:
    return {
        "name": program.name,
        "rank": program.rank,
        "chip": status_chip(program, PROGRAM_TONES),
        "url": reverse("merchant:paid_paidprogram_pack", args=[program.pk]),
        "page_url": reverse("merchant:paid_paidprogram_change", args=[program.pk]),
    }


def _stores_table(stores: Sequence[Store]) -> Table:
    """Each store with its nomination and its programs: two queries for all of them."""
    nominations = {row.store_id: row for row in Nomination.objects.filter(store__in=stores).order_by("pk")}
    programs: dict[int, list[PaidProgram]] = {}
    for program in PaidProgram.objects.filter(store__in=stores).order_by("-rank"):
        programs.setdefault(program.store_id, []).append(program)
    return Table(
        (_("Store"), _("Invitation or nomination"), _("Programs"), ""),
        [_store_cells(store, nominations.get(store.pk), programs.get(store.pk, [])) for store in stores],
        empty=_("You have no store."),
    )


def _store_cells(store: Store, nomination: Nomination | None, programs: Sequence[PaidProgram]) -> list[Any]:
    named = format_html_join(" ", '<span class="whitespace-nowrap">{} {}</span>', ((program.name, status_chip(program, PROGRAM_TONES)) for program in programs))
    link = format_html('<a class="bo-link" href="{}">{}</a>', setup_url(store), store.name)
    return [link, status_chip(nomination, NOMINATION_TONES) if nomination else _("Not yet"), named or _("None yet"), ""]


# --- 3: review of the pack


def review_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """What member operations looks at, and how it stands. POST: ``submit`` or ``take_back``."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    pack = get_latest_pack(program)
    if pack is None:
        raise Http404
    if request.method == "POST":
        try:
            if request.POST.get("act") == "take_back":
                take_back_pack(pack=pack, by=person(request), now=now)
                messages.success(request, _("Taken back. You can change the pack again."))
            elif request.POST.get("act") == "submit":
                submit_pack(pack=pack, by=person(request), now=now)
                messages.success(request, _("Submitted. Member operations reviews the pack; you read the ruling here."))
        except BusinessError as refused:
            messages.error(request, str(refused))
        return HttpResponseRedirect(request.path)
    step = step_page(request, program.store, program, StepCode.PACK_REVIEW, now)
    benefits = list(pack.benefits.all())
    page = {
        "step": step,
        "pack": pack,
        "status": status_chip(pack, REVIEW_TONES),
        "fee": fee_of_pack(pack),
        "benefits": [(benefit, describe(benefit)) for benefit in benefits],
        "levels": list(Level.objects.filter(store=program.store_id).order_by("threshold")),
        "lacks": list_lacks(pack, now=now, benefits=benefits) if pack.status in EDITABLE_REVIEWS else [],
        "can_submit": step.may and pack.status in EDITABLE_REVIEWS,
        "can_take_back": step.may and pack.status == ReviewStatus.IN_REVIEW,
        "submitted": moment(pack.submitted_at, now),
        "decided": moment(pack.decided_at, now),
        "pack_url": reverse("merchant:paid_paidprogram_pack", args=[program.pk]),
        "versions": versions_table(program, now),
    }
    shown: HttpResponse = screen.render_page(request, "setup_review", _("Set-up"), page, original=program)
    return shown


def versions_table(program: PaidProgram, now: Any) -> Table:
    """Every version of the pack with its ruling; the newest first."""
    packs = BenefitPack.objects.filter(program=program).annotate(number=models.Count("benefits")).order_by("-version")
    rows = [
        [_("version %(n)d") % {"n": pack.version}, status_chip(pack, REVIEW_TONES), fee_of_pack(pack), pack.number, moment(pack.decided_at, now), pack.reason]
        for pack in packs[:30]
    ]
    return Table((_("Version"), _("Status"), _("Card fee"), _("Benefits"), _("Decided"), _("Reason")), rows, numbers=(3,))


# --- 4: configuration


class ConfigurationForm(forms.Form):
    """Name, rank, stock and terms: what needs no review."""

    name = forms.CharField(label=gettext_lazy("Plan name"), max_length=60, widget=UnfoldAdminTextInputWidget())
    rank = forms.IntegerField(
        label=gettext_lazy("Rank"),
        min_value=1,
        max_value=99,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("Of two plans the one with the larger number is the higher: it may take the place of the other, never the other way round."),
    )
    stock_limit = forms.IntegerField(
        label=gettext_lazy("Stock"),
        min_value=1,
        max_value=2_000_000_000,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=gettext_lazy("How many can be sold. Empty: as many as are wanted."),
    )
    terms_text = forms.CharField(
        label=gettext_lazy("Terms"),
        max_length=20_000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 10}),
        help_text=gettext_lazy("What members agree to when they buy."),
    )


def configuration_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """Only with an approved pack; before that the page says what comes first. What was typed stays on the page whatever is refused."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    initial = {"name": program.name, "rank": program.rank, "stock_limit": program.stock_limit, "terms_text": program.terms_text}
    form = ConfigurationForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            configure_program(program=program, **form.cleaned_data, by=person(request), now=now)
        except BusinessError as refused:
            form.add_error(refused.facts.get("field") if refused.facts.get("field") in form.fields else None, str(refused))
        else:
            messages.success(request, _("The configuration is saved."))
            return HttpResponseRedirect(request.path)
    step = step_page(request, program.store, program, StepCode.CONFIGURATION, now)
    page = {
        "step": step,
        "form": form,
        "can_edit": step.may and program.pack_id is not None,
        "facts": [
            (_("Plan name"), program.name),
            (_("Rank"), program.rank),
            (_("Stock"), _("%(sold)d sold of %(all)s") % {"sold": program.sold_count, "all": program.stock_limit or _("any number")}),
        ],
        "fee": fee_of_pack(program.pack) if program.pack else "",
        "sold": program.sold_count,
    }
    status = 422 if request.method == "POST" else 200
    shown: HttpResponse = screen.render_page(request, "setup_configuration", _("Set-up"), page, status=status, original=program)
    return shown
