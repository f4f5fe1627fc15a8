"""The typed form of a benefit as the console shows it: the kind's own fields first, then when it is issued, then what it is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from backoffice.kernel.admin import person
from backoffice.kernel.clock import to_local
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.uploads import was_too_large
from backoffice.kernel.tenancy.admin.forms import DayInput
from backoffice.kernel.tenancy.models import Store
from members.paid.benefits import form_of, values_of
from members.paid.choices import BenefitKind, IssueExpiry, Schedule
from members.paid.models import Benefit, BenefitPack, Picture
from members.paid.services.pictures import store_picture

KINDS: dict[str, Any] = {
    BenefitKind.OPENING_GIFT: gettext_lazy("Given at once when the card is opened."),
    BenefitKind.MONTHLY_COUPON: gettext_lazy("A coupon each month of the term."),
    BenefitKind.MONTHLY_GIFT: gettext_lazy("A gift each month of the term."),
    BenefitKind.EARLY_ACCESS: gettext_lazy("Paid members buy before everybody else."),
    BenefitKind.STORE_DISCOUNT: gettext_lazy("A discount on everything in the store."),
    BenefitKind.ITEM_DISCOUNT: gettext_lazy("A discount on named items."),
    BenefitKind.CUSTOM: gettext_lazy("A promise of your own, with pictures and text. Staff watch that it is kept."),
}
_TIMES = ("schedule", "every_days", "on_date", "expiry", "expiry_days", "deadline_days", "code_pool")
_WORTH = ("value_amount", "cost_amount")
_SHOWN_WHEN = {"every_days": f"schedule={Schedule.EVERY_N_DAYS}", "on_date": f"schedule={Schedule.ON_DATE}", "expiry_days": f"expiry={IssueExpiry.DAYS}"}


class MomentInput(UnfoldAdminTextInputWidget):
    """The browser's own picker of a day and time."""

    input_type = "datetime-local"

    def format_value(self, value: Any) -> Any:
        return to_local(value).strftime("%Y-%m-%dT%H:%M") if isinstance(value, datetime) else value


def _widget(field: forms.Field) -> Any:
    kinds: tuple[tuple[type[forms.Field], Any], ...] = (
        (forms.ChoiceField, UnfoldAdminSelectWidget),
        (forms.DateTimeField, MomentInput),
        (forms.DateField, DayInput),
        (forms.DecimalField, lambda: UnfoldAdminDecimalFieldWidget(attrs={"step": "0.01", "inputmode": "decimal"})),
        (forms.IntegerField, UnfoldAdminIntegerFieldWidget),
    )
    usual = (lambda: UnfoldAdminTextareaWidget(attrs={"rows": 3})) if isinstance(field.widget, forms.Textarea) else UnfoldAdminTextInputWidget
    return next((made for kind, made in kinds if isinstance(field, kind)), usual)()


def _dressed(kind: str) -> type[Any]:
    """The kind's form in the theme's clothes."""
    own: Any = form_of(kind)

    class DressedForm(own):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            for name, field in self.fields.items():
                widget = _widget(field)
                if isinstance(field, forms.ChoiceField):
                    widget.choices = field.choices
                if name in _SHOWN_WHEN and len(self.schedules) > (1 if name != "expiry_days" else 0):
                    widget.attrs["data-shown-when"] = _SHOWN_WHEN[name]
                widget.is_required = field.required
                widget.attrs |= field.widget_attrs(widget)
                field.widget = widget
            if len(self.schedules) == 1:
                for name in ("schedule", "every_days", "on_date"):
                    del self.fields[name]

        def groups(self) -> list[tuple[Any, list[BoundField]]]:
            """(heading, fields): as people think of a benefit."""
            times = [name for name in _TIMES if name in self.fields]
            worth = [name for name in _WORTH if name in self.fields]
            what = [name for name in self.fields if name not in times and name not in worth]
            parts = ((_("What it is"), what), (_("When it is given, and how long it holds"), times), (_("What it is worth"), worth))
            return [(heading, [self[name] for name in names]) for heading, names in parts if names]

    return DressedForm


def benefit_form(kind: str, sent: Mapping[str, Any] | None, benefit: Benefit | None) -> Any:
    initial = values_of(benefit) if benefit else {"expiry": IssueExpiry.WITH_TERM.value}
    return _dressed(kind)(sent, initial=initial)


def pictures_of(benefit: Benefit | None, pack: BenefitPack, kept: Sequence[str] | None) -> list[Picture]:
    """Pictures of the benefit in order; after a form was sent, those that it kept, with what it uploaded before. Only the own store's."""
    if kept is None:
        return [shown.picture for shown in benefit.pictures.select_related("picture")] if benefit else []
    wanted = [int(text) for text in kept if text.isascii() and text.isdigit() and len(text) <= 18]
    found = Picture.objects.filter(store=pack.program.store_id).in_bulk(wanted)
    return [found[pk] for pk in wanted if pk in found]


def with_uploads(form: Any, request: HttpRequest, store: Store, kept: Sequence[Picture], now: datetime) -> list[Picture]:
    """``kept`` and the uploaded pictures, stored: whatever else is refused, they are not lost. A refused one is said on the form."""
    pictures = list(kept)
    form.is_valid()
    if was_too_large(request):
        form.add_error(None, _("The pictures are too large together. Upload them one by one."))
        return pictures
    for upload in request.FILES.getlist("upload"):
        try:
            picture = store_picture(store=store, upload=upload, by=person(request), now=now)
        except BusinessError as refused:
            form.add_error(None, f"{upload.name}: {refused}")
            continue
        if picture not in pictures:
            pictures.append(picture)
    return pictures
