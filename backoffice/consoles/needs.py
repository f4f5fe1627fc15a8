"""What needs somebody now: each line says what waits, how many, since when, and leads to the rows. Never kept, always counted anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.consoles.figures import rows
from backoffice.kernel.admin.display import BAD, BUSY, WARN, list_url
from backoffice.kernel.files.admin.listing import queue_conditions
from backoffice.kernel.files.admin.reach import jobs_in_reach
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, Store
from backoffice.kernel.tenancy.roles import Console
from campaigns.choices import MessageStatus, RunStatus
from campaigns.gateways.chosen import gateway_of
from campaigns.models import Message, ReminderRun, ReminderSetting

RECENT = timedelta(days=7)
RUN_IS_LATE = timedelta(minutes=10)


@dataclass(frozen=True)
class Need:
    """One line of the first list of a console."""

    text: str
    count: int
    tone: str
    url: str
    since: datetime | None = None


def list_needs(request: HttpRequest, console: str, now: datetime) -> list[Need]:
    """Lines with a count above zero, the most pressing first. A fixed number of queries."""
    found = [need for part in (_imports, _runs, _messages, _gateways, _settings, _merchants, _developers) for need in part(request, console, now) if need.count]
    order = {BAD: 0, WARN: 1, BUSY: 2}
    return sorted(found, key=lambda need: order[need.tone])


def _may(request: HttpRequest, console: str, permission: str) -> bool:
    return allows(request.user, permission, console=console)


def _imports(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "files.view_importjob"):
        return
    # The same queues as the tabs of the list, so that a line and the rows behind it say the same.
    queues = {code: condition for code, (_title, condition) in queue_conditions(request.user).items()}
    recent = Q(created_at__gte=now - RECENT)
    failed = queues["failed"] & Q(bad_count=0, conflict_count=0) & recent
    with_bad_rows = queues["bad"] & ~Q(status=JobStatus.CHECKED) & recent
    told = jobs_in_reach(request.user, console).aggregate(
        waiting=Count("pk", filter=queues["mine"], distinct=True),
        waiting_since=Min("created_at", filter=queues["mine"]),
        failed=Count("pk", filter=failed, distinct=True),
        failed_since=Min("created_at", filter=failed),
        bad=Count("pk", filter=with_bad_rows, distinct=True),
        bad_since=Min("created_at", filter=with_bad_rows),
    )
    yield Need(
        ngettext("%(n)d import could not be finished", "%(n)d imports could not be finished", told["failed"]) % {"n": told["failed"]},
        told["failed"],
        BAD,
        list_url(console, ImportJob, "queue=failed"),
        told["failed_since"],
    )
    yield Need(
        ngettext(
            "%(n)d import has bad rows: fetch them, mend them, send them again",
            "%(n)d imports have bad rows: fetch them, mend them, send them again",
            told["bad"],
        )
        % {"n": told["bad"]},
        told["bad"],
        WARN,
        list_url(console, ImportJob, "queue=bad"),
        told["bad_since"],
    )
    yield Need(
        ngettext("%(n)d import is checked and waits for your yes", "%(n)d imports are checked and wait for your yes", told["waiting"]) % {"n": told["waiting"]},
        told["waiting"],
        BUSY,
        list_url(console, ImportJob, "queue=mine"),
        told["waiting_since"],
    )


def _runs(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "campaigns.view_reminderrun"):
        return
    late = rows(request, console, ReminderRun).filter(scheduled_at__lt=now - RUN_IS_LATE).filter(status__in=[RunStatus.WAITING, RunStatus.DECIDING])
    told = late.aggregate(number=Count("pk"), since=Min("scheduled_at"))
    yield Need(
        ngettext("%(n)d reminder run is late", "%(n)d reminder runs are late", told["number"]) % {"n": told["number"]},
        told["number"],
        BAD,
        list_url(console, ReminderRun),
        told["since"],
    )


def _messages(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "campaigns.view_message"):
        return
    since = (now - RECENT).date()
    stuck = rows(request, console, Message).filter(status__in=[MessageStatus.FAILED, MessageStatus.UNKNOWN], local_day__gte=since)
    told = stuck.aggregate(failed=Count("pk", filter=Q(status=MessageStatus.FAILED)), unknown=Count("pk", filter=Q(status=MessageStatus.UNKNOWN)))
    yield Need(
        ngettext("%(n)d message could not be delivered", "%(n)d messages could not be delivered", told["failed"]) % {"n": told["failed"]},
        told["failed"],
        BAD,
        list_url(console, Message, f"status__exact={MessageStatus.FAILED}"),
    )
    yield Need(
        ngettext("%(n)d message has an unknown outcome", "%(n)d messages have an unknown outcome", told["unknown"]) % {"n": told["unknown"]},
        told["unknown"],
        WARN,
        list_url(console, Message, f"status__exact={MessageStatus.UNKNOWN}"),
    )


def _gateways(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    """Stores whose messages wait for an address: nobody hands them over, and at midnight they have missed their day."""
    if console != Console.PLATFORM or not _may(request, console, "campaigns.view_message"):
        return
    waiting = [row["store_id"] for row in fetch_all(load_sql("campaigns", "stores_with_waiting"))]
    bare = sum(gateway_of(store) is None for store in Store.objects.filter(pk__in=waiting))
    yield Need(
        ngettext("%(n)d store has messages waiting and no gateway address", "%(n)d stores have messages waiting and no gateway address", bare) % {"n": bare},
        bare,
        BAD,
        list_url(console, Message, f"status__exact={MessageStatus.PENDING}"),
    )


def _settings(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if not _may(request, console, "campaigns.view_remindersetting"):
        return
    off = rows(request, console, Store).filter(status=StoreStatus.OPEN).exclude(pk__in=ReminderSetting.objects.filter(enabled=True).values("store_id")).count()
    yield Need(
        ngettext("Reminders are off in %(n)d store", "Reminders are off in %(n)d stores", off) % {"n": off},
        off,
        WARN if console == Console.MERCHANT else BUSY,
        list_url(console, ReminderSetting),
    )


def _merchants(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if console != Console.PLATFORM or not _may(request, console, "tenancy.view_merchant"):
        return
    without = Merchant.objects.filter(tiers__isnull=True).count()
    yield Need(
        ngettext("%(n)d merchant has no tier", "%(n)d merchants have no tier", without) % {"n": without},
        without,
        BUSY,
        list_url(console, Merchant),
    )


def _developers(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if console == Console.MERCHANT or not _may(request, console, "tenancy.view_developer"):
        return
    waiting = rows(request, console, Developer).filter(onboarded_at=None).aggregate(number=Count("pk"), since=Min("created_at"))
    if console == Console.DEVELOPER:
        text = _("Your company is not onboarded yet: the platform checks it and tells your DingTalk contact")
    else:
        text = ngettext("%(n)d developer waits to be onboarded", "%(n)d developers wait to be onboarded", waiting["number"]) % {"n": waiting["number"]}
    yield Need(text, waiting["number"], BUSY, list_url(console, Developer), waiting["since"])


def nothing_text(console: str) -> Any:
    """What to do when nothing waits."""
    if console == Console.MERCHANT:
        return _("Nothing waits for you. Import newer files when you have them.")
    return _("Nothing waits for you.")
