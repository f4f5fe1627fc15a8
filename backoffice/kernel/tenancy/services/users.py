"""Users and their seats. Every act leaves an audit event; seats are ended, never deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, SeatStore, Store, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Console, Role


class UserRefused(BusinessError):
    """The user or seat cannot be made or changed as asked; nothing was changed."""

    code = "user_refused"


def create_user(
    *, username: str, password: str, by: User | None, now: datetime, display_name: str = "", email: str = "", language: str = Language.ZH_HANS
) -> User:
    """A user who can log in, without any seat yet. Refuses a taken or malformed name and a weak password, naming the field."""
    user = User(username=username, display_name=display_name, email=email, language=language)
    user.set_password(password)
    try:
        user.clean_fields()
        validate_password(password, user)
    except ValidationError as error:
        fields = getattr(error, "error_dict", None)
        raise UserRefused(" ".join(error.messages), field=next(iter(fields)) if fields else "password") from error
    with transaction.atomic():
        if User.objects.filter(username__iexact=username).exists():
            raise UserRefused(_("There is a user “%(name)s” already. Choose another log-in name.") % {"name": username}, field="username")
        try:
            with transaction.atomic():
                user.save()
        except IntegrityError as error:
            raise UserRefused(_("There is a user “%(name)s” already. Choose another log-in name.") % {"name": username}, field="username") from error
        record_event("user.created", target=user, by=by, now=now, username=username)
    return user


def grant_seat(
    *,
    user: User,
    role: str,
    by: User | None,
    now: datetime,
    merchant: Merchant | None = None,
    stores: Sequence[Store] | None = None,
    developer: Developer | None = None,
) -> Seat:
    """Give ``user`` a role: at the platform, at ``merchant`` (``stores=None``: all of its stores, also future ones) or at ``developer``."""
    if role not in ROLE_GRANTS:
        raise UserRefused(_("There is no role “%(role)s”. Roles: %(roles)s.") % {"role": role, "roles": ", ".join(Role.values)}, field="role")
    console = ROLE_GRANTS[role].console
    if (merchant is not None) != (console == Console.MERCHANT):
        raise UserRefused(_("A merchant role needs a merchant, and only a merchant role has one."), field="merchant")
    if (developer is not None) != (console == Console.DEVELOPER):
        raise UserRefused(_("A developer role needs a developer, and only a developer role has one."), field="developer")
    if stores is not None and (merchant is None or any(store.merchant_id != merchant.pk for store in stores)):
        raise UserRefused(_("Every store of a seat must belong to the seat's merchant."), field="stores")
    if stores is not None and not stores:
        raise UserRefused(_("Name at least one store, or give the seat all stores of the merchant."), field="stores")
    with transaction.atomic():
        User.objects.select_for_update().get(pk=user.pk)
        if Seat.objects.filter(user=user, role=role, merchant=merchant, developer=developer, revoked_at=None).exists():
            raise UserRefused(_("The user has this seat already. End it first to change its stores."), field="role")
        seat = Seat.objects.create(
            user=user, role=role, merchant=merchant, developer=developer, all_stores=merchant is not None and stores is None, created_at=now
        )
        SeatStore.objects.bulk_create(SeatStore(seat=seat, store=store) for store in stores or ())
        record_event(
            "seat.granted",
            target=user,
            by=by,
            now=now,
            role=role,
            merchant=merchant.code if merchant else "",
            developer=developer.code if developer else "",
            stores=[store.code for store in stores or ()],
        )
    user.__dict__.pop("_live_seats", None)
    return seat


def end_seat(*, seat: Seat, by: User | None, now: datetime, reason: str) -> None:
    """Take the role away; it stops working on the user's next request. Nobody can end the last administrator's seat."""
    with transaction.atomic():
        administrators = list(Seat.objects.select_for_update().filter(role=Role.PLATFORM_ADMIN, revoked_at=None, user__is_active=True).order_by("pk"))
        if [row.pk for row in administrators] == [seat.pk]:
            raise UserRefused(_("This is the last administrator. Make another one first."))
        if not Seat.objects.filter(pk=seat.pk, revoked_at=None).update(revoked_at=now):
            raise UserRefused(_("This seat has ended already."))
        record_event("seat.ended", target=seat.user, by=by, now=now, reason=reason, role=seat.role)


def set_active(*, user: User, active: bool, by: User | None, now: datetime, reason: str) -> None:
    """Let a user log in or stop them at once, whatever seats they have. Nobody stops themselves."""
    if by is not None and by.pk == user.pk:
        raise UserRefused(_("You cannot switch yourself off."))
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=not active).update(is_active=active):
            raise UserRefused(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
        record_event("user.activated" if active else "user.deactivated", target=user, by=by, now=now, reason=reason)
    user.is_active = active


def set_password(*, user: User, password: str, by: User | None, now: datetime) -> None:
    """A new password; every session of the user ends, because sessions are tied to the password."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise UserRefused(" ".join(error.messages), field="password") from error
    user.set_password(password)
    with transaction.atomic():
        user.save(update_fields=["password"])
        record_event("user.password_set", target=user, by=by, now=now)


def change_profile(*, user: User, display_name: str, email: str, language: str, by: User | None, now: datetime) -> None:
    """Name, address and language of a user."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(display_name=display_name, email=email, language=language)
        record_event("user.changed", target=user, by=by, now=now)


def set_language(*, user: User, language: str) -> None:
    """The language the user reads the consoles in. A taste, not an act: no audit event."""
    if language not in Language.values:
        raise UserRefused(_("This language is not offered."))
    User.objects.filter(pk=user.pk).update(language=language)
    user.language = language
