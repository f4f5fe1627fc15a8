"""What must hold in the database whatever happened. Each package registers its checks in ``<package>/invariants.py``."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.apps import apps

from backoffice.kernel.registry import Registry

MOST_NAMED = 100


@dataclass(frozen=True)
class Breach:
    """One row, or one group of rows, that breaks an invariant: ``row`` names it, ``facts`` says what was found."""

    invariant: str
    row: str
    facts: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"invariant": self.invariant, "row": self.row, "facts": self.facts}


@dataclass(frozen=True)
class Invariant:
    """``find(most)`` returns the breaches, at most ``most`` of them."""

    code: str
    meaning: str
    find: Callable[[int], list[Breach]]


INVARIANTS: Registry[Invariant] = Registry("invariant")


def invariant(code: str, meaning: str) -> Callable[[Callable[[int], Iterable[tuple[str, dict[str, Any]]]]], Callable[[int], list[Breach]]]:
    """Register a function that yields (row, facts) for what breaks the invariant."""

    def enter(function: Callable[[int], Iterable[tuple[str, dict[str, Any]]]]) -> Callable[[int], list[Breach]]:
        def find(most: int) -> list[Breach]:
            return [Breach(code, row, facts) for row, facts in function(most)]

        INVARIANTS.register(code, Invariant(code, meaning, find))
        return find

    return enter


def load_invariants() -> None:
    """Import the ``invariants`` module of every installed app that has one."""
    for config in apps.get_app_configs():
        if find_spec(f"{config.name}.invariants"):
            import_module(f"{config.name}.invariants")


def find_breaches(*, most: int = MOST_NAMED) -> list[Breach]:
    """Every breach of every registered invariant, at most ``most`` a kind. Reads only."""
    load_invariants()
    return [breach for each in INVARIANTS for breach in each.find(most)]
