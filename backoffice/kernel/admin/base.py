"""The admin classes of the three consoles. A screen declares; rows in reach, rights and safety come from here.

Read only unless the class lists ``editable_fields`` (change form) or ``add_fields`` (add form); nothing can be deleted.
A class that lists either overrides ``save_model`` and calls a service there. A ``BusinessError`` is shown on the form.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib.admin import ShowFacets
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, StackedInline, TabularInline

from backoffice.kernel.admin.actions import MARK
from backoffice.kernel.admin.changelist import ConsoleChangeList, KeysetChangeList
from backoffice.kernel.admin.filters import accepted_parameters, filter_for
from backoffice.kernel.admin.scoping import is_scoped, one_answer_for_all_seats, permission_of, reach, reaches
from backoffice.kernel.admin.search import SearchShape, search_by_shape
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import BusinessError, ConfigurationError
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console

HISTORY_SHOWN = 100
SECRET_FIELDS = ("password", "gateway_secret", "phone_encrypted", "phone_hash", "value_hash", "secret_hash", "token_hash")
"""Stored values that no page shows in any form."""


def person(request: HttpRequest) -> User:
    """Who is logged in, for a service's ``by=``. Only for pages of a console, which nobody else reaches."""
    if not isinstance(request.user, User):
        raise PermissionDenied
    return request.user


def adopt(obj: models.Model, saved: models.Model) -> None:
    """Let ``obj``, the row of Django's form, stand for ``saved``, the row that a service wrote."""
    obj.__dict__.update(saved.__dict__)


class ScopedMixin:
    """Rows in reach and rights, for admin classes and inlines alike. The console is the site's name."""

    console: ClassVar[str | None] = None
    """Only site on which the class may stand; None for inlines, which stand inside a checked class."""
    editable_fields: Sequence[str] = ()
    add_fields: Sequence[str] = ()

    model: type[models.Model]
    admin_site: Any
    opts: Any

    def allows(self, request: HttpRequest, permission: str) -> bool:
        return allows(request.user, permission, console=self.admin_site.name)

    def _may(self, request: HttpRequest, verb: str, obj: Any = None) -> bool:
        permission = permission_of(self.model, verb)
        # unfold hands the number of a row instead of the row to permission methods; then only the right itself is asked.
        if not isinstance(obj, self.model) or obj.pk is None or one_answer_for_all_seats(request.user, self.admin_site.name, permission):
            return self.allows(request, permission)
        return reaches(request.user, self.admin_site.name, obj, permission)

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        queryset = super().get_queryset(request)  # type: ignore[misc]
        return reach(request.user, self.admin_site.name, queryset, permission_of(self.model, "view"))

    def related_rows(self, request: HttpRequest, related: type[models.Model], chosen: models.QuerySet[Any] | None = None) -> models.QuerySet[Any]:
        """Rows of another model (or of ``chosen``) that a form of this class may choose from: those that the user may see, and only where
        the user may do what the form does. None when the other model is not scoped."""
        rows = related._default_manager.all() if chosen is None else chosen
        console = self.admin_site.name
        if not is_scoped(related, console):
            return rows.none()
        verb = "change" if request.resolver_match and "object_id" in request.resolver_match.kwargs else "add"
        return reach(request.user, console, reach(request.user, console, rows, permission_of(related, "view")), permission_of(self.model, verb))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self.related_rows(request, db_field.remote_field.model, kwargs.get("queryset"))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["queryset"] = self.related_rows(request, db_field.remote_field.model)
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self._may(request, "view", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.editable_fields) and self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ScopedInlineMixin(ScopedMixin):
    """Rows of a parent that is itself in reach. Read only unless the class lists fields."""

    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.add_fields) and self._may(request, "add")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        named: list[str] = list(super().get_readonly_fields(request, obj))  # type: ignore[misc]
        own = [field.name for field in self.opts.fields if not field.primary_key and field.name not in SECRET_FIELDS]
        return [*named, *(name for name in own if name not in named and name not in self.editable_fields and name not in self.add_fields)]


class ConsoleTabularInline(ScopedInlineMixin, TabularInline):
    """Table of a parent's rows."""


class ConsoleStackedInline(ScopedInlineMixin, StackedInline):
    """Stack of a parent's rows."""


