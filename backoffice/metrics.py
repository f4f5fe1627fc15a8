"""What ``/metrics`` tells, read from the database at each scrape: the same from every process, and true after a restart."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import connection
from django.db.models import Count, Min
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from backoffice.kernel.api.models import ApiCount
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.models import BeatHeartbeat
from campaigns.choices import MessageStatus
from campaigns.models import Message
from members.choices import PayoutStatus
from members.models import CreditPayout, LedgerProof

LAST_MESSAGES = 200_000
"""So many of the newest messages are looked at for those of the last hour: a scrape costs the same however many there are."""


class DatabaseCollector(Collector):
    """A fixed number of queries, each by an index or over a bounded number of rows."""

    def collect(self) -> Iterator[Metric]:
        yield from self._messages()
        yield from self._imports()
        yield from self._ledger()
        yield from self._payouts()
        yield from self._beat()
        yield from self._calls()

    def _messages(self) -> Iterator[Metric]:
        now = database_now()
        waiting = Message.objects.filter(status=MessageStatus.PENDING).aggregate(number=Count("pk"), since=Min("decided_at"))
        yield GaugeMetricFamily("backoffice_messages_waiting", "Messages to hand over.", value=waiting["number"])
        age = (now - waiting["since"]).total_seconds() if waiting["since"] else 0
        yield GaugeMetricFamily("backoffice_messages_waiting_oldest_seconds", "Age of the oldest message to hand over.", value=max(0.0, age))
        open_ends = GaugeMetricFamily("backoffice_messages_to_look_at", "Messages that failed, or whose outcome is unknown.", labels=["status"])
        for status in (MessageStatus.FAILED, MessageStatus.UNKNOWN):
            open_ends.add_metric([status.value], Message.objects.filter(status=status).count())
        yield open_ends
        recent = GaugeMetricFamily("backoffice_messages_last_hour", "Messages decided in the last hour, by what became of them.", labels=["status"])
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT status, count(*) FROM (SELECT status, decided_at FROM campaigns_message ORDER BY id DESC LIMIT %s) newest "
                "WHERE decided_at > %s GROUP BY status",
                [LAST_MESSAGES, now - timedelta(hours=1)],
            )
            found = dict(cursor.fetchall())
        for status in MessageStatus:
            recent.add_metric([status.value], found.get(status.value, 0))
        yield recent

    def _imports(self) -> Iterator[Metric]:
        jobs = ImportJob.objects.filter(status__in=[JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING])
        told = jobs.aggregate(number=Count("pk"), since=Min("created_at"))
        yield GaugeMetricFamily("backoffice_imports_waiting", "Imports that wait or are at work.", value=told["number"])
        age = (database_now() - told["since"]).total_seconds() if told["since"] else 0
        yield GaugeMetricFamily("backoffice_imports_waiting_oldest_seconds", "Age of the oldest of them.", value=max(0.0, age))

    def _ledger(self) -> Iterator[Metric]:
        proof = LedgerProof.objects.filter(finished_at__isnull=False).order_by("-local_day").first()
        proved = int(proof is not None and proof.difference_count == 0)
        yield GaugeMetricFamily("backoffice_ledger_proved", "1: the last nightly proof of the ledger found no difference.", value=proved)
        yield GaugeMetricFamily("backoffice_ledger_differences", "Differences of the last proof.", value=proof.difference_count if proof else 0)
        finished = proof.finished_at.timestamp() if proof and proof.finished_at else 0
        yield GaugeMetricFamily("backoffice_ledger_proof_finished_seconds", "When the last proof ended, in seconds since 1970; 0: never.", value=finished)

    def _payouts(self) -> Iterator[Metric]:
        queue = GaugeMetricFamily("backoffice_payouts", "Payouts that somebody has to work on.", labels=["status"])
        for status in (PayoutStatus.WAITING, PayoutStatus.RETURN_FAILED):
            queue.add_metric([status.value], CreditPayout.objects.filter(status=status).count())
        yield queue

    def _beat(self) -> Iterator[Metric]:
        heartbeat = BeatHeartbeat.objects.first()
        age = (database_now() - heartbeat.beat_at).total_seconds() if heartbeat else float("inf")
        yield GaugeMetricFamily("backoffice_beat_silent_seconds", "Seconds since beat's last sign of life.", value=max(0.0, age))

    def _calls(self) -> Iterator[Metric]:
        labels = ["operation", "method", "status"]
        calls = CounterMetricFamily("backoffice_api_requests", "Calls of the API that were answered.", labels=labels)
        seconds = CounterMetricFamily("backoffice_api_request_seconds", "Seconds that answering them took.", labels=labels)
        for row in ApiCount.objects.order_by("operation", "method", "status"):
            names = [row.operation, row.method, str(row.status)]
            calls.add_metric(names, row.answered)
            seconds.add_metric(names, row.seconds)
        yield calls
        yield seconds
