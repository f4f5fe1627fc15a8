"""Users, developers, and the seats that give a user a role somewhere."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models.merchants import Merchant, Store
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Role


class User(AbstractBaseUser):
    """A person who can log in. What they may do comes only from live seats, never from a flag on this row."""

    username = models.CharField(_("log-in name"), max_length=150, unique=True, validators=[UnicodeUsernameValidator()])
    display_name = models.CharField(_("name"), max_length=100, blank=True)
    email = models.EmailField(_("email"), blank=True)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices, default=Language.ZH_HANS)
    is_active = models.BooleanField(_("active"), default=True)
    date_joined = models.DateTimeField(_("created"), auto_now_add=True)

    objects: ClassVar[BaseUserManager[Any]] = BaseUserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    # Django's admin and its templates ask these; there are no superusers and no staff flag here.
    is_superuser = False

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")

    def __str__(self) -> str:
        return self.display_name or self.username

    def get_full_name(self) -> str:
        return str(self)

    def get_short_name(self) -> str:
        return str(self)

    @property
    def is_staff(self) -> bool:
        return self.is_active

    def has_perm(self, permission: str, obj: object = None) -> bool:
        """Whether any live seat of the user allows ``permission``. Consoles ask ``access.allows`` with their name instead."""
        from backoffice.kernel.tenancy.access import allows

        return allows(self, permission)

    def has_perms(self, permissions: list[str], obj: object = None) -> bool:
        return all(self.has_perm(permission, obj) for permission in permissions)

    def has_module_perms(self, app_label: str) -> bool:
        from backoffice.kernel.tenancy.access import live_seats

        return bool(live_seats(self))


class Developer(models.Model):
    """A company that builds apps for stores (服务商). ``level`` is kept for incentives to come."""

    scope_path = ""

    code = models.CharField(_("developer code"), max_length=64, unique=True)
    name = models.CharField(_("developer name"), max_length=200)
    contact = models.CharField(_("DingTalk contact"), max_length=200, blank=True)
    onboarded_at = models.DateTimeField(_("onboarded"), null=True, blank=True)
    level = models.CharField(_("developer level"), max_length=32, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("developer")
        verbose_name_plural = _("developers")

    def __str__(self) -> str:
        return self.name


PLATFORM_ROLES = [code for code in Role.values if code.startswith("PLATFORM_")]
MERCHANT_ROLES = [code for code in Role.values if code.startswith("MERCHANT_")]
DEVELOPER_ROLES = [code for code in Role.values if code.startswith("DEVELOPER_")]


class Seat(models.Model):
    """One role of one user at the platform, at a merchant (for all or some of its stores) or at a developer. Ended, never deleted."""

    # For the developer console; a merchant's seats are shown to platform staff only.
    scope_path = "developer"

    user = models.ForeignKey(User, models.PROTECT, related_name="seats", verbose_name=_("user"))
    role = models.CharField(_("role"), max_length=32, choices=Role.choices)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="seats", null=True, blank=True, verbose_name=_("merchant"))
    developer = models.ForeignKey(Developer, models.PROTECT, related_name="seats", null=True, blank=True, verbose_name=_("developer"))
    all_stores = models.BooleanField(_("all stores of the merchant"), default=False)
    stores: models.ManyToManyField[Store, SeatStore] = models.ManyToManyField(Store, through="SeatStore", related_name="+", verbose_name=_("stores"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    revoked_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("seat")
        verbose_name_plural = _("seats")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(
                name="seat_role_fits_its_place",
                condition=models.Q(role__in=PLATFORM_ROLES, merchant__isnull=True, developer__isnull=True, all_stores=False)
                | models.Q(role__in=MERCHANT_ROLES, merchant__isnull=False, developer__isnull=True)
                | models.Q(role__in=DEVELOPER_ROLES, merchant__isnull=True, developer__isnull=False, all_stores=False),
            ),
            models.UniqueConstraint(
                name="seat_once_per_user_role_and_place",
                fields=["user", "role", "merchant", "developer"],
                condition=models.Q(revoked_at__isnull=True),
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}, {self.get_role_display()}"

    @property
    def console(self) -> str:
        return ROLE_GRANTS[self.role].console.value


class SeatStore(models.Model):
    """A store that a merchant seat covers. A store of another merchant gives nothing: reads join on the seat's merchant."""

    seat = models.ForeignKey(Seat, models.CASCADE, related_name="seat_stores")
    store = models.ForeignKey(Store, models.CASCADE, related_name="+")

    class Meta:
        verbose_name = _("store of a seat")
        verbose_name_plural = _("stores of seats")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["seat", "store"], name="seat_store_once")]

    def __str__(self) -> str:
        return f"{self.seat_id} {self.store_id}"
