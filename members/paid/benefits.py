"""The kinds of benefits, each with its own fields, its schedules and one line that describes it (spec: each has a typed form, checked at saving).

One form a kind serves the console's page, files and the API alike: ``form_of(kind)`` is the class, ``clean_benefit`` takes plain values and gives what
is stored. Fields that every kind has are columns of ``Benefit``; the kind's own (``own`` of the class) go to ``Benefit.settings`` as JSON: amounts as
text with two decimals, moments as ISO 8601 with their offset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise, lazy
from django.utils.translation import get_language, ngettext_lazy
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.clock import to_local
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.money import FEN, format_yuan
from members.paid.choices import BenefitKind, IssueExpiry, Schedule
from members.paid.models import Benefit

MOST_ITEMS = 200
LONGEST_OWN_TEXT = 500


class InvalidBenefit(BusinessError):
    """The values do not make a benefit of this kind; ``errors`` in ``facts`` has a sentence per field."""

    code = "invalid_benefit"


def _money(label: Any, *, least: str = "0", help_text: Any = "", required: bool = True) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=Decimal(least), max_value=Decimal(1_000_000), max_digits=12, decimal_places=2, help_text=help_text, required=required
    )


class BenefitForm(forms.Form):
    """Fields of every kind. ``schedules``: what the kind allows; the first is the usual one. ``own``: the fields that go to ``settings``."""

    kind: ClassVar[BenefitKind]
    schedules: ClassVar[tuple[Schedule, ...]] = tuple(Schedule)
    own: ClassVar[tuple[str, ...]] = ()
    has_codes: ClassVar[bool] = False

    title = forms.CharField(label=_("Title"), max_length=60, help_text=_("What members read, in a few words."))
    description = forms.CharField(label=_("Description"), max_length=300, required=False)
    schedule = forms.ChoiceField(label=_("Issued"), choices=(), required=False, help_text=_("At once is at the opening only, never at a renewal."))
    every_days = forms.IntegerField(label=_("Every so many days"), min_value=1, max_value=366, required=False)
    on_date = forms.DateField(label=_("On the date"), required=False)
    expiry = forms.ChoiceField(label=_("Expires"), choices=IssueExpiry.choices, required=False, help_text=_("Empty: with the term."))
    expiry_days = forms.IntegerField(label=_("Valid for so many days"), min_value=1, max_value=3650, required=False)
    value_amount = _money(_("Worth to the member"), help_text=_("What one issue is worth, in yuan. Once used, it is taken off a refund."))
    cost_amount = _money(_("Cost to the store"), help_text=_("What one issue costs, in yuan. Members never see it."), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["schedule"]
        field.choices = [(code.value, code.label) for code in self.schedules]
        if self.has_codes:
            self.fields["code_pool"] = forms.CharField(
                label=_("List of coupon codes"), max_length=64, required=False, help_text=_("Name of an imported list of codes. Empty: no codes.")
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["schedule"] = given.get("schedule") or self.schedules[0].value
        self._needs(given, "every_days", when=given["schedule"] == Schedule.EVERY_N_DAYS, sentence=_("Say after how many days it is issued again."))
        self._needs(given, "on_date", when=given["schedule"] == Schedule.ON_DATE, sentence=_("Say on which date it is issued."))
        # A number of days is enough to say that it expires after so many days.
        given["expiry"] = given.get("expiry") or (IssueExpiry.DAYS.value if given.get("expiry_days") else IssueExpiry.WITH_TERM.value)
        self._needs(given, "expiry_days", when=given["expiry"] == IssueExpiry.DAYS, sentence=_("Say for how many days it is valid."))
        return given

    def _needs(self, given: dict[str, Any], name: str, *, when: bool, sentence: Any) -> None:
        """A field that belongs to one choice only: asked for with it, emptied without it."""
        if not when:
            given[name] = None
            self.errors.pop(name, None)
        elif given.get(name) is None and name not in self.errors:
            self.add_error(name, forms.ValidationError(sentence, code="required"))

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        """What the kind's own fields say, in one line for people."""
        raise NotImplementedError


