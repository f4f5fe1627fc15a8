"""What is not scoped or not guarded does not start: each rule of the system check, broken on purpose."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from backoffice.kernel.admin import DeveloperModelAdmin, MerchantModelAdmin, PlatformModelAdmin
from backoffice.kernel.admin.checks import check_admin, check_consoles
from backoffice.kernel.sites import developer_site, merchant_site, platform_site
from backoffice.kernel.tenancy.models import Developer, Merchant, Store, User
from members.models import CreditAccount, Level, Member


class Saves:
    def save_model(self, *args: Any) -> None:
        """Stands for a call to a service."""


class PlainInline(TabularInline):
    model = Level


def build(base: Any, model: Any, site: Any, **attributes: Any) -> Any:
    return type("TriedAdmin", (base,), attributes)(model, site)


def numbers(screen: Any) -> list[int]:
    return [int(str(error.id).removeprefix("consoles.E")) for error in check_admin(screen)]


def test_the_product_itself_has_no_fault() -> None:
    assert check_consoles() == []


def unguarded(self: Any, request: Any, object_id: str) -> None:
    """An act as the theme's documentation shows it."""


@pytest.mark.parametrize(
    ("number", "base", "model", "site", "attributes"),
    [
        (1, ModelAdmin, Member, merchant_site, {}),
        (1, admin.ModelAdmin, Member, merchant_site, {}),
        (1, PlatformModelAdmin, Member, merchant_site, {}),
        (1, MerchantModelAdmin, Member, platform_site, {}),
        (2, MerchantModelAdmin, User, merchant_site, {}),
        (2, MerchantModelAdmin, Developer, merchant_site, {}),
        (2, DeveloperModelAdmin, Store, developer_site, {}),
        (3, MerchantModelAdmin, Store, merchant_site, {"inlines": (PlainInline,)}),
        (4, MerchantModelAdmin, Member, merchant_site, {"list_filter": ("phone_masked",)}),
        (5, MerchantModelAdmin, Store, merchant_site, {"list_filter": ("merchant",)}),
        (5, MerchantModelAdmin, Member, merchant_site, {"list_filter": (("store", admin.RelatedFieldListFilter),)}),
        (6, MerchantModelAdmin, Member, merchant_site, {"actions_detail": ("act",), "act": unguarded}),
        (6, MerchantModelAdmin, Member, merchant_site, {"actions_row": ("act",), "act": action(permissions=["change"])(unguarded)}),
        (6, MerchantModelAdmin, Member, merchant_site, {"actions": ("act",), "act": unguarded}),
        (7, MerchantModelAdmin, Member, merchant_site, {"search_fields": ("phone_masked",)}),
        (7, PlatformModelAdmin, CreditAccount, platform_site, {"search_fields": ("member__phone_hash",)}),
        (7, MerchantModelAdmin, Member, merchant_site, {"allowed_lookups": ("phone_masked__startswith",)}),
        (8, MerchantModelAdmin, Member, merchant_site, {"date_hierarchy": "joined_at"}),
        (9, MerchantModelAdmin, Member, merchant_site, {"list_editable": ("nickname",)}),
        (10, MerchantModelAdmin, Member, merchant_site, {"editable_fields": ("nickname",)}),
        (11, Saves, Member, merchant_site, {"editable_fields": ("status",)}),
        (11, Saves, CreditAccount, merchant_site, {"editable_fields": ("balance",)}),
        (12, Saves, Store, merchant_site, {"add_fields": ("merchant",)}),
        (13, MerchantModelAdmin, Member, merchant_site, {"big_list": True, "ordering": ("nickname",)}),
        (14, PlatformModelAdmin, User, platform_site, {"list_display": ("username", "password")}),
        (14, MerchantModelAdmin, Member, merchant_site, {"fields": ("member_no", "phone_encrypted")}),
    ],
)
def test_each_rule(number: int, base: Any, model: Any, site: Any, attributes: dict[str, Any]) -> None:
    if base is Saves:
        base = type("Writes", (Saves, MerchantModelAdmin), {})
    assert number in numbers(build(base, model, site, **attributes))


def test_a_screen_that_keeps_the_rules_passes() -> None:
    good = {"list_filter": ("store", "status"), "search_fields": ("member_no",), "big_list": True}
    assert numbers(build(MerchantModelAdmin, Member, merchant_site, **good)) == []
    assert numbers(build(PlatformModelAdmin, Merchant, platform_site, list_filter=("status",))) == []
