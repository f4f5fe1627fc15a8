"""List filters. A related filter offers, and accepts, only rows that the user reaches in this console."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import FieldListFilter, ListFilter, SimpleListFilter
from django.db import models
from django.http import HttpRequest
from unfold.contrib.filters.admin import BooleanRadioFilter, ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter, RelatedDropdownFilter

from backoffice.kernel.admin.scoping import is_scoped, permission_of, reach

CHOICES_SHOWN = 500
"""So many related rows are offered at most; a store filter of a larger platform is an autocomplete's job."""


class ScopedRelatedFilter(RelatedDropdownFilter):
    """Filter by a foreign key among the rows in reach. A foreign row's number answers like one that does not exist."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        related = field.remote_field.model
        console = model_admin.admin_site.name
        rows = reach(request.user, console, related._default_manager.all(), permission_of(related, "view"))
        return [(row.pk, str(row)) for row in rows.order_by("pk")[:CHOICES_SHOWN]]

    def has_output(self) -> bool:
        return len(self.lookup_choices) > 1 or self.value() is not None


def filter_for(field: models.Field[Any, Any]) -> type[FieldListFilter]:
    """The filter class for a field that a list names without one."""
    if field.remote_field:
        return ScopedRelatedFilter
    if field.choices:
        return ChoicesDropdownFilter  # type: ignore[no-any-return]
    if isinstance(field, models.BooleanField):
        return BooleanRadioFilter  # type: ignore[no-any-return]
    if isinstance(field, models.DateTimeField):
        return RangeDateTimeFilter  # type: ignore[no-any-return]
    if isinstance(field, models.DateField):
        return RangeDateFilter  # type: ignore[no-any-return]
    raise TypeError(f"no filter is known for {field}: name a class")


def accepted_parameters(list_filter: Any) -> set[str]:
    """Query parameters that one entry of ``list_filter`` reads; everything else is refused with 400."""
    if isinstance(list_filter, type) and issubclass(list_filter, (SimpleListFilter, ListFilter)):
        name = getattr(list_filter, "parameter_name", None)
        return {name, f"{name}_from", f"{name}_to"} if name else set()
    path = list_filter[0] if isinstance(list_filter, (tuple, list)) else list_filter
    lookups = {f"{path}__exact", f"{path}__id__exact", f"{path}__pk__exact", f"{path}__isnull"}
    ranges = {f"{path}_from", f"{path}_to", f"{path}_from_0", f"{path}_from_1", f"{path}_to_0", f"{path}_to_1"}
    return {path, *lookups, *ranges}


def is_scoped_filter(model: type[models.Model], list_filter: Any, console: str) -> bool:
    """Whether one entry of ``list_filter`` can show only rows in reach: asked by the system check."""
    if not isinstance(list_filter, (tuple, list)):
        return True  # a plain field gets its class from ``filter_for``; a SimpleListFilter names its own choices
    field: Any = model._meta.get_field(list_filter[0].split("__")[0])
    for part in list_filter[0].split("__")[1:]:
        field = field.related_model._meta.get_field(part)
    if not field.remote_field:
        return True
    return issubclass(list_filter[1], ScopedRelatedFilter) and is_scoped(field.remote_field.model, console)
