"""The sanction of a merchant as its people read it, and the owner's appeal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import full_time, moment, row_url, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.access import stores_of
from backoffice.kernel.tenancy.models import Store
from members.paid.choices import SanctionStatus
from members.paid.models import Sanction
from members.paid.selectors.tones import APPEAL_TONES, SANCTION_TONES
from members.paid.services.sanctions import file_appeal

VIEW, APPEAL = "paid.view_sanction", "paid.appeal_sanction"


class AppealForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("Grounds of the appeal"),
        max_length=4000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
        help_text=gettext_lazy("What the ruling overlooked, with what shows it. Somebody other than who ruled decides. It can be filed once."),
    )


def sanction_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """Sanctions of the merchants whose stores the user reaches, newest first. POST: the appeal (``sanction``, ``text``)."""
    if not screen.allows(request, VIEW):
        raise PermissionDenied
    now = database_now()
    merchants = stores_of(request.user, VIEW).values("merchant")
    sanctions = list(
        Sanction.objects.filter(merchant__in=merchants).select_related("merchant", "complaint__store").prefetch_related("appeals").order_by("-pk")[:20]
    )
    form, appealed = AppealForm(), None
    if request.method == "POST":
        if not screen.allows(request, APPEAL):
            raise PermissionDenied
        appealed = next((row for row in sanctions if str(row.pk) == request.POST.get("sanction")), None)
        if appealed is None:
            raise Http404
        form = AppealForm(request.POST)
        if form.is_valid():
            try:
                file_appeal(sanction=appealed, text=form.cleaned_data["text"], by=person(request), now=now)
            except BusinessError as refused:
                form.add_error("text", str(refused))
            else:
                messages.success(request, _("The appeal is filed. You read the answer here."))
                return HttpResponseRedirect(request.path)
    page = {"sanctions": [_shown(request, row, form if row == appealed else AppealForm(), now) for row in sanctions]}
    answer: HttpResponse = screen.render_page(request, "sanction", _("Sanction"), page, status=422 if request.method == "POST" else 200)
    return answer


def _shown(request: HttpRequest, row: Sanction, form: AppealForm, now: datetime) -> dict[str, Any]:
    appeals = list(row.appeals.all())
    in_time = row.status == SanctionStatus.IN_FORCE and now <= row.appeal_until
    is_owner = stores_of(request.user, APPEAL).filter(merchant=row.merchant_id).exists()
    owns = is_owner and in_time and not appeals
    effects = row.effects or {}
    reaches_complaint = stores_of(request.user, "paid.view_complaint").filter(pk=row.complaint.store_id).exists()
    # Who sees one store of several reads that it is sanctioned, not what was said and counted in the others.
    reads = reaches_complaint or is_owner
    reaches_all = not Store.objects.filter(merchant=row.merchant_id).exclude(pk__in=stores_of(request.user, VIEW)).exists()
    counted = [
        (_("Programs revoked"), effects.get("programs", 0)),
        (_("Holders at that time"), effects.get("holders", 0)),
        (_("Stores"), effects.get("stores", 0)),
    ]
    return {
        "row": row,
        "status": status_chip(row, SANCTION_TONES),
        "facts": [
            (_("Imposed"), moment(row.imposed_at, now)),
            (_("May be appealed until"), full_time(row.appeal_until)),
            *(counted if reaches_all else ()),
        ],
        "reason": row.reason if reads else "",
        "complaint_url": row_url("merchant", row.complaint) if reaches_complaint else "",
        "appeals": [
            {"row": appeal, "status": status_chip(appeal, APPEAL_TONES), "filed": moment(appeal.filed_at, now), "decided": moment(appeal.decided_at, now)}
            for appeal in appeals
            if reads
        ],
        "form": form if owns else None,
        "only_owner": in_time and not appeals and not owns,
    }
