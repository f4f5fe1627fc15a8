"""Notices outside the console: the user's own mail, and the robot of the company's DingTalk group."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from applications.admin.developer.base import own_developers
from applications.models import DingTalkRobot, NoticePreference
from applications.services.apps import AppRefused
from applications.services.clients import MANAGE
from applications.services.rights import holds
from applications.services.wishes import LONGEST_ADDRESS, choose_mail, set_robot
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import moment
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import Developer


class RobotForm(forms.Form):
    """A stored address and secret are never shown again."""

    webhook = forms.CharField(
        label=gettext_lazy("Webhook address"),
        max_length=LONGEST_ADDRESS,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("In the DingTalk group: settings, robots, custom robot, security by signature."),
    )
    secret = forms.CharField(
        label=gettext_lazy("Signing secret"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"})
    )


def wishes_view(screen: Any, request: HttpRequest) -> HttpResponse:
    """GET shows what is chosen; POST ``what=mail`` or ``what=robot`` changes it. What was typed stays when it is refused."""
    if not screen.has_view_permission(request):
        raise PermissionDenied
    user, now = person(request), database_now()
    here = HttpResponseRedirect(reverse(f"{screen.admin_site.name}:applications_wishes"))
    kept = [developer for developer in own_developers(request) if holds(user, MANAGE, developer_id=developer.pk)]
    refused: dict[int, RobotForm] = {}
    if request.method == "POST" and request.POST.get("what") == "mail":
        choose_mail(user=user, by_email="by_email" in request.POST, now=now)
        messages.success(request, _("Saved."))
        return here
    if request.method == "POST":
        developer = next((one for one in kept if str(one.pk) == request.POST.get("developer", "")), None)
        if developer is None:
            raise Http404
        form = RobotForm(request.POST)
        if _changed(request, developer, form):
            messages.success(request, _("Saved."))
            return here
        refused[developer.pk] = form
    page = {
        "user": user,
        "by_email": not NoticePreference.objects.filter(user=user, by_email=False).exists(),
        "robots": _robots(kept, refused),
        "notices_url": reverse(f"{screen.admin_site.name}:applications_notices"),
    }
    return screen.render_page(request, "wishes", _("Notices by mail and DingTalk"), page, status=422 if refused else 200)  # type: ignore[no-any-return]


def _changed(request: HttpRequest, developer: Developer, form: RobotForm) -> bool:
    common = {"developer": developer, "by": person(request), "now": database_now()}
    if "remove" in request.POST:
        set_robot(webhook="", secret="", **common)  # type: ignore[arg-type]
        return True
    if not form.is_valid():
        return False
    try:
        set_robot(webhook=form.cleaned_data["webhook"], secret=form.cleaned_data["secret"], **common)  # type: ignore[arg-type]
    except AppRefused as error:
        form.add_error("webhook", str(error))
        return False
    return True


def _robots(kept: list[Developer], refused: dict[int, RobotForm]) -> list[dict[str, Any]]:
    """Each company whose robot the user may name, with the one that is named already: its host, not its address."""
    named = {robot.developer_id: robot for robot in DingTalkRobot.objects.filter(developer__in=kept)}
    return [
        {
            "developer": developer,
            "form": refused.get(developer.pk) or RobotForm(auto_id=f"id-{developer.pk}-%s"),
            "host": urlsplit(named[developer.pk].webhook).hostname if developer.pk in named else "",
            "since": moment(named[developer.pk].changed_at) if developer.pk in named else "",
            "is_signed": bool(developer.pk in named and named[developer.pk].secret),
        }
        for developer in kept
    ]
