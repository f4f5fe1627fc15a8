"""How a store's credit behaves: every choice with its sentence and with one example, computed as the services compute it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.forms import BaseDialogForm

from backoffice.kernel.admin import adopt, tenant_action
from backoffice.kernel.admin.display import BUSY, PLAIN, chip, money
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import FEN, ZERO, format_yuan
from backoffice.kernel.tenancy.models import Store
from members.admin.acting import acting_user
from members.admin.credit_forms import YuanField
from members.admin.rows import split_text
from members.admin.words import unbroken
from members.choices import DeductionOrder, LapsePolicy, RefundAfterLapse, TopUpRefundPolicy
from members.models import CreditLot, CreditPolicy
from members.selectors.credit import split_principal
from members.selectors.policy import policy_of
from members.services.credit import AmountRefused, yuan
from members.services.credit.top_up_refund import share_to_pay_back
from members.services.policy import change_policy

FIELDS = ("deduction_order", "on_lapse", "refund_after_lapse", "refund_grace_days", "top_up_refund")

EXPLANATIONS: dict[str, Any] = {
    DeductionOrder.PERCENT: gettext_lazy("Both shrink evenly. The member keeps a fair share of the bonus to the end."),
    DeductionOrder.REAL_BEFORE_GIFT: gettext_lazy("The member's own money goes first; what is left in the end is bonus."),
    DeductionOrder.GIFT_BEFORE_REAL: gettext_lazy("The bonus goes first; what is left in the end is the member's own money."),
    LapsePolicy.PAY_BACK: gettext_lazy("The rest of the principal is queued under “Payouts”; the rest of the bonus is void."),
    LapsePolicy.VOID: gettext_lazy("Nothing is paid back. Check that your terms, and the law, allow that."),
    RefundAfterLapse.EXTEND_ONCE: gettext_lazy("The member can use the refund for some days. A second refund to the same top-up keeps the date."),
    RefundAfterLapse.KEEP_DATE: gettext_lazy("The refund is booked to the old top-up and lapses with the next sweep, as credit that lapses does."),
    RefundAfterLapse.NEW_LOT: gettext_lazy("Each refund becomes a top-up of its own, which can be used for some days."),
    TopUpRefundPolicy.PRINCIPAL_ONLY: gettext_lazy("The member gets what is left of their own money."),
    TopUpRefundPolicy.RATIO: gettext_lazy("What was paid, by the share of the top-up that is unspent, bonus included. Never more than was paid."),
}


@dataclass(frozen=True)
class Example:
    """A top-up of which something is spent, as the page plays it through. Yuan."""

    principal: Decimal = Decimal("100.00")
    bonus: Decimal = Decimal("20.00")
    spend: Decimal = Decimal("30.00")
    deduction_order: str = DeductionOrder.PERCENT

    @classmethod
    def read(cls, given: QueryDict) -> Example:
        """What somebody typed. Raises ``AmountRefused`` with a sentence."""
        amounts = {}
        for name in ("principal", "bonus", "spend"):
            amounts[name] = yuan(given.get(f"example_{name}", "").replace(",", "").replace("，", "") or "0", least=ZERO)
        order = given.get("deduction_order", "")
        if not FEN <= amounts["spend"] <= amounts["principal"] + amounts["bonus"]:
            raise AmountRefused(_("The example spends more than 0 and at most the whole top-up."))
        return cls(**amounts, deduction_order=order if order in DeductionOrder.values else DeductionOrder.PERCENT)

    def split(self, deduction_order: str) -> tuple[Decimal, Decimal]:
        principal = split_principal(self.spend, self.principal, self.bonus, deduction_order)
        return principal, self.spend - principal

    def rest(self) -> CreditLot:
        """The top-up after the spend, on paper."""
        principal, bonus = self.split(self.deduction_order)
        return CreditLot(principal_amount=self.principal, bonus_amount=self.bonus, principal_left=self.principal - principal, bonus_left=self.bonus - bonus)

    def told(self) -> dict[str, str]:
        """What each choice does with the example, by its code."""
        rest = self.rest()
        left = rest.principal_left + rest.bonus_left
        told: dict[str, str] = {order: _("Takes %(split)s.") % {"split": split_text(*self.split(order))} for order in DeductionOrder.values}
        for code, paid_back in (
            (LapsePolicy.PAY_BACK, rest.principal_left),
            (LapsePolicy.VOID, ZERO),
            (TopUpRefundPolicy.PRINCIPAL_ONLY, share_to_pay_back(rest, TopUpRefundPolicy.PRINCIPAL_ONLY)),
            (TopUpRefundPolicy.RATIO, share_to_pay_back(rest, TopUpRefundPolicy.RATIO)),
        ):
            amounts = {"paid": format_yuan(paid_back), "void": format_yuan(left - paid_back)}
            told[code] = _("%(paid)s yuan are paid back, %(void)s yuan are void.") % amounts
        return told

    def rest_text(self) -> str:
        rest = self.rest()
        return _("Left of the example after the spend: %(split)s.") % {"split": split_text(rest.principal_left, rest.bonus_left)}


class PolicyForm(forms.ModelForm[CreditPolicy]):
    """The choices of a store. The page draws them."""

    class Meta:
        model = CreditPolicy
        fields = ("store", *FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields.get("store")
        if field is not None and hasattr(field.widget, "widget"):
            choices, field.widget = field.choices, field.widget.widget
            field.widget.choices = choices


class LimitDialog(BaseDialogForm):
    """How much one person may adjust alone."""

    limit = YuanField(label=gettext_lazy("Yuan that one person may adjust on one account in a day"))

    _obj: CreditPolicy | None = None

    @property
    def obj(self) -> Any:
        return self._obj

    @obj.setter
    def obj(self, policy: CreditPolicy) -> None:
        self._obj = policy
        self.fields["limit"].initial = policy.adjustment_limit


class CreditPolicyScreen:
    """Declaration of both consoles' screen. A store without a row has the defaults."""

    form = PolicyForm
    list_display: tuple[str, ...] = ("store_name", "order_column", "lapse_column", "after_column", "top_up_column", "limit_column")
    list_display_links = ("store_name",)
    search_fields = ("store__name", "store__code")
    search_help_text = gettext_lazy("Searches the store's name and code.")
    add_fields: Sequence[str] = ("store", *FIELDS)
    editable_fields: Sequence[str] = FIELDS
    change_form_template = "members/credit_policy.html"
    add_form_template = "members/credit_policy.html"
    list_before_template = "members/stores_without_policy.html"
    warn_unsaved_form = True
    empty_text = gettext_lazy("All stores follow the standard policy. Choose a store above to see it, and to change it for that store.")

    admin_site: Any
    allows: Any
    related_rows: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[CreditPolicy]:
        rows: models.QuerySet[CreditPolicy] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related("store")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return self.add_fields if obj is None else self.editable_fields

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "store":
            kwargs["queryset"] = Store.objects.filter(credit_policy=None).order_by("name")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def get_urls(self) -> list[URLPattern]:
        own = path("example/", self.admin_site.admin_view(self.example_view), name="members_creditpolicy_example")
        return [own, *super().get_urls()]  # type: ignore[misc]

    # --- list

    @admin.display(description=gettext_lazy("Store"), ordering="store__name")
    def store_name(self, policy: CreditPolicy) -> str:
        return unbroken(policy.store.name)

    @admin.display(description=gettext_lazy("Deduction order inside a lot"))
    def order_column(self, policy: CreditPolicy) -> str:
        return str(policy.get_deduction_order_display())

    @admin.display(description=gettext_lazy("When credit lapses"))
    def lapse_column(self, policy: CreditPolicy) -> str:
        return str(policy.get_on_lapse_display())

    @admin.display(description=gettext_lazy("Refund after the lapse"))
    def after_column(self, policy: CreditPolicy) -> str:
        text = str(policy.get_refund_after_lapse_display())
        if policy.refund_after_lapse == RefundAfterLapse.KEEP_DATE:
            return text
        days = ngettext("%(days)d day", "%(days)d days", policy.refund_grace_days) % {"days": policy.refund_grace_days}
        return f"{text} · {days}"

    @admin.display(description=gettext_lazy("Refund of a top-up"))
    def top_up_column(self, policy: CreditPolicy) -> str:
        return str(policy.get_top_up_refund_display())

    @admin.display(description=gettext_lazy("Second person above"))
    def limit_column(self, policy: CreditPolicy) -> str:
        return money(policy.adjustment_limit)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        stores: Any = ()
        if self.has_add_permission(request):  # type: ignore[attr-defined]
            stores = self.related_rows(request, Store, Store.objects.filter(credit_policy=None, status="OPEN").order_by("name"))[:50]
        add = reverse(f"{self.admin_site.name}:members_creditpolicy_add")
        without = [(store.name, f"{add}?store={store.pk}") for store in stores]
        return super().changelist_view(request, {**(extra_context or {}), "stores_without_policy": without})  # type: ignore[misc]

    # --- page

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        policy: CreditPolicy | None = kwargs.get("obj")
        store = policy.store if policy else self._chosen_store(request)
        may_change = policy is None or self.has_change_permission(request, policy)  # type: ignore[attr-defined]
        shown = policy or CreditPolicy(store=store) if store else CreditPolicy()
        context |= {"subtitle": None, "title": store.name if store else _("Policy of another store")}
        context["page"] = policy_page(self.admin_site.name, shown, context["adminform"].form, store=store, may_change=may_change)
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer

    def _chosen_store(self, request: HttpRequest) -> Store | None:
        """The store named in the address of the page for a store without rules of its own, if it is in reach."""
        number = request.POST.get("store") or request.GET.get("store", "")
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            return None
        found: Store | None = self.related_rows(request, Store, Store.objects.filter(pk=int(number), credit_policy=None)).first()
        return found

    def example_view(self, request: HttpRequest) -> HttpResponse:
        """The figures of an example that somebody types on the page. Reads nothing of any store."""
        if not self.allows(request, "members.view_creditpolicy"):
            raise PermissionDenied
        try:
            example = Example.read(request.GET)
        except AmountRefused as refused:
            return render(request, "members/policy_example.html", {"error": str(refused)})
        return render(request, "members/policy_example.html", {"told": example.told().items(), "rest": example.rest_text()})

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        given = {name: form.cleaned_data[name] for name in FIELDS}
        adopt(obj, change_policy(store=obj.store, by=acting_user(request), now=database_now(), **given))