class _Gift(BenefitForm):
    own = ("gift", "quantity")
    has_codes = True
    gift = forms.CharField(label=_("Gift"), max_length=100, help_text=_("The article, as it stands on the parcel."))
    quantity = forms.IntegerField(label=_("Pieces"), min_value=1, max_value=99, required=False, help_text=_("Empty: one."))

    def clean_quantity(self) -> int:
        return self.cleaned_data.get("quantity") or 1

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        quantity = int(settings.get("quantity") or 1)
        gift = settings.get("gift", "")
        return gift if quantity == 1 else _("%(gift)s, %(count)d pieces") % {"gift": gift, "count": quantity}


class OpeningGiftForm(_Gift):
    kind = BenefitKind.OPENING_GIFT
    schedules = (Schedule.AT_ONCE,)


class MonthlyGiftForm(_Gift):
    kind = BenefitKind.MONTHLY_GIFT
    schedules = (Schedule.MONTHLY,)


class MonthlyCouponForm(BenefitForm):
    """A coupon of an amount from a threshold on; ``threshold`` 0: from the first fen. Its validity is ``expiry_days``."""

    kind = BenefitKind.MONTHLY_COUPON
    schedules = (Schedule.MONTHLY,)
    own = ("coupon_amount", "threshold")
    has_codes = True
    coupon_amount = _money(_("Coupon amount"), least="0.01")
    threshold = _money(_("From an order of"), required=False, help_text=_("Empty or 0: for any order above the coupon's amount."))

    def clean_threshold(self) -> Decimal:
        return self.cleaned_data.get("threshold") or Decimal(0)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        amount, threshold = given.get("coupon_amount"), given.get("threshold")
        if amount and threshold and threshold < amount:
            sentence = _("An order that small would be free. The threshold is at least the coupon's amount.")
            self.add_error("threshold", forms.ValidationError(sentence, code="threshold_below_amount"))
        return given

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        amount, threshold = Decimal(settings.get("coupon_amount", "0")), Decimal(settings.get("threshold", "0"))
        if not threshold:
            return _("%(amount)s yuan off any order") % {"amount": format_yuan(amount)}
        return _("%(amount)s yuan off an order of %(threshold)s") % {"amount": format_yuan(amount), "threshold": format_yuan(threshold)}


class _Activity(BenefitForm):
    """A right inside an activity that the shop has: its number there, and from when to when it runs.

    Usually issued each month: the first on the opening day, and again after a renewal, which brings no benefit that is issued at once.
    """

    schedules = (Schedule.MONTHLY, Schedule.AT_ONCE, Schedule.EVERY_N_DAYS, Schedule.ON_DATE)
    own: ClassVar[tuple[str, ...]] = ("activity_id", "window_from", "window_to")
    activity_id = forms.CharField(label=_("Activity number"), max_length=64, help_text=_("Number of the activity in the shop, aimed at paid members."))
    window_from = forms.DateTimeField(label=_("Activity begins"))
    window_to = forms.DateTimeField(label=_("Activity ends"))

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        begins, ends = given.get("window_from"), given.get("window_to")
        if begins and ends and ends <= begins:
            self.add_error("window_to", forms.ValidationError(_("The activity would end before it begins."), code="window_ends_first"))
        return given

    @classmethod
    def window(cls, settings: Mapping[str, Any]) -> Any:
        days = [to_local(datetime.fromisoformat(settings[name])).strftime("%Y-%m-%d") for name in ("window_from", "window_to") if settings.get(name)]
        return _("%(begins)s to %(ends)s") % {"begins": days[0], "ends": days[1]} if len(days) == 2 else ""


