"""Step 2 of the set-up: card fee, term, difference, and the benefits, each with the typed form of its kind."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.uploads import was_too_large
from backoffice.kernel.money import format_yuan
from members.paid.admin.merchant.benefit_form import KINDS, benefit_form, pictures_of, with_uploads
from members.paid.admin.merchant.stepper import StepPage, fee_of_pack, program_in_reach, step_page
from members.paid.benefits import describe
from members.paid.choices import EDITABLE_REVIEWS, BenefitKind, TermUnit
from members.paid.models import Benefit, BenefitPack, PaidProgram
from members.paid.selectors.packs import get_latest_pack, list_lacks
from members.paid.selectors.setup import StepCode
from members.paid.selectors.tones import REVIEW_TONES
from members.paid.services.benefits import remove_benefit, save_benefit
from members.paid.services.packs import draft_pack, drop_pack, set_pack


class PackForm(forms.Form):
    """What is reviewed with the benefits. A draft can be saved half done; what is missing stands above."""

    card_fee = forms.DecimalField(
        label=gettext_lazy("Card fee (yuan)"),
        max_digits=8,
        decimal_places=2,
        min_value=0,
        widget=UnfoldAdminDecimalFieldWidget(attrs={"inputmode": "decimal", "step": "0.01"}),
    )
    term_unit = forms.ChoiceField(label=gettext_lazy("Term"), choices=TermUnit.choices, widget=UnfoldAdminSelectWidget())
    term_days = forms.IntegerField(
        label=gettext_lazy("Days of the term"),
        required=False,
        min_value=1,
        max_value=3650,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"data-shown-when": f"term_unit={TermUnit.DAYS}"}),
    )
    difference = forms.CharField(
        label=gettext_lazy("What ordinary members do not get"),
        required=False,
        max_length=2000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=gettext_lazy("Member operations reads this beside what ordinary members get."),
    )


def pack_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """POST ``save`` (fee, term, difference), ``draft`` (the next version), ``drop`` (give a draft up)."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    pack = get_latest_pack(program)
    if pack is None:
        raise Http404
    initial = {"card_fee": pack.card_fee, "term_unit": pack.term_unit, "term_days": pack.term_days, "difference": pack.difference}
    is_save = request.method == "POST" and request.POST.get("act") not in ("draft", "drop")
    form = PackForm(request.POST if is_save else None, initial=initial)
    if request.method == "POST":
        done = _saved(request, pack, form, now) if is_save else _versioned(request, program, pack, now)
        if done is not None:
            return done
    step = step_page(request, program.store, program, StepCode.PACK, now)
    benefits = list(pack.benefits.prefetch_related("pictures"))
    can_edit = step.may and pack.status in EDITABLE_REVIEWS
    page = {
        "step": step,
        "pack": pack,
        "status": status_chip(pack, REVIEW_TONES),
        "fee": fee_of_pack(pack),
        "in_force": program.pack,
        "form": form,
        "can_edit": can_edit,
        "can_draft": step.may and pack.status not in (*EDITABLE_REVIEWS, "IN_REVIEW"),
        "can_drop": can_edit and program.pack_id is not None,
        "benefits": [(benefit, describe(benefit), _benefit_url(program, benefit=benefit.key), len(benefit.pictures.all())) for benefit in benefits],
        "lacks": list_lacks(pack, now=now, benefits=benefits) if pack.status in EDITABLE_REVIEWS else [],
        "kinds": [(_benefit_url(program, kind=kind), BenefitKind(kind).label, text) for kind, text in KINDS.items()],
        "review_url": reverse("merchant:paid_paidprogram_review", args=[program.pk]),
    }
    shown: HttpResponse = screen.render_page(request, "setup_pack", _("Set-up"), page, status=422 if request.method == "POST" else 200, original=program)
    return shown


def _benefit_url(program: PaidProgram, **query: str) -> str:
    ((name, value),) = query.items()
    return f"{reverse('merchant:paid_paidprogram_benefit', args=[program.pk])}?{name}={value}"


def _saved(request: HttpRequest, pack: BenefitPack, form: PackForm, now: datetime) -> HttpResponse | None:
    if not form.is_valid():
        return None
    try:
        set_pack(pack=pack, **form.cleaned_data, by=person(request), now=now)
    except BusinessError as refused:
        field = refused.facts.get("field")
        form.add_error(field if field in form.fields else None, str(refused))
        return None
    messages.success(request, _("The draft is saved."))
    return HttpResponseRedirect(request.path)


