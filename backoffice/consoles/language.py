"""Language of the pages: the user's own choice, else the browser's cookie, else Chinese."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.services.users import set_language


class UserLanguageMiddleware:
    """After log-in the language stored with the user counts. Stands after the middleware that knows the user."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        # Only a request with a session can have a user: API calls are not made to look one up.
        if settings.SESSION_COOKIE_NAME in request.COOKIES and isinstance(request.user, User) and request.user.language != translation.get_language():
            translation.activate(request.user.language)
            request.LANGUAGE_CODE = request.user.language
        return self.get_response(request)


def action_url(_request: HttpRequest) -> str:
    """Where the theme's language form posts to."""
    return reverse("choose_language")


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Keep the choice with the user and in a cookie, and go back to where the user was. An unknown language changes nothing."""
    language, target = request.POST.get("language", ""), request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(target, allowed_hosts={request.get_host()}, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    if language in Language.values:
        if isinstance(request.user, User):
            set_language(user=request.user, language=language)
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86_400, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax")
    return response
