"""What of paid membership needs a merchant now. A fixed number of queries; platform staff: ``needs_paid``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import ngettext

from backoffice.consoles.needed import Need
from backoffice.kernel.admin.display import BAD, BUSY, WARN, list_url
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.clock import local_day
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.roles import Console
from backoffice.kernel.tenancy.selectors.bars import not_barred
from members.paid.choices import ComplaintStatus, FulfilmentStatus, RefundStatus
from members.paid.models import Complaint, Fulfilment, Nomination, PaidProgram, PaidRefund
from members.paid.selectors.turns import is_merchants_turn, may_begin

CONFIGURE, REPLY, KEEP, PAY = "paid.configure_program", "paid.reply_complaint", "paid.keep_promise", "paid.pay_refund"
PRESSING = timedelta(days=1)


def _may(request: HttpRequest, console: str, permission: str) -> bool:
    return console == Console.MERCHANT and allows(request.user, permission, console=console)


def _complaints(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, REPLY):
        return
    waiting = reach(request.user, console, Complaint.objects.filter(status=ComplaintStatus.ACCEPTED, reply_by__gt=now), REPLY)
    told = waiting.aggregate(number=Count("pk"), due=Min("reply_by"))
    number, due = told["number"], told["due"]
    text = ngettext("%(n)d complaint waits for your reply", "%(n)d complaints wait for your reply", number) % {"n": number}
    is_pressing = due is not None and due < now + PRESSING
    yield Need(text, number, BAD if is_pressing else WARN, list_url(console, Complaint, f"status__exact={ComplaintStatus.ACCEPTED}"), due=due)


def _promises(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, KEEP):
        return
    today = local_day(now)
    due = reach(request.user, console, Fulfilment.objects.filter(status=FulfilmentStatus.DUE), KEEP)
    told = due.aggregate(late=Count("pk", filter=Q(deliver_by__lt=today)), due=Count("pk", filter=Q(deliver_by__gte=today)))
    text = ngettext("%(n)d promise to a paid member is late", "%(n)d promises to paid members are late", told["late"]) % {"n": told["late"]}
    yield Need(text, told["late"], BAD, list_url(console, Fulfilment, "late=1"))
    text = ngettext("%(n)d promise to a paid member is to be kept", "%(n)d promises to paid members are to be kept", told["due"]) % {"n": told["due"]}
    yield Need(text, told["due"], BUSY, list_url(console, Fulfilment, f"status__exact={FulfilmentStatus.DUE}"))


def _refunds(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if not _may(request, console, PAY):
        return
    due = reach(request.user, console, PaidRefund.objects.filter(status=RefundStatus.DUE), PAY)
    told = due.aggregate(number=Count("pk"), amount=Sum("amount"), since=Min("decided_at"))
    text = ngettext("%(n)d card fee is to be paid back (%(amount)s yuan)", "%(n)d card fees are to be paid back (%(amount)s yuan)", told["number"])
    sentence = text % {"n": told["number"], "amount": format_yuan(told["amount"] or ZERO)}
    yield Need(sentence, told["number"], WARN, list_url(console, PaidRefund, f"status__exact={RefundStatus.DUE}"), told["since"])


def _set_up(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    """Barred merchants begin nothing, so nothing waits for them here."""
    if not _may(request, console, CONFIGURE):
        return
    goes_on = not_barred("store__merchant")
    begin = reach(request.user, console, Nomination.objects.filter(may_begin(), goes_on), CONFIGURE).aggregate(number=Count("pk"), since=Min("opened_at"))
    number = begin["number"]
    text = ngettext("%(n)d store may begin with paid membership", "%(n)d stores may begin with paid membership", number) % {"n": number}
    yield Need(text, number, WARN, reverse("merchant:paid_setup"), begin["since"])
    number = reach(request.user, console, PaidProgram.objects.filter(is_merchants_turn(), goes_on), CONFIGURE).count()
    text = ngettext("The next step of %(n)d paid program is yours", "The next step of %(n)d paid programs is yours", number) % {"n": number}
    yield Need(text, number, WARN, list_url(console, PaidProgram, "turn=yours"))


PARTS: tuple[Callable[[HttpRequest, str, datetime], Iterator[Need]], ...] = (_complaints, _promises, _refunds, _set_up)
