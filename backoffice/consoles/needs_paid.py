"""What of paid membership needs platform staff now. A fixed number of queries; merchants: ``members/paid/admin/merchant``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.utils.translation import ngettext

from backoffice.consoles.needed import Need
from backoffice.kernel.admin.display import BAD, BUSY, WARN, list_url
from backoffice.kernel.clock import day_start, local_day
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.roles import Console
from members.paid.choices import AppealStatus, ComplaintStatus, FulfilmentStatus, NominationStatus, ReviewStatus
from members.paid.models import BenefitPack, Complaint, Decoration, Fulfilment, Nomination, SanctionAppeal


def _may(request: HttpRequest, console: str, permission: str) -> bool:
    return console == Console.PLATFORM and allows(request.user, permission, console=console)


def _nominations(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if not _may(request, console, "paid.nominate_store"):
        return
    told = Nomination.objects.filter(status=NominationStatus.PROPOSED).aggregate(number=Count("pk"), since=Min("proposed_at"))
    text = ngettext(
        "%(n)d store asks for paid membership: nominate or decline it", "%(n)d stores ask for paid membership: nominate or decline them", told["number"]
    )
    url = list_url(console, Nomination, f"status__exact={NominationStatus.PROPOSED}")
    yield Need(text % {"n": told["number"]}, told["number"], WARN, url, told["since"])


def _reviews(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    waiting = f"status__exact={ReviewStatus.IN_REVIEW}"
    if _may(request, console, "paid.review_pack"):
        packs = BenefitPack.objects.filter(status=ReviewStatus.IN_REVIEW).aggregate(number=Count("pk"), since=Min("submitted_at"))
        text = ngettext("%(n)d benefit pack waits for its review", "%(n)d benefit packs wait for their review", packs["number"])
        yield Need(text % {"n": packs["number"]}, packs["number"], WARN, list_url(console, BenefitPack, waiting), packs["since"])
    if _may(request, console, "paid.review_decoration"):
        orders = Decoration.objects.filter(status=ReviewStatus.IN_REVIEW).aggregate(number=Count("pk"), since=Min("submitted_at"))
        text = ngettext("%(n)d decoration waits for its review", "%(n)d decorations wait for their review", orders["number"])
        yield Need(text % {"n": orders["number"]}, orders["number"], WARN, list_url(console, Decoration, waiting), orders["since"])


def _complaints(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "paid.rule_complaint"):
        return
    new = Q(status=ComplaintStatus.FILED)
    to_rule = Q(status=ComplaintStatus.REPLIED) | Q(status=ComplaintStatus.ACCEPTED, reply_by__lt=now)
    told = Complaint.objects.aggregate(
        new=Count("pk", filter=new),
        new_since=Min("filed_at", filter=new),
        to_rule=Count("pk", filter=to_rule),
        to_rule_since=Min("accepted_at", filter=to_rule),
    )
    text = ngettext("%(n)d complaint is new: take it up, or say why not", "%(n)d complaints are new: take them up, or say why not", told["new"])
    yield Need(text % {"n": told["new"]}, told["new"], BAD, list_url(console, Complaint, "queue=new"), told["new_since"])
    text = ngettext("%(n)d complaint is to be ruled on", "%(n)d complaints are to be ruled on", told["to_rule"])
    yield Need(text % {"n": told["to_rule"]}, told["to_rule"], BAD, list_url(console, Complaint, "queue=to_rule"), told["to_rule_since"])


def _promises(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if not _may(request, console, "paid.watch_fulfilment"):
        return
    late = Fulfilment.objects.filter(status=FulfilmentStatus.DUE, deliver_by__lt=local_day(now)).aggregate(number=Count("pk"), since=Min("deliver_by"))
    text = ngettext("%(n)d promise to members is late: ask the merchant", "%(n)d promises to members are late: ask the merchants", late["number"])
    since = day_start(late["since"]) if late["since"] else None
    yield Need(text % {"n": late["number"]}, late["number"], WARN, list_url(console, Fulfilment, "queue=late"), since)


def _appeals(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if not _may(request, console, "paid.decide_appeal"):
        return
    told = SanctionAppeal.objects.filter(status=AppealStatus.OPEN).aggregate(number=Count("pk"), since=Min("filed_at"))
    text = ngettext("%(n)d sanction is appealed: decide", "%(n)d sanctions are appealed: decide", told["number"])
    yield Need(text % {"n": told["number"]}, told["number"], BUSY, list_url(console, SanctionAppeal, f"status__exact={AppealStatus.OPEN}"), told["since"])


PARTS: tuple[Callable[[HttpRequest, str, datetime], Iterator[Need]], ...] = (_complaints, _reviews, _nominations, _promises, _appeals)
