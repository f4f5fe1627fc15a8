"""How often each call is answered how, and how long it takes: counted in the process, written to the database in batches.

Counters of a process would be lost with it, and a scrape meets one process of many. A killed process loses its last seconds of counts.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from backoffice.kernel.api.problems import problem

log = structlog.get_logger(__name__)

PREFIXES = ("/api/", "/oauth/")
PROBLEMS = "/api/"
WRITE_EVERY_SECONDS = 5.0
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_Key = tuple[str, str, int]


class CountCalls:
    """Middleware over the API's addresses. Its answers are kept by no browser and no proxy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.lock = threading.Lock()
        self.counts: dict[_Key, tuple[int, float]] = {}
        self.written_at = time.monotonic()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(PREFIXES):
            return self.get_response(request)
        began = time.perf_counter()
        response = self.get_response(request)
        if response.status_code == 405 and request.path_info.startswith(PROBLEMS):
            response = _not_allowed(response)
        operation = (request.resolver_match.url_name if request.resolver_match else None) or "other"
        method = request.method if request.method in _METHODS else "other"
        self._count((operation, method, response.status_code), time.perf_counter() - began)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    def _count(self, key: _Key, seconds: float) -> None:
        with self.lock:
            answered, spent = self.counts.get(key, (0, 0.0))
            self.counts[key] = (answered + 1, spent + seconds)
            if time.monotonic() - self.written_at < WRITE_EVERY_SECONDS:
                return
            batch, self.counts, self.written_at = self.counts, {}, time.monotonic()
        try:
            write_counts(batch)
        except DatabaseError as error:
            log.warning("api_counts_lost", error=type(error).__name__, answers=sum(answered for answered, _seconds in batch.values()))


def _not_allowed(plain: HttpResponse) -> HttpResponse:
    """Another method than the call has, as a problem document like every other error."""
    answer = problem(405, code="method_not_allowed", detail=_("This address does not take this method."))
    answer["Allow"] = plain.headers.get("Allow", "")
    return answer


def write_counts(batch: dict[_Key, tuple[int, float]]) -> None:
    """Add a batch to the table, in the order of its key: two processes never wait for each other in a circle."""
    rows = sorted(batch.items())
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_apicount AS c (operation, method, status, answered, seconds) "
            "SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::float8[]) "
            "ON CONFLICT (operation, method, status) DO UPDATE SET answered = c.answered + excluded.answered, seconds = c.seconds + excluded.seconds",
            [
                [operation for (operation, _method, _status), _counted in rows],
                [method for (_operation, method, _status), _counted in rows],
                [status for (_operation, _method, status), _counted in rows],
                [answered for _key, (answered, _seconds) in rows],
                [seconds for _key, (_answered, seconds) in rows],
            ],
        )
