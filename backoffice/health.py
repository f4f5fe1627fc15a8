"""For machines: ``/healthz`` (this process answers), ``/readyz`` (what it needs is there), ``/metrics`` (figures for Prometheus)."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address, ip_address

import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from backoffice.celery import app
from backoffice.kernel.api.addresses import client_address
from backoffice.kernel.clock import database_now
from backoffice.metrics import DatabaseCollector
from backoffice.models import BeatHeartbeat

log = structlog.get_logger(__name__)

BEAT_IS_SILENT_SECONDS = 90
BROKER_SECONDS = 1


@require_safe
@never_cache
def healthz(_request: HttpRequest) -> HttpResponse:
    """200 and ``ok``, without a query: a process that is to be restarted when it hangs, not when the database does."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
@never_cache
def readyz(_request: HttpRequest) -> HttpResponse:
    """200 when everything that the product needs is there, else 503; in both cases JSON with each part and what is wrong with it.

    For people and alarms. A load balancer that takes web processes out should ask ``/healthz``: without broker or beat pages still work.
    """
    parts: dict[str, Callable[[], str]] = {"database": _database, "migrations": _migrations, "broker": _broker, "beat": _beat}
    found = {}
    for name, look in parts.items():
        try:
            found[name] = look()
        except Exception as error:  # noqa: BLE001 - whatever a driver raises, the page tells the rest
            log.warning("not_ready", part=name, error=type(error).__name__)
            found[name] = f"unreachable ({type(error).__name__})"
    ready = not any(found.values())
    body = {"ready": ready, "parts": {name: {"ready": not wrong, **({"wrong": wrong} if wrong else {})} for name, wrong in found.items()}}
    return JsonResponse(body, status=200 if ready else 503)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = [str(migration) for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]
    return f"{len(missing)} not applied: {', '.join(missing[:3])}" if missing else ""


def _broker() -> str:
    with app.connection_for_read() as link:
        link.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
    return ""


def _beat() -> str:
    heartbeat = BeatHeartbeat.objects.first()
    if heartbeat is None:
        return "never seen"
    seconds = (database_now() - heartbeat.beat_at).total_seconds()
    return f"silent for {seconds:.0f} seconds" if seconds > BEAT_IS_SILENT_SECONDS else ""


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text, only for the addresses of METRICS_ALLOW; others find nothing here. 503 without a database.

    A call that came through a proxy of which TRUSTED_PROXIES does not tell has the proxy's address, which says nothing of who asks.
    """
    through_a_stranger = not settings.TRUSTED_PROXIES and ("X-Forwarded-For" in request.headers or "Forwarded" in request.headers)
    if through_a_stranger or not may_read_metrics(client_address(request)):
        raise Http404
    registry = CollectorRegistry(auto_describe=False)
    registry.register(DatabaseCollector())
    try:
        text = generate_latest(registry)
    except DatabaseError as error:
        log.warning("metrics_failed", error=type(error).__name__)
        return HttpResponse("no database\n", status=503, content_type="text/plain")
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


def may_read_metrics(address: str) -> bool:
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    if isinstance(caller, IPv6Address) and caller.ipv4_mapped:
        caller = caller.ipv4_mapped
    return any(caller in network for network in settings.METRICS_ALLOW)