class EarlyAccessForm(_Activity):
    """会员优先购."""

    kind = BenefitKind.EARLY_ACCESS
    own: ClassVar[tuple[str, ...]] = (*_Activity.own, "hours_ahead")
    hours_ahead = forms.IntegerField(label=_("Hours before everybody else"), min_value=1, max_value=720)

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        return _("%(hours)s hours before everybody else, %(window)s") % {"hours": settings.get("hours_ahead", "?"), "window": cls.window(settings)}


def _say_discount(percent: int) -> str:
    """As people say it: what comes off in English, how many tenths of the price are left in Chinese. No catalogue can turn one into the other."""
    return f"{Decimal(100 - percent) / 10:g} 折" if (get_language() or "").startswith("zh") else f"{percent}% off"


_discount_words = lazy(_say_discount, str)


class _Discount(_Activity):
    own: ClassVar[tuple[str, ...]] = (*_Activity.own, "percent_off")
    percent_off = forms.IntegerField(label=_("Percent off"), min_value=1, max_value=90, help_text=_("10 is a tenth off the price."))

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        percent = int(settings.get("percent_off") or 0)
        return _("%(discount)s, %(window)s") % {"discount": _discount_words(percent), "window": cls.window(settings)}


class StoreDiscountForm(_Discount):
    """店铺宝."""

    kind = BenefitKind.STORE_DISCOUNT


class ItemDiscountForm(_Discount):
    """单品宝."""

    kind = BenefitKind.ITEM_DISCOUNT
    own: ClassVar[tuple[str, ...]] = (*_Discount.own, "items")
    items = forms.CharField(label=_("Items"), max_length=8000, help_text=_("Item numbers, with commas or one a line."), widget=forms.Textarea)

    def clean_items(self) -> list[str]:
        text = str(self.cleaned_data["items"]).replace("，", ",").replace(";", ",").replace("；", ",")
        items = list(dict.fromkeys(part.strip() for line in text.splitlines() for part in line.split(",") if part.strip()))
        if not items:
            raise forms.ValidationError(_("Name at least one item."), code="required")
        if len(items) > MOST_ITEMS:
            raise forms.ValidationError(_("At most %(count)d items, please.") % {"count": MOST_ITEMS})
        if any(len(item) > 64 for item in items):
            raise forms.ValidationError(_("An item number has at most 64 characters."))
        return items

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        count = len(settings.get("items") or [])
        on = ngettext_lazy("on %(count)d item", "on %(count)d items", count) % {"count": count}
        return _("%(discount)s, %(on)s") % {"discount": super().describe(settings), "on": on}


class CustomForm(BenefitForm):
    """A promise with picture and text that staff watch over: who keeps it, how, until when, and what shows that it was kept."""

    kind = BenefitKind.CUSTOM
    own = ("promise", "delivery", "owner", "evidence")
    promise = forms.CharField(label=_("Promise"), max_length=LONGEST_OWN_TEXT, widget=forms.Textarea, help_text=_("Exactly what the member gets."))
    delivery = forms.CharField(label=_("Delivery way"), max_length=200, help_text=_("How the member gets it: by parcel, in the shop, by message …"))
    deadline_days = forms.IntegerField(
        label=_("Days to keep the promise"),
        min_value=1,
        max_value=180,
        required=False,
        help_text=_("From the day of issue. Empty: the platform's number."),
    )
    owner = forms.CharField(label=_("Who sees to it"), max_length=100, help_text=_("Person or team of the store."))
    evidence = forms.CharField(label=_("What shows that it was kept"), max_length=200, help_text=_("For example a parcel number or a photo."))

    @classmethod
    def describe(cls, settings: Mapping[str, Any]) -> Any:
        return settings.get("promise", "")


FORMS: dict[str, type[BenefitForm]] = {
    form.kind.value: form for form in (OpeningGiftForm, MonthlyCouponForm, MonthlyGiftForm, EarlyAccessForm, StoreDiscountForm, ItemDiscountForm, CustomForm)
}
_COLUMNS = ("title", "description", "schedule", "every_days", "on_date", "expiry", "expiry_days", "value_amount", "cost_amount", "code_pool", "deadline_days")


