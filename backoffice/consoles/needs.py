"""What needs somebody now: each line says what waits, how many, since when, and leads to the rows. Never kept, always counted anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backoffice.consoles.developer_needs import list_lines
from backoffice.consoles.figures import rows
from backoffice.consoles.needed import Need
from backoffice.consoles.needs_applications import PARTS as APPLICATIONS
from backoffice.consoles.needs_paid import PARTS as PAID
from backoffice.consoles.needs_paid_merchant import PARTS as PAID_MERCHANT
from backoffice.kernel.admin.display import BAD, BUSY, WARN, list_url, row_url
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.files.admin.listing import queue_conditions
from backoffice.kernel.files.admin.reach import jobs_in_reach
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, Store
from backoffice.kernel.tenancy.roles import Console
from campaigns.choices import MessageStatus, RunStatus
from campaigns.gateways.chosen import gateway_of
from campaigns.models import Message, ReminderRun, ReminderSetting
from members.admin.proof import badge
from members.choices import PayoutStatus
from members.models import CreditAdjustment, CreditHold, CreditPayout, LedgerProof
from members.selectors.proof import latest_proof
from members.selectors.waiting import LONG_OPEN_DAYS, has_failed, is_for_second_person, is_long_open, is_to_pay

RECENT = timedelta(days=7)
RUN_IS_LATE = timedelta(minutes=10)


def list_needs(request: HttpRequest, console: str, now: datetime) -> list[Need]:
    """Lines with a count above zero, the most pressing first. A fixed number of queries."""
    found = [need for part in PARTS for need in part(request, console, now) if need.count]
    order = {BAD: 0, WARN: 1, BUSY: 2}
    return sorted(found, key=lambda need: (not need.is_own, order[need.tone]))


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


def _payouts(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    """Money that did not arrive at the payer's, and money that nobody has paid yet."""
    if not _may(request, console, "members.settle_payout"):
        return
    told = reach(request.user, console, CreditPayout.objects.filter(is_to_pay() | has_failed()), "members.settle_payout").aggregate(
        failed=Count("pk", filter=has_failed()),
        failed_amount=Sum("amount", filter=has_failed()),
        failed_since=Min("created_at", filter=has_failed()),
        to_pay=Count("pk", filter=is_to_pay()),
        to_pay_amount=Sum("amount", filter=is_to_pay()),
        to_pay_since=Min("created_at", filter=is_to_pay()),
    )
    yield Need(
        ngettext(
            "%(n)d payout failed (%(amount)s yuan): have the account corrected",
            "%(n)d payouts failed (%(amount)s yuan): have the accounts corrected",
            told["failed"],
        )
        % {"n": told["failed"], "amount": format_yuan(told["failed_amount"] or ZERO)},
        told["failed"],
        BAD,
        list_url(console, CreditPayout, f"status__exact={PayoutStatus.RETURN_FAILED}"),
        told["failed_since"],
    )
    yield Need(
        ngettext("%(n)d payout is to be paid (%(amount)s yuan)", "%(n)d payouts are to be paid (%(amount)s yuan)", told["to_pay"])
        % {"n": told["to_pay"], "amount": format_yuan(told["to_pay_amount"] or ZERO)},
        told["to_pay"],
        WARN,
        list_url(console, CreditPayout, f"status__exact={PayoutStatus.WAITING}"),
        told["to_pay_since"],
    )


def _adjustments(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if not _may(request, console, "members.approve_adjustment"):
        return
    waiting = reach(request.user, console, CreditAdjustment.objects.all(), "members.approve_adjustment").filter(is_for_second_person(request.user))  # type: ignore[arg-type]
    told = waiting.aggregate(number=Count("pk"), since=Min("requested_at"))
    yield Need(
        ngettext("%(n)d adjustment of credit waits for your yes or no", "%(n)d adjustments of credit wait for your yes or no", told["number"])
        % {"n": told["number"]},
        told["number"],
        WARN,
        list_url(console, CreditAdjustment, "queue=for_me"),
        told["since"],
    )


def _holds(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "members.release_hold"):
        return
    told = reach(request.user, console, CreditHold.objects.filter(is_long_open(now)), "members.release_hold").aggregate(
        number=Count("pk"), since=Min("held_at")
    )
    yield Need(
        ngettext("%(n)d hold is open for more than %(days)d days", "%(n)d holds are open for more than %(days)d days", told["number"])
        % {"n": told["number"], "days": LONG_OPEN_DAYS},
        told["number"],
        BUSY,
        list_url(console, CreditHold, "open=long"),
        told["since"],
    )


def _proof(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    """An incident: rows of the ledger that do not say what their entries say; or that nobody looked lately."""
    if console != Console.PLATFORM or not _may(request, console, "members.view_ledgerproof"):
        return
    proof = latest_proof()
    word, tone, _sentence = badge(proof, now)
    if proof is not None and tone == BAD:
        text = _("The proof of the ledger of %(day)s found: %(word)s") % {"day": proof.local_day.isoformat(), "word": word}
        yield Need(text, proof.difference_count, BAD, row_url(console, proof), proof.finished_at)
    elif proof is not None and tone == WARN:
        yield Need(_("The ledger was not proved since %(day)s") % {"day": proof.local_day.isoformat()}, 1, WARN, list_url(console, LedgerProof))


def _own_applications(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if console == Console.DEVELOPER and _may(request, console, "applications.view_application"):
        yield from (Need(*line) for line in list_lines(request, now))


Part = Callable[[HttpRequest, str, datetime], Iterator[Need]]
PARTS: tuple[Part, ...] = (
    _proof, _payouts, _adjustments, _imports, _runs, _messages, _gateways, _settings, _holds, *PAID,
    *PAID_MERCHANT, *APPLICATIONS, _merchants, _developers, _own_applications,
)  # fmt: skip


def nothing_text(console: str) -> Any:
    """What to do when nothing waits."""
    if console == Console.MERCHANT:
        return _("Nothing waits for you. Import newer files when you have them.")
    return _("Nothing waits for you.")
