"""The first step: what to import, into which store, which file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from backoffice.kernel.files.admin.forms import StartForm
from backoffice.kernel.files.admin.reach import kinds_for, stores_for
from backoffice.kernel.files.choices import BadRows
from backoffice.kernel.files.kinds import Column, ImportKind
from backoffice.kernel.files.uploads import upload_limit_mb
from backoffice.kernel.files.words import column_title
from backoffice.kernel.tenancy.models import Store

STORES_OFFERED = 300
"""So many stores are offered in the drop-down's list; the code of any other can be typed."""


@dataclass(frozen=True)
class KindCard:
    """One kind as the first step shows it."""

    kind: ImportKind
    required: list[str]
    columns: list[tuple[Column, str]]
    is_chosen: bool


def kind_card(kind: ImportKind, chosen: str) -> KindCard:
    required = [column_title(column) for column in kind.file_columns if column.required]
    return KindCard(kind, required, [(column, column_title(column)) for column in kind.file_columns], kind.code == chosen)


def start_context(request: HttpRequest, console: str, *, form: StartForm | None = None, wanted: str = "") -> dict[str, Any]:
    """What the form of the first step shows. Empty of cards when the user may import nothing here."""
    kinds = kinds_for(request.user, console)
    typed = form.data if form is not None else {}
    chosen = str(typed.get("kind") or wanted)
    if chosen not in {kind.code for kind in kinds}:
        chosen = kinds[0].code if kinds else ""
    stores = _stores(request, console, kinds)
    only = stores[0].code if len(stores) == 1 else ""
    return {
        "cards": [kind_card(kind, chosen) for kind in kinds],
        "start_form": form,
        "typed": typed,
        "chosen_store": str(typed.get("store", only)),
        "stores": stores,
        "stores_are_all": len(stores) < STORES_OFFERED,
        "asks_store": any(kind.has_store for kind in kinds),
        "bad_row_choices": BadRows.choices,
        "chosen_bad_rows": str(typed.get("on_bad_rows") or BadRows.ABORT.value),
        "max_bytes": settings.MAX_UPLOAD_BYTES,
        "max_mb": upload_limit_mb(),
        "repeated_job": getattr(request, "repeated_job", None),
    }


def _stores(request: HttpRequest, console: str, kinds: list[ImportKind]) -> list[Store]:
    """Stores that any of the kinds may go into; which kind may go into which is checked when the form is sent."""
    permissions: dict[str, ImportKind] = {kind.permission: kind for kind in kinds if kind.has_store}
    found: dict[int, Store] = {}
    querysets = {str(stores.query): stores for stores in (stores_for(request.user, console, kind) for kind in permissions.values())}
    for stores in querysets.values():
        found |= {store.pk: store for store in stores.order_by("code")[:STORES_OFFERED]}
    return sorted(found.values(), key=lambda store: store.code)[:STORES_OFFERED]
