"""Lists that stay fast on millions of rows: keyset pages, counts that stop at a cap, ordering only where it is declared."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django.contrib.admin.views.main import ORDER_VAR
from django.core.paginator import Paginator
from django.db import models
from django.http import HttpRequest
from django.utils.text import capfirst
from unfold.views import ChangeList

COUNT_CAP = 10_000
BEFORE_VAR = "before"
AFTER_VAR = "after"
COUNT_VAR = "count"
OWN_PARAMETERS = (BEFORE_VAR, AFTER_VAR, COUNT_VAR)
MAX_STORES_MERGED = 50


def capped_count(queryset: models.QuerySet[Any], cap: int = COUNT_CAP) -> int:
    """Number of rows, counted up to ``cap`` + 1: an answer above ``cap`` means "more than that"."""
    return queryset.order_by().values("pk")[: cap + 1].count()


def _key(raw: str | None) -> int | None:
    """A primary key from the query string; None for anything that is not one."""
    if raw and raw.isascii() and raw.isdigit() and len(raw) <= 18:
        return int(raw)
    return None


class KnownCountPaginator(Paginator):  # type: ignore[type-arg]  # Django's class cannot be indexed
    """The page is already cut; only the template asks this for figures."""

    template_name = "consoles/keyset_pagination.html"

    @cached_property
    def count(self) -> int:
        return len(self.object_list)


class ConsoleChangeList(ChangeList):
    """Django's list, with ordering only by columns that the class declares sortable (``o=`` would else order by any)."""

    params: dict[str, Any]

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.title = capfirst(self.opts.verbose_name_plural)

    searched_as: Any = ""
    """The way in which the term was searched, for the page to say so."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> models.QuerySet[Any]:
        found: models.QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        self.searched_as = getattr(request, "searched_as", "")
        return found

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        lookups: dict[str, Any] = super().get_filters_params(params)
        return {name: value for name, value in lookups.items() if name not in OWN_PARAMETERS}

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        wanted = self.params.get(ORDER_VAR, "")
        if wanted:
            allowed = []
            for part in wanted.split("."):
                index = part.removeprefix("-")
                if index.isascii() and index.isdigit() and int(index) < len(self.list_display) and self.list_display[int(index)] in (self.sortable_by or ()):
                    allowed.append(part)
            if allowed:
                self.params = {**self.params, ORDER_VAR: ".".join(allowed)}
            else:
                self.params = {name: value for name, value in self.params.items() if name != ORDER_VAR}
        ordering: list[Any] = super().get_ordering(request, queryset)
        return ordering


class KeysetChangeList(ConsoleChangeList):
    """Newest first by primary key, page after page by the last key seen. No OFFSET, no full count.

    In the merchant console each store's newest rows are read from that store's index and merged, so that the page costs
    the same whether the table holds ten thousand rows or ten million.
    """

    def get_ordering(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_ordering_field_columns(self) -> dict[int, str]:
        return {}

    def get_results(self, request: HttpRequest) -> None:
        size = self.list_per_page
        before, after = _key(request.GET.get(BEFORE_VAR)), _key(request.GET.get(AFTER_VAR))
        rows = self._page(request, before, after, size + 1)
        more = len(rows) > size
        rows = rows[:size]
        if after is not None:
            rows.reverse()
        self.newest_key = rows[0].pk if rows else None
        self.oldest_key = rows[-1].pk if rows else None
        self.has_older = more if after is None else True
        self.has_newer = (before is not None) if after is None else more
        if before is None and after is None and not more:
            self.result_count, self.count_is_exact = len(rows), True
        elif request.GET.get(COUNT_VAR) == "exact":
            self.result_count, self.count_is_exact = self.queryset.order_by().count(), True
        else:
            counted = capped_count(self.queryset)
            self.result_count, self.count_is_exact = min(counted, COUNT_CAP), counted <= COUNT_CAP
        self.full_result_count = self.result_count
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.result_list = rows
        self.can_show_all = False
        self.multi_page = self.has_older or self.has_newer
        self.paginator = KnownCountPaginator(rows, size)

    def _page(self, request: HttpRequest, before: int | None, after: int | None, limit: int) -> list[Any]:
        def cut(queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
            queryset = queryset.order_by("pk" if after is not None else "-pk")
            if after is not None:
                queryset = queryset.filter(pk__gt=after)
            elif before is not None:
                queryset = queryset.filter(pk__lt=before)
            return queryset[:limit]

        stores = self.model_admin.stores_to_merge(request)
        if stores is None or len(stores) > MAX_STORES_MERGED:
            return list(cut(self.queryset))
        if not stores:
            return []
        path = self.model.scope_path
        parts = [cut(self.queryset.filter(**{path: store})).select_related(None).prefetch_related(None).values_list("pk", flat=True) for store in stores]
        merged = parts[0].union(*parts[1:], all=True) if len(parts) > 1 else parts[0]
        keys = sorted(merged, reverse=after is None)[:limit]
        order = "pk" if after is not None else "-pk"
        return list(self.queryset.filter(pk__in=keys).order_by(order))

    @property
    def result_count_text(self) -> str:
        return f"{self.result_count:,}"

    @property
    def older_link(self) -> str:
        return str(self.get_query_string({BEFORE_VAR: self.oldest_key}, [BEFORE_VAR, AFTER_VAR]))

    @property
    def newer_link(self) -> str:
        return str(self.get_query_string({AFTER_VAR: self.newest_key}, [BEFORE_VAR, AFTER_VAR]))

    @property
    def exact_count_link(self) -> str:
        return str(self.get_query_string({COUNT_VAR: "exact"}))