class PlatformCreditPolicyScreen(CreditPolicyScreen):
    """The platform also says how much one person may adjust alone."""

    actions_detail = ("set_limit",)

    @tenant_action(
        permission="members.change_creditpolicy",
        title=gettext_lazy("Set the adjustment limit"),
        form=LimitDialog,
        icon="rule",
        description=gettext_lazy("Above it an adjustment by hand waits for a second person. It acts from the next adjustment on."),
    )
    def set_limit(self, request: HttpRequest, policy: CreditPolicy, form: Any) -> str:
        changed = change_policy(store=policy.store, by=acting_user(request), now=database_now(), adjustment_limit=form.cleaned_data["limit"])
        return _("One person may now adjust %(limit)s yuan a day on one account.") % {"limit": format_yuan(changed.adjustment_limit)}


@dataclass(frozen=True)
class Choice:
    """One choice of a rule as the page draws it."""

    code: str
    label: str
    text: Any
    example: str
    chosen: bool


@dataclass(frozen=True)
class Rule:
    """One rule with its choices; ``days`` has a field of its own beside it."""

    name: str
    title: Any
    text: Any
    choices: list[Choice]
    errors: list[str]
    days: bool = False


def policy_page(console: str, policy: CreditPolicy, form: Any, *, store: Store | None, may_change: bool) -> dict[str, Any]:
    """Context of the page."""
    chosen = {name: str(form[name].value()) if name in form.fields else str(getattr(policy, name)) for name in FIELDS}
    order = chosen["deduction_order"]
    example = Example(deduction_order=order if order in DeductionOrder.values else DeductionOrder.PERCENT)
    told = example.told()

    def rule(name: str, title: Any, text: Any, choices: Any, *, days: bool = False) -> Rule:
        options = [Choice(code, label, EXPLANATIONS[code], told.get(code, ""), code == chosen[name]) for code, label in choices]
        return Rule(name, title, text, options, list(form.errors.get(name, [])), days)

    days = int(chosen["refund_grace_days"]) if chosen["refund_grace_days"].isdigit() else 0
    return {
        "store": store,
        "may_change": may_change,
        "state": chip(_("Standard policy"), PLAIN) if policy._state.adding else chip(_("Policy of its own"), BUSY),
        "rules": [
            rule("deduction_order", _("What a spend takes out of a top-up"), _("The top-up that lapses first is spent first."), DeductionOrder.choices),
            rule("on_lapse", _("When a top-up lapses with something left"), "", LapsePolicy.choices),
            rule("refund_after_lapse", _("When an order is refunded whose top-up has lapsed"), "", RefundAfterLapse.choices, days=True),
            rule("top_up_refund", _("When a top-up itself is refunded"), "", TopUpRefundPolicy.choices),
        ],
        "days": chosen["refund_grace_days"],
        "days_text": ngettext("%(days)d day", "%(days)d days", days) % {"days": days},
        "days_errors": list(form.errors.get("refund_grace_days", [])),
        "example": example,
        "rest": example.rest_text(),
        "example_url": reverse(f"{console}:members_creditpolicy_example"),
        "limit": format_yuan(policy_of(store.pk).adjustment_limit if store else policy.adjustment_limit),
    }
