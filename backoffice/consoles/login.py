"""Log-in, the way to one's console, and the choice between several."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from unfold.forms import AuthenticationForm

from backoffice.kernel.sites import CONSOLE_SITES, platform_site
from backoffice.kernel.tenancy.access import has_seat, live_seats
from backoffice.kernel.tenancy.roles import Console


class ConsoleLoginForm(AuthenticationForm):
    """Name and password of a user who has a seat somewhere."""

    def confirm_login_allowed(self, user: AbstractBaseUser) -> None:
        if not user.is_active:
            raise self.get_invalid_login_error()
        if not live_seats(user):
            raise ValidationError(_("You have no seat in any console at present. Ask the administrator of the platform."), code="no_seat")


class HomeLoginView(LoginView):
    """One log-in page for everybody; afterwards ``/`` leads to the right console."""

    template_name = "admin/login.html"
    authentication_form = ConsoleLoginForm
    redirect_authenticated_user = True

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {**platform_site.each_context(self.request), **super().get_context_data(**kwargs)}
        return {**context, "title": _("Log in"), "site_title": _("Member back office"), "app_path": self.request.get_full_path()}


home_login = HomeLoginView.as_view()
home_logout = LogoutView.as_view(next_page="/login/")


@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """To the user's console; with seats in several, a page to choose on."""
    if not request.user.is_authenticated:
        return redirect("login")
    mine = [site for site in CONSOLE_SITES if has_seat(request.user, site.name)]
    if len(mine) == 1:
        return HttpResponseRedirect(reverse(f"{mine[0].name}:index"))
    context = {
        **platform_site.each_context(request),
        "title": _("Choose a console"),
        "site_title": _("Member back office"),
        "consoles": [{"title": Console(site.name).label, "link": reverse(f"{site.name}:index")} for site in mine],
    }
    return render(request, "consoles/choose.html", context)