def _versioned(request: HttpRequest, program: PaidProgram, pack: BenefitPack, now: datetime) -> HttpResponse:
    try:
        if request.POST["act"] == "draft":
            made = draft_pack(program=program, by=person(request), now=now)
            messages.success(request, _("Version %(n)d is a draft. The version in force stays until this one is approved.") % {"n": made.version})
        else:
            drop_pack(pack=pack, by=person(request), now=now)
            messages.success(request, _("The draft is given up. The version in force stays as it is."))
    except BusinessError as refused:
        messages.error(request, str(refused))
    return HttpResponseRedirect(request.path)


# --- one benefit


def benefit_view(screen: Any, request: HttpRequest, object_id: str) -> HttpResponse:
    """``?kind=`` for a new benefit, ``?benefit=`` with the key of one of the latest version; 404 for anything else. POST ``save`` or ``remove``."""
    program = program_in_reach(screen, request, object_id)
    now = database_now()
    pack = get_latest_pack(program)
    if pack is None:
        raise Http404
    benefit, kind = _asked(request, pack)
    step = step_page(request, program.store, program, StepCode.PACK, now)
    can_edit = step.may and pack.status in EDITABLE_REVIEWS
    if benefit is None and not can_edit:
        raise Http404
    pack_url = reverse("merchant:paid_paidprogram_pack", args=[program.pk])
    if request.method == "POST" and request.POST.get("act") == "remove" and benefit is not None:
        return _removed(request, benefit, pack_url, now)
    form = benefit_form(kind, request.POST if request.method == "POST" else None, benefit)
    uploaded = pictures_of(benefit, pack, request.POST.getlist("picture") if request.method == "POST" else None)
    if request.method == "POST":
        if not step.may:
            raise PermissionDenied
        uploaded = with_uploads(form, request, program.store, uploaded, now)
        if form.is_valid() and not was_too_large(request):
            try:
                values = {**form.cleaned_data, **({"pictures": [picture.pk for picture in uploaded]} if kind == BenefitKind.CUSTOM else {})}
                stored = save_benefit(pack=pack, benefit=benefit, kind=kind, values=values, by=person(request), now=now)
            except BusinessError as refused:
                for name, sentence in (refused.facts.get("errors") or {refused.facts.get("field"): str(refused)}).items():
                    form.add_error(name if name in form.fields else None, sentence)
            else:
                messages.success(request, _("“%(title)s” is saved.") % {"title": stored.title})
                return HttpResponseRedirect(pack_url)
    page = _benefit_page(step, form, benefit, kind, can_edit=can_edit)
    page |= {"pictures": uploaded, "pack_url": pack_url, "takes_pictures": kind == BenefitKind.CUSTOM}
    status = 422 if request.method == "POST" else 200
    shown: HttpResponse = screen.render_page(request, "setup_benefit", page["title"], page, status=status, original=program)
    return shown


def _asked(request: HttpRequest, pack: BenefitPack) -> tuple[Benefit | None, str]:
    key, kind = request.GET.get("benefit", ""), request.GET.get("kind", "")
    if key:
        benefit = pack.benefits.filter(key=key).first() if "\x00" not in key else None
        if benefit is None:
            raise Http404
        return benefit, benefit.kind
    if kind not in KINDS:
        raise Http404
    return None, kind


def _removed(request: HttpRequest, benefit: Benefit, pack_url: str, now: datetime) -> HttpResponse:
    try:
        remove_benefit(benefit=benefit, by=person(request), now=now)
        messages.success(request, _("“%(title)s” is taken out of the draft.") % {"title": benefit.title})
    except BusinessError as refused:
        messages.error(request, str(refused))
    return HttpResponseRedirect(pack_url)


def _benefit_page(step: StepPage, form: Any, benefit: Benefit | None, kind: str, *, can_edit: bool) -> dict[str, Any]:
    label = BenefitKind(kind).label
    return {
        "step": step,
        "title": benefit.title if benefit else _("New benefit: %(kind)s") % {"kind": label},
        "kind": label,
        "kind_text": KINDS[kind],
        "benefit": benefit,
        "form": form,
        "groups": form.groups(),
        "can_edit": can_edit,
        "facts": [
            (_("What members read"), describe(benefit)),
            (_("Worth to the member"), format_yuan(benefit.value_amount)),
            (_("Cost to the store"), format_yuan(benefit.cost_amount)),
        ]
        if benefit
        else [],
    }
