"""Platform console: merchants with their tiers, stores, developers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import ConsoleTabularInline, PlatformModelAdmin, ReasonForm, SearchShape, adopt, any_term, person, tenant_action
from backoffice.kernel.admin.display import EMPTY, TONE_OF_FLAG, chip, count, moment, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.files.buttons import BulkButtons
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.admin.bulk import StoreResource
from backoffice.kernel.tenancy.admin.display import MERCHANT_TONES, STORE_TONES, TIER_TONES
from backoffice.kernel.tenancy.admin.forms import NewStoreDialog, StoreForm, TierDialog
from backoffice.kernel.tenancy.choices import MerchantStatus, MerchantTierCode, StoreStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, MerchantTier, Store
from backoffice.kernel.tenancy.selectors.merchants import annotate_tier_on
from backoffice.kernel.tenancy.services import developers as developer_services
from backoffice.kernel.tenancy.services import merchants as merchant_services

CODE_OR_NAME = (
    SearchShape(
        gettext_lazy("code, or a part of the name"),
        any_term,
        lambda rows, term: rows.filter(models.Q(code__iexact=term) | models.Q(name__icontains=term)),
    ),
)


class TierInline(ConsoleTabularInline):
    model = MerchantTier
    fields = ("tier", "valid_from", "valid_to")
    ordering = ("-valid_from",)
    tab = True


class StoreInline(ConsoleTabularInline):
    model = Store
    fields = ("code", "name", "category", "status")
    ordering = ("code",)
    show_change_link = True
    per_page = 50
    tab = True


@admin.register(Merchant, site=platform_site)
class MerchantAdmin(PlatformModelAdmin):
    list_display = ("name", "code", "tier_chip", "store_count", "status_chip", "created")
    list_filter = ("status",)
    search_shapes = CODE_OR_NAME
    search_help_text = gettext_lazy("Merchant code or name")
    ordering = ("name",)
    fields = ("code", "name", "status", "created_at")
    add_fields = ("code", "name")
    editable_fields = ("name",)
    inlines = (TierInline, StoreInline)
    actions_detail = ("set_tier", "add_store", "suspend", "resume")
    empty_text = gettext_lazy("Load the stores file, which names merchants too, or add a merchant.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Merchant]:
        rows = annotate_tier_on(super().get_queryset(request), local_day(database_now()))
        return rows.annotate(number_of_stores=models.Count("stores"))

    @admin.display(description=gettext_lazy("Tier today"))
    def tier_chip(self, merchant: Any) -> str:
        code = merchant.tier_now
        return chip(MerchantTierCode(code).label, TIER_TONES.get(code, "")) if code else EMPTY

    @admin.display(description=gettext_lazy("Stores"))
    def store_count(self, merchant: Any) -> str:
        return count(merchant.number_of_stores)

    @admin.display(description=gettext_lazy("Status"))
    def status_chip(self, merchant: Merchant) -> str:
        return status_chip(merchant, MERCHANT_TONES)

    @admin.display(description=gettext_lazy("Created"))
    def created(self, merchant: Merchant) -> str:
        return moment(merchant.created_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        now = database_now()
        if change:
            merchant_services.rename_merchant(merchant=obj, name=form.cleaned_data["name"], by=person(request), now=now)
        else:
            adopt(obj, merchant_services.create_merchant(code=obj.code, name=obj.name, by=person(request), now=now))

    @tenant_action(
        permission="tenancy.change_merchant",
        title=gettext_lazy("Set tier"),
        form=TierDialog,
        icon="workspace_premium",
        description=gettext_lazy("Sets the member-operations tier from a day on. Earlier periods stay as they are."),
    )
    def set_tier(self, request: HttpRequest, merchant: Merchant, form: Any) -> str:
        merchant_services.set_tier(
            merchant=merchant, tier=form.cleaned_data["tier"], valid_from=form.cleaned_data["valid_from"], by=person(request), now=database_now()
        )
        return _("The tier is set.")

    @tenant_action(permission="tenancy.add_store", title=gettext_lazy("Add store"), form=NewStoreDialog, icon="add_business")
    def add_store(self, request: HttpRequest, merchant: Merchant, form: Any) -> str:
        store = merchant_services.create_store(
            merchant=merchant,
            code=form.cleaned_data["code"],
            name=form.cleaned_data["name"],
            category=form.cleaned_data["category"],
            by=person(request),
            now=database_now(),
        )
        return _("Store %(name)s added.") % {"name": store.name}

    @tenant_action(
        permission="tenancy.change_merchant",
        title=gettext_lazy("Suspend"),
        form=ReasonForm,
        icon="block",
        danger=True,
        description=gettext_lazy("All users of this merchant are out at their next click. Members, credit and reminders stay as they are."),
        available=lambda row: row.status == MerchantStatus.ACTIVE,
    )
    def suspend(self, request: HttpRequest, merchant: Merchant, form: Any) -> str:
        merchant_services.suspend_merchant(merchant=merchant, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The merchant is suspended.")

    @tenant_action(
        permission="tenancy.change_merchant",
        title=gettext_lazy("Resume"),
        form=ReasonForm,
        icon="play_arrow",
        description=gettext_lazy("The merchant's users can work again."),
        available=lambda row: row.status == MerchantStatus.SUSPENDED,
    )
    def resume(self, request: HttpRequest, merchant: Merchant, form: Any) -> str:
        merchant_services.resume_merchant(merchant=merchant, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The merchant can work again.")


@admin.register(Store, site=platform_site)
class StoreAdmin(BulkButtons, PlatformModelAdmin):
    resource = StoreResource
    form = StoreForm
    list_display = ("name", "code", "merchant_link", "category", "gateway_chip", "status_chip")
    list_filter = ("status", "merchant")
    list_select_related = ("merchant",)
    search_shapes = CODE_OR_NAME
    search_help_text = gettext_lazy("Store code or name")
    ordering = ("code",)
    fieldsets = (
        (None, {"fields": ("code", "merchant", "name", "category", "status")}),
        (gettext_lazy("Gateway"), {"fields": ("gateway_url", "has_secret", "new_gateway_secret")}),
        (gettext_lazy("Members"), {"fields": ("marketing_consent_default",)}),
    )
    readonly_fields = ("has_secret",)
    editable_fields = ("name", "category", "gateway_url", "marketing_consent_default")
    actions_detail = ("close", "open")
    empty_text = gettext_lazy("Load the stores file, or add stores on a merchant's page.")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fieldsets
        # Who may not change a store is not shown a field for its secret.
        return [(title, {**options, "fields": tuple(name for name in options["fields"] if name != "new_gateway_secret")}) for title, options in self.fieldsets]

    @admin.display(description=gettext_lazy("Merchant"))
    def merchant_link(self, store: Store) -> str:
        return row_link("platform", store.merchant)

    @admin.display(description=gettext_lazy("Gateway"))
    def gateway_chip(self, store: Store) -> str:
        return chip(_("Own address"), TONE_OF_FLAG[True]) if store.gateway_url else chip(_("Platform file"))

    @admin.display(description=gettext_lazy("Secret"))
    def has_secret(self, store: Store) -> str:
        return _("Own secret is set") if store.gateway_secret else _("The platform's secret is used")

    @admin.display(description=gettext_lazy("Status"))
    def status_chip(self, store: Store) -> str:
        return status_chip(store, STORE_TONES)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in self.editable_fields}
        merchant_services.change_store(
            store=obj, by=person(request), now=database_now(), gateway_secret=form.cleaned_data.get("new_gateway_secret") or None, **changes
        )

    @tenant_action(
        permission="tenancy.change_store",
        title=gettext_lazy("Close store"),
        form=ReasonForm,
        icon="lock",
        danger=True,
        description=gettext_lazy("A closed store sends no reminders and no messages. Its members and credit stay."),
        available=lambda row: row.status == StoreStatus.OPEN,
    )
    def close(self, request: HttpRequest, store: Store, form: Any) -> str:
        merchant_services.close_store(store=store, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The store is closed.")

    @tenant_action(
        permission="tenancy.change_store",
        title=gettext_lazy("Open store"),
        form=ReasonForm,
        icon="lock_open",
        available=lambda row: row.status == StoreStatus.CLOSED,
    )
    def open(self, request: HttpRequest, store: Store, form: Any) -> str:
        merchant_services.open_store(store=store, by=person(request), now=database_now(), reason=form.cleaned_data["reason"])
        return _("The store is open.")


@admin.register(Developer, site=platform_site)
class DeveloperAdmin(PlatformModelAdmin):
    list_display: tuple[str, ...] = ("name", "code", "contact", "onboarded", "created")
    search_shapes = CODE_OR_NAME
    search_help_text = gettext_lazy("Developer code or name")
    ordering = ("name",)
    fields = ("code", "name", "contact", "onboarded_at", "level", "created_at")
    add_fields = ("code", "name", "contact")
    editable_fields = ("name", "contact")
    actions_detail: tuple[str, ...] = ("onboard",)
    empty_text = gettext_lazy("Add a developer, then grant its people seats on their user pages.")

    @admin.display(description=gettext_lazy("Onboarded"))
    def onboarded(self, developer: Developer) -> str:
        return moment(developer.onboarded_at)

    @admin.display(description=gettext_lazy("Created"))
    def created(self, developer: Developer) -> str:
        return moment(developer.created_at)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        now, values = database_now(), form.cleaned_data
        if change:
            developer_services.change_developer(developer=obj, name=values["name"], contact=values["contact"], by=person(request), now=now)
        else:
            adopt(obj, developer_services.create_developer(code=values["code"], name=values["name"], contact=values["contact"], by=person(request), now=now))

    @tenant_action(
        permission="tenancy.change_developer",
        title=gettext_lazy("Mark as onboarded"),
        icon="verified",
        description=gettext_lazy("The company has been checked and its contract is signed."),
        available=lambda row: row.onboarded_at is None,
    )
    def onboard(self, request: HttpRequest, developer: Developer, form: Any) -> str:
        developer_services.onboard_developer(developer=developer, by=person(request), now=database_now())
        return _("The developer is onboarded.")
