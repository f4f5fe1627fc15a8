"""System checks over the three consoles: what is not scoped, or not guarded, does not start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import Error
from django.db import models

from backoffice.kernel.admin.actions import MARK, action_names
from backoffice.kernel.admin.base import SECRET_FIELDS, ConsoleModelAdmin, ConsoleStackedInline, ConsoleTabularInline
from backoffice.kernel.admin.filters import is_scoped_filter
from backoffice.kernel.admin.scoping import is_scoped
from backoffice.kernel.money import MoneyField

PERSONAL_FIELDS = {"phone_encrypted", "phone_hash", "phone_masked", "value_hash", "value_masked", "gateway_secret", "password", "email"}
"""Fields of which a screen may show a masked form, but which no query string may compare with anything."""
STATE_FIELDS = {"status", "balance", "held", "growth", "cursor", "occasion"}


def check_consoles(app_configs: Sequence[AppConfig] | None = None, **_options: Any) -> list[Error]:  # noqa: ARG001 - the signature of a check
    from backoffice.kernel.sites import CONSOLE_SITES

    return [error for site in CONSOLE_SITES for admin in site._registry.values() for error in check_admin(admin)]


def check_admin(admin: Any) -> list[Error]:
    """Every reason why ``admin`` may not stand on its console."""
    return [Error(f"{admin.admin_site.name}: {type(admin).__name__}: {text}", obj=type(admin), id=f"consoles.E{number:03}") for number, text in _faults(admin)]


def _faults(admin: Any) -> Iterator[tuple[int, str]]:
    if not isinstance(admin, ConsoleModelAdmin) or admin.console != admin.admin_site.name:
        yield 1, "is not made from the admin class of this console (backoffice.kernel.admin)"
        return
    for part in (_scope_faults, _filter_faults, _act_faults, _query_faults, _form_faults):
        yield from part(admin, admin.admin_site.name)


def _scope_faults(admin: Any, console: str) -> Iterator[tuple[int, str]]:
    if not is_scoped(admin.model, console):
        yield 2, f"{admin.model.__name__} has no scope_path that leads to the tenants of this console"
    for inline in admin.inlines:
        if not issubclass(inline, (ConsoleTabularInline, ConsoleStackedInline)):
            yield 3, f"{inline.__name__} is not made from ConsoleTabularInline or ConsoleStackedInline"
        elif not is_scoped(inline.model, console):
            yield 2, f"{inline.model.__name__} has no scope_path that leads to the tenants of this console"


def _filter_faults(admin: Any, console: str) -> Iterator[tuple[int, str]]:
    for entry in admin.list_filter:
        path = entry if isinstance(entry, str) else entry[0] if isinstance(entry, (tuple, list)) else ""
        if path and path.split("__")[-1] in PERSONAL_FIELDS:
            yield 4, f"list_filter on the personal field {path}"
        elif path and not _filter_is_scoped(admin, entry, path, console):
            yield 5, f"list_filter {path} would show rows of other tenants: use ScopedRelatedFilter on a model with a scope_path"


def _act_faults(admin: Any, _console: str) -> Iterator[tuple[int, str]]:
    for name in [*admin.actions, *(_ for kind in ("list", "row", "detail", "submit_line") for _ in action_names(getattr(admin, f"actions_{kind}")))]:
        method = getattr(admin, name, None) if isinstance(name, str) else name
        if not hasattr(method, MARK):
            yield 6, f"action {name} is not made by tenant_action or tenant_bulk_action"
    if admin.actions_submit_line:
        yield 6, "actions_submit_line runs without a dialog: use actions_detail"


def _query_faults(admin: Any, _console: str) -> Iterator[tuple[int, str]]:
    for name in (*admin.search_fields, *admin.allowed_lookups):
        if PERSONAL_FIELDS & set(name.lstrip("^=@").split("__")):
            yield 7, f"search or look-up on the personal field {name}: search by its hash with a SearchShape"
    if admin.date_hierarchy:
        yield 8, "date_hierarchy aggregates the whole table on every page"
    if admin.big_list and (admin.sortable_by or admin.ordering):
        yield 13, "a keyset list has one order: newest first"
    named = [field for _, options in admin.fieldsets or () for entry in options["fields"] for field in ([entry] if isinstance(entry, str) else entry)]
    for name in (*named, *(admin.fields or ()), *admin.readonly_fields, *admin.list_display):
        if name in SECRET_FIELDS and name not in admin.add_fields:
            yield 14, f"{name} is a secret and shown nowhere"


def _form_faults(admin: Any, console: str) -> Iterator[tuple[int, str]]:
    if admin.list_editable:
        yield 9, "list_editable saves rows without their service"
    writable = {*admin.editable_fields, *admin.add_fields}
    if writable and type(admin).save_model is ConsoleModelAdmin.save_model:
        yield 10, "writes, but does not override save_model to call a service"
    for name in admin.editable_fields:
        if name in STATE_FIELDS or _is_ledger_field(admin.model, name):
            yield 11, f"{name} is kept by services and can never be edited in a form"
    for name in writable:
        related = _related(admin.model, name)
        if related is not None and not is_scoped(related, console):
            yield 12, f"the form's choice {name} would offer rows of other tenants"


def _filter_is_scoped(admin: Any, entry: Any, path: str, console: str) -> bool:
    if isinstance(entry, str):
        related = admin._field_at(path).related_model
        return related is None or is_scoped(related, console)
    return is_scoped_filter(admin.model, entry, console)


def _is_ledger_field(model: type[models.Model], name: str) -> bool:
    found = [field for field in model._meta.fields if field.name == name]
    return bool(found) and isinstance(found[0], MoneyField)


def _related(model: type[models.Model], name: str) -> Any:
    found = [field for field in (*model._meta.fields, *model._meta.many_to_many) if field.name == name]
    return found[0].related_model if found else None
