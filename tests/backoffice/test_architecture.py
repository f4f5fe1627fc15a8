"""Who may import whom, where import-linter's contracts cannot say it: by anything below `backoffice`, except the kernel."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

LOWER = ("members", "campaigns", "applications", "backoffice/kernel")


def imports_of(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def test_apps_and_kernel_know_nothing_of_the_composition_root() -> None:
    base = Path(settings.BASE_DIR)
    seen = 0
    wrong = []
    for folder in LOWER:
        for path in (base / folder).rglob("*.py"):
            for line, name in imports_of(path):
                seen += 1
                if name.split(".")[0] == "backoffice" and not name.startswith("backoffice.kernel"):
                    wrong.append(f"{path.relative_to(base)}:{line} {name}")
    assert seen > 100
    assert wrong == []


def test_the_composition_root_is_an_empty_package() -> None:
    assert (Path(settings.BASE_DIR) / "backoffice" / "__init__.py").read_text() == ""
