"""Search by the shape of the term: a number, a phone, a code, a name. The page says what was searched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.http import HttpRequest


@dataclass(frozen=True)
class SearchShape:
    """One way to search a list. The first shape whose ``matches`` accepts the term is used, alone.

    ``apply(queryset, term)`` must be answered by an index and must never compare a part of a personal value
    (a whole phone by its hash is fine, its first digits are not).
    """

    label: Any
    matches: Callable[[str], bool]
    apply: Callable[[models.QuerySet[Any], str], models.QuerySet[Any]]


def any_term(term: str) -> bool:
    return bool(term)


def search_by_shape(request: HttpRequest, queryset: models.QuerySet[Any], term: str, shapes: Sequence[SearchShape]) -> models.QuerySet[Any]:
    """``queryset`` narrowed by the first fitting shape; nothing when none fits. Notes on the request what was searched."""
    term = term.strip()
    if not term:
        return queryset
    if "\x00" in term:
        return queryset.none()
    for shape in shapes:
        if shape.matches(term):
            request.searched_as = shape.label  # type: ignore[attr-defined]
            return shape.apply(queryset, term)
    return queryset.none()
