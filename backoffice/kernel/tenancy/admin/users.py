"""Platform console: users and their seats. For administrators; auditors may read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import ConsoleTabularInline, PlatformModelAdmin, ReasonForm, SearchShape, adopt, any_term, person, tenant_action
from backoffice.kernel.admin.display import BAD, EMPTY, GOOD, PLAIN, chip, moment, row_link
from backoffice.kernel.clock import database_now
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.admin.forms import NewUserForm, PasswordDialog, SeatDialog
from backoffice.kernel.tenancy.models import Seat, User
from backoffice.kernel.tenancy.services import users as services


def seat_place(seat: Seat) -> str:
    """Where a seat holds: the platform, a merchant with its stores, or a developer."""
    if seat.developer_id:
        return str(seat.developer)
    if not seat.merchant_id:
        return _("Platform")
    stores = _("all stores") if seat.all_stores else ", ".join(row.store.code for row in seat.seat_stores.all())
    return f"{seat.merchant}: {stores}"


class SeatInline(ConsoleTabularInline):
    model = Seat
    fields = ("role", "place", "created_at", "revoked_at")
    readonly_fields = ("place",)
    ordering = ("-id",)
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Seat]:
        return super().get_queryset(request).select_related("merchant", "developer").prefetch_related("seat_stores__store")

    @admin.display(description=gettext_lazy("Where"))
    def place(self, seat: Seat) -> str:
        return seat_place(seat)


@admin.register(User, site=platform_site)
class UserAdmin(PlatformModelAdmin):
    list_display = ("username", "display_name", "roles", "active_chip", "last_seen")
    list_filter = ("is_active",)
    search_shapes = (
        SearchShape(
            gettext_lazy("beginning of the log-in name, or a part of the name"),
            any_term,
            lambda rows, term: rows.filter(models.Q(username__istartswith=term) | models.Q(display_name__icontains=term)),
        ),
    )
    search_help_text = gettext_lazy("Log-in name or name")
    ordering = ("username",)
    fields = ("username", "display_name", "email", "language", "is_active", "last_login", "date_joined")
    add_fieldsets = ((None, {"fields": ("username", "display_name", "email", "language", "password")}),)
    add_fields = ("username", "display_name", "email", "language", "password")
    editable_fields = ("display_name", "email", "language")
    inlines = (SeatInline,)
    actions_detail = ("grant_seat", "set_password", "deactivate", "activate")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[User]:
        return super().get_queryset(request).prefetch_related("seats__merchant", "seats__developer")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewUserForm
        return super().get_form(request, obj, change=change, **kwargs)

    @admin.display(description=gettext_lazy("Seats"))
    def roles(self, user: User) -> str:
        live = [seat for seat in user.seats.all() if seat.revoked_at is None]
        return (
            "；".join(
                f"{seat.get_role_display()}（{seat.merchant or seat.developer}）" if seat.merchant_id or seat.developer_id else seat.get_role_display()
                for seat in live
            )
            or EMPTY
        )

    @admin.display(description=gettext_lazy("Status"))
    def active_chip(self, user: User) -> str:
        return chip(_("Active"), GOOD) if user.is_active else chip(_("Switched off"), BAD)

    @admin.display(description=gettext_lazy("Last log-in"))
    def last_seen(self, user: User) -> str:
        return moment(user.last_login)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        now, values = database_now(), form.cleaned_data
        if change:
            services.change_profile(
                user=obj, display_name=values["display_name"], email=values["email"], language=values["language"], by=person(request), now=now
            )
        else:
            created = services.create_user(
                username=values["username"],
                password=values["password"],
                display_name=values["display_name"],
                email=values["email"],
                language=values["language"],
                by=person(request),
                now=now,
            )
            adopt(obj, created)

    @tenant_action(
        permission="tenancy.add_seat",
        title=gettext_lazy("Grant seat"),
        form=SeatDialog,
        icon="person_add",
        description=gettext_lazy("A seat gives the user a role somewhere. It works at the user's next click."),
    )
    def grant_seat(self, request: HttpRequest, user: User, form: Any) -> str:
        values = form.cleaned_data
        services.grant_seat(
            user=user,
            role=values["role"],
            merchant=values["merchant"],
            stores=values["stores"],
            developer=values["developer"],
            by=person(request),
            now=database_now(),
        )
        return _("The seat is granted.")

    @tenant_action(
        permission="tenancy.change_user",
        title=gettext_lazy("Set password"),
        form=PasswordDialog,
        icon="key",
        description=gettext_lazy("Everywhere the user is logged in, they are logged out."),
    )
    def set_password(self, request: HttpRequest, user: User, form: Any) -> str:
        services.set_password(user=user, password=form.cleaned_data["password"], by=person(request), now=database_now())
        return _("The password is set.")

    @tenant_action(
        permission="tenancy.change_user",
        title=gettext_lazy("Switch off"),
        form=ReasonForm,
        icon="person_off",
        danger=True,
        description=gettext_lazy("The user is out at once and cannot log in. Seats stay and work again when the user is switched on."),
        available=lambda row: row.is_active,
    )
    def deactivate(self, request: HttpRequest, user: User, form: Any) -> str:
        services.set_active(user=user, active=False, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The user is switched off.")

    @tenant_action(
        permission="tenancy.change_user", title=gettext_lazy("Switch on"), form=ReasonForm, icon="person_check", available=lambda row: not row.is_active
    )
    def activate(self, request: HttpRequest, user: User, form: Any) -> str:
        services.set_active(user=user, active=True, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The user can log in again.")


@admin.register(Seat, site=platform_site)
class SeatAdmin(PlatformModelAdmin):
    list_display = ("user_link", "role", "place", "state_chip", "since")
    list_filter = ("role", "merchant", "developer")
    list_display_links = ("role",)
    list_select_related = ("user", "merchant", "developer")
    fields = ("user", "role", "place", "created_at", "revoked_at")
    readonly_fields = ("place",)
    actions_detail = ("end",)
    empty_text = gettext_lazy("Seats are granted on a user's page.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Seat]:
        return super().get_queryset(request).prefetch_related("seat_stores__store")

    @admin.display(description=gettext_lazy("User"))
    def user_link(self, seat: Seat) -> str:
        return row_link("platform", seat.user)

    @admin.display(description=gettext_lazy("Where"))
    def place(self, seat: Seat) -> str:
        return seat_place(seat)

    @admin.display(description=gettext_lazy("Status"))
    def state_chip(self, seat: Seat) -> str:
        return chip(_("In force"), GOOD) if seat.revoked_at is None else chip(_("Ended"), PLAIN)

    @admin.display(description=gettext_lazy("Since"))
    def since(self, seat: Seat) -> str:
        return moment(seat.created_at)

    @tenant_action(
        permission="tenancy.change_seat",
        title=gettext_lazy("End seat"),
        form=ReasonForm,
        icon="event_busy",
        danger=True,
        description=gettext_lazy("The role stops at the user's next click. An ended seat cannot be taken up again; grant a new one."),
        available=lambda row: row.revoked_at is None,
    )
    def end(self, request: HttpRequest, seat: Seat, form: Any) -> str:
        services.end_seat(seat=seat, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The seat has ended.")
