"""One page that says whether beat, broker, workers and gateways are well, what waits and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Min, Q
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from backoffice.celery import app
from backoffice.kernel.admin.changelist import COUNT_CAP, capped_count
from backoffice.kernel.admin.display import BAD, GOOD, PLAIN, WARN, as_of, list_url, row_url
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.access import allows
from backoffice.models import BeatHeartbeat
from campaigns.choices import MessageStatus, RunStatus
from campaigns.models import Message, ReminderRun
from members.admin.proof import badge
from members.choices import PayoutStatus
from members.models import CreditPayout, LedgerProof
from members.selectors.proof import latest_proof
from members.selectors.waiting import has_failed, is_to_pay

PERMISSION = "backoffice.view_system"
BEAT_IS_SILENT = timedelta(seconds=90)
QUEUE_IS_OLD = timedelta(minutes=5)
BROKER_SECONDS = 1
WORKER_SECONDS = 0.7


@dataclass(frozen=True)
class Part:
    """One part of the system: how it is, in a word and a sentence, and since when something waits."""

    name: str
    word: str
    tone: str
    sentence: str
    since: datetime | None = None
    url: str = ""


def list_parts(now: datetime) -> list[Part]:
    """Every part, asked now. Three seconds at most, also when the broker is down."""
    return [_beat(now), *_broker(), _messages(now), _imports(now), _runs(now), _ledger(now), _payouts()]


def _beat(now: datetime) -> Part:
    heartbeat = BeatHeartbeat.objects.first()
    name = _("Beat (the clock)")
    if heartbeat is None:
        return Part(name, _("Never seen"), BAD, _("Nothing happens by the clock until beat is started."))
    if now - heartbeat.beat_at > BEAT_IS_SILENT:
        return Part(name, _("Silent"), BAD, _("No sign of life from %(holder)s. Start beat again.") % {"holder": heartbeat.holder}, heartbeat.beat_at)
    return Part(name, _("Well"), GOOD, _("Held by %(holder)s.") % {"holder": heartbeat.holder}, heartbeat.beat_at)


def _broker() -> list[Part]:
    broker, workers = _("Broker"), _("Workers")
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
    except Exception as error:  # noqa: BLE001 - whatever the transport raises, the page must still tell the rest
        sentence = _("It cannot be reached (%(error)s). Work stays in the database and is taken up when it is back.") % {"error": type(error).__name__}
        return [Part(broker, _("Unreachable"), BAD, sentence), Part(workers, _("Unknown"), PLAIN, _("Workers are asked through the broker."))]
    answers = app.control.inspect(timeout=WORKER_SECONDS).ping() or {}
    well = Part(broker, _("Well"), GOOD, _("It answers."))
    if not answers:
        return [well, Part(workers, _("None answers"), BAD, _("Start a worker. Work waits in the database until then."))]
    return [well, Part(workers, _("Well"), GOOD, _("%(n)d answer: %(names)s.") % {"n": len(answers), "names": "、".join(sorted(answers))})]


def _queue(name: str, waiting: int, since: datetime | None, now: datetime, url: str) -> Part:
    """A queue is well when it is empty or young."""
    if not waiting:
        return Part(name, _("Empty"), GOOD, _("Nothing waits."), None, url)
    number = f"{COUNT_CAP:,}+" if waiting > COUNT_CAP else f"{waiting:,}"
    old = since is not None and now - since > QUEUE_IS_OLD
    return Part(name, _("Waits too long") if old else _("Working"), WARN if old else GOOD, _("%(n)s waiting.") % {"n": number}, since, url)


def _messages(now: datetime) -> Part:
    # Due ones only: a message that waits for its next attempt is not late.
    due = Message.objects.filter(status=MessageStatus.PENDING).filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
    oldest = due.order_by("pk").values_list("decided_at", flat=True).first()
    return _queue(_("Messages to hand over"), capped_count(due), oldest, now, list_url("platform", Message, f"status__exact={MessageStatus.PENDING}"))


def _imports(now: datetime) -> Part:
    told = ImportJob.objects.filter(status__in=[JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING]).aggregate(n=Count("pk"), since=Min("created_at"))
    return _queue(_("Imports at work"), told["n"], told["since"], now, list_url("platform", ImportJob))


def _runs(now: datetime) -> Part:
    told = ReminderRun.objects.filter(status__in=[RunStatus.WAITING, RunStatus.DECIDING], scheduled_at__lte=now).aggregate(
        n=Count("pk"), since=Min("scheduled_at")
    )
    return _queue(_("Reminder runs due"), told["n"], told["since"], now, list_url("platform", ReminderRun))


def _ledger(now: datetime) -> Part:
    proof = latest_proof()
    word, tone, sentence = badge(proof, now)
    url = list_url("platform", LedgerProof) if proof is None or tone == GOOD else row_url("platform", proof)
    return Part(_("Proof of the ledger"), word, tone, sentence, proof.finished_at if proof else None, url)


def _payouts() -> Part:
    """People pay, and not within minutes: that something waits is no fault of the system, that it failed is."""
    failed = CreditPayout.objects.filter(has_failed()).aggregate(n=Count("pk"), since=Min("created_at"))
    name = _("Payouts to payers")
    if failed["n"]:
        url = list_url("platform", CreditPayout, f"status__exact={PayoutStatus.RETURN_FAILED}")
        return Part(name, _("Failed"), WARN, _("%(n)s failed.") % {"n": f"{failed['n']:,}"}, failed["since"], url)
    waiting = CreditPayout.objects.filter(is_to_pay())
    number = capped_count(waiting)
    since = waiting.order_by("pk").values_list("created_at", flat=True).first()
    sentence = _("%(n)s waiting.") % {"n": f"{COUNT_CAP:,}+" if number > COUNT_CAP else f"{number:,}"} if number else _("Nothing waits.")
    url = list_url("platform", CreditPayout, f"status__exact={PayoutStatus.WAITING}")
    return Part(name, _("Waiting for people") if number else _("Empty"), GOOD, sentence, since, url)


def system_page(request: HttpRequest) -> HttpResponse:
    if not allows(request.user, PERMISSION, console=platform_site.name):
        raise PermissionDenied
    now = database_now()
    request.current_app = platform_site.name
    context: dict[str, Any] = {**platform_site.each_context(request), "title": _("System"), "parts": list_parts(now), "as_of": as_of(now)}
    return TemplateResponse(request, "consoles/system.html", context)


def system_urls() -> list[URLPattern]:
    return [path("system/", platform_site.admin_view(system_page), name="system")]
