"""Figures over whole tables are kept for a short while, under exactly the rows that they are made of."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.conf import settings
from django.core.cache import cache

T = TypeVar("T")


def keep(name: str, scope: Iterable[Any], compute: Callable[[], T]) -> T:
    """``compute()``, or what it gave for the same ``scope`` up to ``DASHBOARD_KEEP_SECONDS`` ago.

    ``scope`` names all that the figures depend on, first of all the stores in reach: a right taken away asks for another key.
    """
    seconds = settings.DASHBOARD_KEEP_SECONDS
    if not seconds:
        return compute()
    key = hashlib.blake2b(f"{name}:{','.join(map(str, scope))}".encode(), digest_size=16).hexdigest()
    found: T | None = cache.get(key)
    if found is None:
        found = compute()
        cache.set(key, found, seconds)
    return found
