"""Every way in, found by machine: addresses, and what each screen offers beside its address. Nothing here is typed by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import ListFilter
from django.core.management import get_commands
from django.urls import URLPattern, URLResolver, get_resolver

from backoffice.kernel.admin.actions import action_names
from backoffice.kernel.sites import CONSOLE_SITES

OURS = ("backoffice", "members", "campaigns", "applications")


def url_patterns() -> dict[str, tuple[str, URLPattern]]:
    """Surface id -> (route, pattern) for every leaf of the resolver, unnamed ones by their route."""
    found: dict[str, tuple[str, URLPattern]] = {}

    def walk(patterns: list[Any], namespace: str, route: str) -> None:
        for pattern in patterns:
            here = route + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                walk(pattern.url_patterns, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace, here)
            else:
                name = f"{namespace}{pattern.name}" if pattern.name else f"{namespace}/{here}"
                assert name not in found, f"two addresses are called {name}"
                found[name] = (here, pattern)

    walk(get_resolver().url_patterns, "", "")
    return found


def screens() -> dict[str, Any]:
    """``merchant:members_member`` -> the admin object, for every model on every console."""
    return {f"{site.name}:{model._meta.app_label}_{model._meta.model_name}": admin for site in CONSOLE_SITES for model, admin in site._registry.items()}


def filter_name(entry: Any) -> str:
    """Name of one entry of ``list_filter``: the field's path, or the parameter of a filter class."""
    if isinstance(entry, type) and issubclass(entry, ListFilter):
        return str(getattr(entry, "parameter_name", entry.__name__))
    return str(entry if isinstance(entry, str) else entry[0])


def form_choices(admin: Any) -> list[str]:
    """Foreign keys and many-to-many fields that a form of ``admin`` lets somebody choose."""
    open_fields = {*admin.add_fields, *admin.editable_fields}
    return [field.name for field in (*admin.opts.fields, *admin.opts.many_to_many) if field.remote_field and field.name in open_fields]


def export_formats(admin: Any) -> list[str]:
    """Formats of the export and import buttons, for a screen that has them."""
    if not hasattr(admin, "get_export_formats"):
        return []
    return [f"{format_class().get_title()}" for format_class in admin.get_export_formats()]


def features() -> Iterator[str]:
    """What a screen offers without an address of its own."""
    for name, admin in screens().items():
        if admin.search_shapes or admin.search_fields:
            yield f"{name} search"
        for entry in admin.list_filter:
            yield f"{name} filter {filter_name(entry)}"
        for inline in admin.inlines:
            yield f"{name} inline {inline.model._meta.model_name}"
        for action in admin.actions or ():
            yield f"{name} bulk action {action}"
        for field in form_choices(admin):
            yield f"{name} choice {field}"
        for field in admin.autocomplete_fields:
            yield f"{name} autocomplete {field}"
        for title in export_formats(admin):
            yield f"{name} format {title}"
        for path in admin.allowed_lookups:
            yield f"{name} look-up {path}"


def commands() -> Iterator[str]:
    for name, app in get_commands().items():
        if str(app).split(".")[0] in OURS:
            yield f"command {name}"


def tasks() -> Iterator[str]:
    from backoffice.celery import app

    app.loader.import_default_modules()
    for name in app.tasks:
        if not name.startswith("celery."):
            yield f"task {name}"


def all_surfaces() -> set[str]:
    return {*url_patterns(), *features(), *commands(), *tasks()}


def detail_actions(admin: Any) -> list[str]:
    """Names of acts with an address of their own."""
    return [name for kind in ("detail", "row", "list") for name in action_names(getattr(admin, f"actions_{kind}"))]
