"""Saved filters above a list, as tabs; and the sentence that says what was searched."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import SEARCH_VAR
from django.http import HttpRequest, QueryDict

Tab = tuple[Any, str]
"""Title and query string (``status__exact=FROZEN``); the empty query string is the whole list."""


class TabbedList:
    """Mixin of list screens: ``tabs`` are links to the list under a saved filter."""

    list_before_template = "members/list_tabs.html"

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        tabs = [{"title": title, "query": query, "active": _is_active(request, query)} for title, query in self.list_tabs(request)]
        return super().changelist_view(request, {**(extra_context or {}), "list_tabs": tabs})  # type: ignore[misc]


def _is_active(request: HttpRequest, query: str) -> bool:
    """Whether the list is under exactly this filter, searched or not."""
    shown = {name: values for name, values in request.GET.lists() if name not in (SEARCH_VAR, "before", "after", "count", "e")}
    return shown == dict(QueryDict(query).lists())
