"""Log-in by name and password. Permissions come from seats (``access.py``), not from Django's groups."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import ModelBackend


class SeatBackend(ModelBackend):
    """Password check of ``ModelBackend`` without its permission tables."""

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        return set()

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        return False

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return False
