"""Who may do what, where: live seats, permissions in a console, and the rows they reach. Fails closed.

Seats are read once per user object, that is once per request: a right taken away works on the next request.
"""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.db import models

from backoffice.kernel.errors import ConfigurationError
from backoffice.kernel.tenancy.choices import MerchantStatus
from backoffice.kernel.tenancy.models import Developer, Seat, Store, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS

M = TypeVar("M", bound=models.Model)
AnyUser = User | AnonymousUser


def live_seats(user: AnyUser | Any) -> list[Seat]:
    """Seats in force: not ended, user active, merchant not suspended."""
    if not isinstance(user, User) or not user.is_active:
        return []
    cached: list[Seat] | None = user.__dict__.get("_live_seats")
    if cached is None:
        seats = Seat.objects.filter(user=user, revoked_at__isnull=True).exclude(merchant__status=MerchantStatus.SUSPENDED)
        cached = user.__dict__["_live_seats"] = list(seats.select_related("merchant", "developer"))
    return cached


def allows(user: AnyUser | Any, permission: str, *, console: str | None = None) -> bool:
    """Whether a live seat (of ``console``, or of any) allows ``permission``, e.g. ``members.view_member``."""
    return any(ROLE_GRANTS[seat.role].allows(permission) for seat in live_seats(user) if console is None or seat.console == console)


def has_seat(user: AnyUser | Any, console: str) -> bool:
    return any(seat.console == console for seat in live_seats(user))


def stores_of(user: AnyUser | Any, permission: str | None = None) -> models.QuerySet[Store]:
    """Stores that the user's merchant seats cover; with ``permission``, only through seats whose role allows it."""
    reach = models.Q(pk__in=[])
    for seat in live_seats(user):
        if seat.merchant_id is None or (permission and not ROLE_GRANTS[seat.role].allows(permission)):
            continue
        own = models.Q(merchant_id=seat.merchant_id)
        reach |= own if seat.all_stores else own & models.Q(pk__in=seat.seat_stores.values("store_id"))
    return Store.objects.filter(reach)


def developers_of(user: AnyUser | Any) -> models.QuerySet[Developer]:
    return Developer.objects.filter(pk__in=[seat.developer_id for seat in live_seats(user) if seat.developer_id])


def scope_to_stores(queryset: models.QuerySet[M], stores: models.QuerySet[Store]) -> models.QuerySet[M]:
    """``queryset`` cut to rows of ``stores``, by the model's ``scope_path``. A model without one is refused."""
    path = getattr(queryset.model, "scope_path", None)
    if path is None:
        raise ConfigurationError(f"{queryset.model.__name__} has no scope_path and cannot be shown to merchants")
    return queryset.filter(**{f"{path}__in" if path else "pk__in": stores.values("pk")})
