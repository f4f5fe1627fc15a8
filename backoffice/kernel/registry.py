"""Self-registering plug-ins: one file, one entry, found by importing a package."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Generic, TypeVar

from backoffice.kernel.errors import ConfigurationError

T = TypeVar("T")


class Registry(Generic[T]):
    """Entries by code. Registering one code twice, or asking for an unknown one, is an error that names it."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._entries: dict[str, T] = {}

    def register(self, code: str, entry: T) -> T:
        if code in self._entries:
            raise ConfigurationError(f"{self.what} {code!r} is registered twice")
        self._entries[code] = entry
        return entry

    def get(self, code: str) -> T:
        try:
            return self._entries[code]
        except KeyError:
            known = ", ".join(sorted(self._entries))
            raise LookupError(f"no {self.what} {code!r}; known: {known}") from None

    def __contains__(self, code: object) -> bool:
        return code in self._entries

    def __iter__(self) -> Iterator[T]:
        return iter(self._entries.values())

    def codes(self) -> list[str]:
        return list(self._entries)


def import_submodules(package: str) -> None:
    """Import every module of ``package`` so that its entries register themselves (called in ``ready()``)."""
    module = importlib.import_module(package)
    for found in pkgutil.iter_modules(module.__path__):
        importlib.import_module(f"{package}.{found.name}")