@dataclass(frozen=True)
class CleanBenefit:
    """Checked values as ``Benefit`` stores them: ``columns`` by field name, ``settings`` ready for JSON."""

    columns: dict[str, Any]
    settings: dict[str, Any]


def form_of(kind: str) -> type[BenefitForm]:
    """Raises ``InvalidBenefit`` (``unknown_kind``)."""
    if kind not in FORMS:
        raise InvalidBenefit(_("There is no such kind of benefit."), code="unknown_kind", field="kind")
    return FORMS[kind]


def clean_benefit(kind: str, values: Mapping[str, Any]) -> CleanBenefit:
    """Check ``values`` (text or typed) by the kind's form. Raises ``InvalidBenefit``."""
    form = _filled(kind, values)
    if not form.is_valid():
        errors = {name: str(faults[0]) for name, faults in form.errors.items()}
        raise InvalidBenefit(next(iter(errors.values())), field=next(iter(errors)), errors=errors)
    given = form.cleaned_data
    columns = {name: given[name] for name in _COLUMNS if name in given}
    columns["cost_amount"] = columns.get("cost_amount") or Decimal(0)
    columns.setdefault("code_pool", "")
    columns.setdefault("deadline_days", None)
    return CleanBenefit(columns, {name: _plain(given.get(name)) for name in form.own})


def list_faults(kind: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The code of the first fault of each field, for files; empty: ``clean_benefit`` takes the values."""
    return {name: faults[0].code or "invalid" for name, faults in _filled(kind, values).errors.as_data().items()}


def _filled(kind: str, values: Mapping[str, Any]) -> BenefitForm:
    return form_of(kind)(data={name: _text(value) for name, value in values.items()})


def values_of(benefit: Benefit) -> dict[str, Any]:
    """A benefit's values as its form takes them: what ``clean_benefit`` was given."""
    values = {name: getattr(benefit, name) for name in _COLUMNS}
    own = form_of(benefit.kind).own
    return values | {name: _given(form_of(benefit.kind), name, benefit.settings.get(name)) for name in own}


def describe(benefit: Benefit) -> str:
    """One line for people: what it is and when it is given."""
    what = FORMS[benefit.kind].describe(benefit.settings) if benefit.kind in FORMS else benefit.title
    return str(_("%(what)s · %(when)s") % {"what": what or benefit.title, "when": describe_schedule(benefit)})


def describe_schedule(benefit: Benefit) -> str | Promise:
    """When a benefit is issued."""
    if benefit.schedule == Schedule.EVERY_N_DAYS:
        count = benefit.every_days or 1
        return str(ngettext_lazy("every day", "every %(count)d days", count) % ({"count": count} if count > 1 else {}))
    if benefit.schedule == Schedule.ON_DATE and benefit.on_date:
        return str(_("on %(day)s") % {"day": benefit.on_date.isoformat()})
    return _("at once") if benefit.schedule == Schedule.AT_ONCE else _("each month")


def window_end(benefit: Benefit) -> datetime | None:
    """When the activity of a benefit ends; None for kinds without one."""
    text = benefit.settings.get("window_to")
    return datetime.fromisoformat(text) if text else None


def _text(value: Any) -> Any:
    """Lists as their form takes them; everything else as it is."""
    return "\n".join(str(part) for part in value) if isinstance(value, (list, tuple)) else value


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    if isinstance(value, Decimal):
        return str(value.quantize(FEN))
    if isinstance(value, datetime):
        return to_local(value).isoformat()
    return value.isoformat() if isinstance(value, date) else value


def _given(form_class: type[BenefitForm], name: str, stored: Any) -> Any:
    field = form_class.base_fields[name]
    if isinstance(field, forms.DateTimeField) and stored:
        return to_local(datetime.fromisoformat(stored))
    return _text(stored)
