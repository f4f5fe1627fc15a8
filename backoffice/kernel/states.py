"""The one door through which a row changes state: a conditional update that refuses when the row has moved on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import StateConflict

Transitions = Mapping[str, frozenset[str]]


def transition(row: models.Model, target: str, *, table: Transitions, field: str = "status", only_from: set[str] | None = None, **changes: Any) -> None:
    """Move ``row`` to ``target`` if the transition table allows it from the state stored *now*, and write ``changes`` with it.

    Raises ``StateConflict`` (nothing changed) when the stored state is not a source of ``target``.
    ``only_from`` narrows the sources further.
    """
    sources = {source for source, targets in table.items() if target in targets}
    if only_from is not None:
        sources &= only_from
    updated = type(row)._base_manager.filter(pk=row.pk, **{f"{field}__in": sources}).update(**{field: target}, **changes)
    if not updated:
        raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
    setattr(row, field, target)
    for name, value in changes.items():
        setattr(row, name, value)
