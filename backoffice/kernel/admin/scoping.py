"""Which rows a request reaches in a console. One declaration on the model (``scope_path``) serves every surface."""

from __future__ import annotations

from typing import Any, TypeVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import FieldDoesNotExist
from django.db import models

from backoffice.kernel.errors import ConfigurationError
from backoffice.kernel.tenancy.access import allows, developers_of, live_seats, scope_to_stores, stores_of
from backoffice.kernel.tenancy.models import Developer, Store, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Console

M = TypeVar("M", bound=models.Model)
AnyUser = User | AnonymousUser

TENANTS: dict[str, type[models.Model]] = {Console.MERCHANT.value: Store, Console.DEVELOPER.value: Developer}
"""What a console's rows belong to. The platform console has no entry: its staff see all stores."""


def permission_of(model: type[models.Model], verb: str) -> str:
    """``view`` of ``Member`` -> ``members.view_member``."""
    return f"{model._meta.app_label}.{verb}_{model._meta.model_name}"


def leads_to(model: type[models.Model], path: str) -> type[models.Model] | None:
    """The model at the end of a ``scope_path``; ``""`` is the model itself. None when the path is wrong."""
    current: Any = model
    for part in path.split("__") if path else []:
        try:
            current = current._meta.get_field(part).related_model
        except FieldDoesNotExist:
            return None
        if current is None or current == "self":
            return None
    return current  # type: ignore[no-any-return]


def is_scoped(model: type[models.Model], console: str) -> bool:
    """Whether ``model`` declares how its rows belong to the console's tenants (always true for the platform)."""
    tenant = TENANTS.get(console)
    path = getattr(model, "scope_path", None)
    return tenant is None or (path is not None and leads_to(model, path) is tenant)


def reach(user: AnyUser | Any, console: str, queryset: models.QuerySet[M], permission: str) -> models.QuerySet[M]:
    """``queryset`` cut to the rows on which ``user`` may use ``permission`` in ``console``. Fails closed.

    Raises ConfigurationError when the model does not say how its rows belong to the console's tenants.
    """
    if console == Console.PLATFORM:
        return queryset if allows(user, permission, console=console) else queryset.none()
    if not is_scoped(queryset.model, console):
        raise ConfigurationError(f"{queryset.model.__name__} has no scope_path to the tenants of the {console} console")
    if console == Console.MERCHANT:
        return scope_to_stores(queryset, stores_of(user, permission))
    path = queryset.model.scope_path  # type: ignore[attr-defined]
    mine = developers_of(user) if allows(user, permission, console=console) else Developer.objects.none()
    return queryset.filter(**{f"{path}__in" if path else "pk__in": mine.values("pk")})


def reaches(user: AnyUser | Any, console: str, obj: models.Model, permission: str) -> bool:
    """Whether ``obj`` is among the rows on which ``user`` may use ``permission`` in ``console``."""
    if not allows(user, permission, console=console):
        return False
    if console == Console.PLATFORM:
        return True
    return reach(user, console, type(obj)._default_manager.filter(pk=obj.pk), permission).exists()


def one_answer_for_all_seats(user: AnyUser | Any, console: str, permission: str) -> bool:
    """Whether every seat of ``user`` in ``console`` says the same about ``permission``.

    Then an object out of a scoped queryset needs no look-up of its own.
    """
    return len({ROLE_GRANTS[seat.role].allows(permission) for seat in live_seats(user) if seat.console == console}) <= 1
