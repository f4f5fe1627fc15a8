"""Who acts."""

from __future__ import annotations

from django.http import HttpRequest

from backoffice.kernel.tenancy.models import User


def acting_user(request: HttpRequest) -> User:
    """The logged-in user of a console's request: the site lets nobody else through."""
    assert isinstance(request.user, User)  # noqa: S101 - tells the type
    return request.user