class ConsoleModelAdmin(ScopedMixin, ModelAdmin):
    """Base of all screens; use the class of the console."""

    list_per_page = 50
    list_filter_submit = True
    list_fullwidth = True
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    actions = ()
    sortable_by: Any = ()
    save_on_top = False
    warn_unsaved_form = True
    empty_value_display = "—"

    big_list: ClassVar[bool] = False
    """Keyset pages, newest first, and a capped count."""
    search_shapes: Sequence[SearchShape] = ()
    allowed_lookups: Sequence[str] = ()
    """Query parameters accepted beside those of ``list_filter`` (for links from dashboards)."""
    empty_text: Any = ""
    """What to do first, shown when the list has no row at all."""

    # --- rights

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.add_fields) and self._may(request, "add")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        return {name: entry for name, entry in actions.items() if hasattr(entry[0], MARK) and self.allows(request, getattr(entry[0], MARK))}

    def get_actions_list(self, request: HttpRequest) -> list[Any]:
        return [act for act in super().get_actions_list(request) if self.allows(request, getattr(act.method, MARK))]

    def get_actions_row(self, request: HttpRequest) -> list[Any]:
        return [act for act in super().get_actions_row(request) if self.allows(request, getattr(act.method, MARK))]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        return [act for act in super().get_actions_detail(request, object_id) if self._offers(request, act, object_id)]

    def _offers(self, request: HttpRequest, act: Any, object_id: Any) -> bool:
        try:
            obj = self.get_object(request, str(object_id))
        except Http404:
            return False
        available = getattr(act.method, "available", None)
        return reaches(request.user, self.admin_site.name, obj, getattr(act.method, MARK)) and (available is None or available(obj))

    # --- which rows

    def get_object(self, request: HttpRequest, object_id: str | None, from_field: str | None = None) -> Any:
        """The row in reach; 404 for a foreign, a missing and a malformed number alike."""
        cache = request.__dict__.setdefault("_console_objects", {})
        key = (type(self), object_id)
        if key not in cache:
            try:
                cache[key] = super().get_object(request, object_id, None)
            except (ValueError, ValidationError, OverflowError):
                cache[key] = None
        if cache[key] is None:
            raise Http404
        return cache[key]

    def stores_to_merge(self, request: HttpRequest) -> list[Any] | None:
        """Primary keys of the stores whose lists are merged into one page; None: read the table in its own order."""
        if self.admin_site.name != Console.MERCHANT or self.model.scope_path != "store":  # type: ignore[attr-defined]
            return None
        return list(stores_of(request.user, permission_of(self.model, "view")).values_list("pk", flat=True))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ConsoleChangeList]:
        return KeysetChangeList if self.big_list else ConsoleChangeList

    def get_ordering(self, request: HttpRequest) -> Sequence[Any]:
        return self.ordering or ("-pk",)

    # --- filters and search

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters: list[Any] = []
        for entry in super().get_list_filter(request):
            filters.append((entry, filter_for(self._field_at(entry))) if isinstance(entry, str) else entry)
        return filters

    def _field_at(self, path: str) -> Any:
        field: Any = None
        model: Any = self.model
        for part in path.split("__"):
            field = model._meta.get_field(part)
            model = field.related_model
        return field

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Only what ``list_filter`` and ``allowed_lookups`` name: anything else would be an oracle for masked columns."""
        if lookup in self.allowed_lookups:
            return True
        entries = self.get_list_filter(request) if request is not None else self.list_filter
        return any(lookup in accepted_parameters(entry) for entry in entries)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return bool(to_field == self.opts.pk.name)

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        if self.search_shapes:
            return ("pk",)  # only tells the page to show a search box
        return super().get_search_fields(request)  # type: ignore[no-any-return]

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str) -> tuple[models.QuerySet[Any], bool]:
        if self.search_shapes:
            return search_by_shape(request, queryset, search_term, self.search_shapes), False
        if "\x00" in search_term:
            return queryset.none(), False
        found, duplicates = super().get_search_results(request, queryset, search_term)
        return found, duplicates

    # --- forms

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        named: list[str] = list(super().get_readonly_fields(request, obj))
        open_fields = self.editable_fields if obj is not None else self.add_fields
        own = [field.name for field in (*self.opts.fields, *self.opts.many_to_many) if not field.primary_key and field.name not in SECRET_FIELDS]
        return [*named, *(name for name in own if name not in open_fields and name not in named)]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form_class: Any = super().get_form(request, obj, change=change, **kwargs)
        refusal: Any = getattr(request, "_console_refusal", None)
        if refusal is None:
            return form_class

        class RefusedForm(form_class):
            def clean(self) -> Any:
                cleaned = super().clean()
                self.add_error(refusal.facts.get("field") if refusal.facts.get("field") in self.fields else None, str(refusal))
                return cleaned

        return RefusedForm

    def changeform_view(self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: dict[str, Any] | None = None) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except BusinessError as refusal:
            # The service refused: the same form again, everything typed still in it, the sentence beside it.
            request._console_refusal = refusal  # type: ignore[attr-defined]
            request.__dict__.pop("_console_objects", None)
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        raise ConfigurationError(f"{type(self).__name__} writes without a service: override save_model")

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """A row that does not exist yet has no rows of its own to show."""
        return [inline for inline in super().get_inlines(request, obj) if obj is not None or inline.add_fields]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Never a secret, also where a class names no fields."""
        asked = super().get_exclude(request, obj) or ()
        open_fields = self.editable_fields if obj is not None else self.add_fields
        return [*asked, *(name for name in SECRET_FIELDS if name not in open_fields)]

    def page_after_action(self, request: HttpRequest, object_id: str | None) -> str:
        """Where a row or list action leads back to."""
        kind = "change" if object_id else "changelist"
        return reverse(f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_{kind}", args=[object_id] if object_id else [])

    # --- history: what the audit knows, instead of Django's log of forms

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        return None

    def history_view(self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        obj = self.get_object(request, object_id)
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        events = (
            AuditEvent.objects.filter(target_type=self.opts.label_lower, target_id=obj.pk)
            .select_related("actor")
            .prefetch_related("actor__seats")
            .order_by("-pk")[:HISTORY_SHOWN]
        )
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": _("History of %(name)s") % {"name": obj},
            "opts": self.opts,
            "object": obj,
            "events": events,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "consoles/history.html", context)

    def get_urls(self) -> list[URLPattern]:
        """Without Django's delete page, and without its catch-all that redirects ``<anything>/`` to a change page."""
        urls: list[URLPattern] = super().get_urls()
        delete = f"{self.opts.app_label}_{self.opts.model_name}_delete"
        return [url for url in urls if url.name is not None and url.name != delete]


class PlatformModelAdmin(ConsoleModelAdmin):
    """A screen of the platform console: all rows, for roles that may see them."""

    console = Console.PLATFORM.value


class MerchantModelAdmin(ConsoleModelAdmin):
    """A screen of the merchant console: only rows of the stores that the user's seats cover."""

    console = Console.MERCHANT.value


class DeveloperModelAdmin(ConsoleModelAdmin):
    """A screen of the developer console: only rows of the user's developers."""

    console = Console.DEVELOPER.value
