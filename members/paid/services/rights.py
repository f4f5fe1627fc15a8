"""Who may do an act of paid membership. Every service asks here itself, whichever console, command or call it comes from."""

from __future__ import annotations

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.errors import BusinessError, NotAllowed, NotFound
from backoffice.kernel.tenancy.access import allows, has_seat, stores_of
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console


class PaidRefused(BusinessError):
    """A rule of paid membership says no; nothing was changed. ``field`` in ``facts`` names the input it is about."""

    code = "paid_refused"


def require_in_store(by: User | None, permission: str, store_id: int) -> None:
    """A merchant's seat that covers the store, or a platform seat, must allow ``permission``. ``None`` is the system.

    The user of an API client acts for the stores that the client reaches: it has no seat, cannot log in, and comes only through the API's own check.
    Raises ``NotFound`` for a store that the user's seats do not reach (foreign is like missing), ``NotAllowed`` for one they only may not act on.
    """
    if by is None or allows(by, permission, console=Console.PLATFORM) or stores_of(by, permission).filter(pk=store_id).exists():
        return
    if ApiClient.objects.filter(Q(is_platform=True) | Q(client_stores__store=store_id), user=by).exists():
        return
    if not has_seat(by, Console.PLATFORM) and not stores_of(by).filter(pk=store_id).exists():
        raise NotFound(_("There is no such row."))
    raise NotAllowed(_("Your role does not include this."))


def require_platform(by: User, permission: str) -> None:
    """Acts of platform staff: a merchant's seat never allows them. Raises ``NotAllowed``."""
    if not allows(by, permission, console=Console.PLATFORM):
        raise NotAllowed(_("Your role does not include this."))
