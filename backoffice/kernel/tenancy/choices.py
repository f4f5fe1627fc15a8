"""Codes of tenancy. Roles and what they may do: ``roles.py``."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MerchantTierCode(models.TextChoices):
    PREMIUM = "PREMIUM", _("Premium merchant")
    POTENTIAL = "POTENTIAL", _("Potential merchant")
    STANDARD = "STANDARD", _("Standard merchant")


class MerchantStatus(models.TextChoices):
    ACTIVE = "ACTIVE", _("Active")
    SUSPENDED = "SUSPENDED", _("Suspended")


class StoreStatus(models.TextChoices):
    OPEN = "OPEN", _("Open")
    CLOSED = "CLOSED", _("Closed")


class Language(models.TextChoices):
    ZH_HANS = "zh-hans", "简体中文"
    EN = "en", "English"


MERCHANT_TRANSITIONS: dict[str, frozenset[str]] = {
    MerchantStatus.ACTIVE: frozenset({MerchantStatus.SUSPENDED}),
    MerchantStatus.SUSPENDED: frozenset({MerchantStatus.ACTIVE}),
}
STORE_TRANSITIONS: dict[str, frozenset[str]] = {
    StoreStatus.OPEN: frozenset({StoreStatus.CLOSED}),
    StoreStatus.CLOSED: frozenset({StoreStatus.OPEN}),
}
