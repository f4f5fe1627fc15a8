"""What of capability applications needs platform staff or a merchant now. A fixed number of queries; developers: ``applications/admin/developer``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from django.db.models import Count, Min, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import ngettext

from applications.choices import APPEALS, CONFIRM, RELEASE, REVIEW, ConfirmationStatus, EnablementStatus
from applications.models import Appeal, Application, Bar, Grant, MerchantConfirmation, ReReview, StoreEnablement
from applications.selectors.queue import MOST_COUNTED, count_other_work, get_work
from applications.services.grants import REVOKE, SUSPEND
from applications.services.standing import CONFIRM_BAR
from backoffice.consoles.needed import Need
from backoffice.kernel.admin import person
from backoffice.kernel.admin.display import BAD, BUSY, WARN, list_url
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.roles import Console

VIEW = "applications.view_application"


def _number(count: int) -> str:
    """As the queue counts: beyond a thousand it is "1,000+"."""
    return f"{MOST_COUNTED:,}+" if count > MOST_COUNTED else f"{count:,}"


def _review(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if console != Console.PLATFORM or not allows(request.user, VIEW, console=console):
        return
    work = get_work(person(request), now=now)
    told = work.counts
    queue, held = reverse("platform:applications_queue"), reverse("platform:applications_held")
    late, waiting, checks = told["late"], told["queued"], told["checks"]
    text = ngettext("%(n)s application is over its due date", "%(n)s applications are over their due date", late) % {"n": _number(late)}
    yield Need(text, late, BAD, queue)
    text = ngettext("The checks of %(n)s application are out of order", "The checks of %(n)s applications are out of order", checks) % {"n": _number(checks)}
    yield Need(text, checks, BAD, f"{queue}?tab=checks")
    if allows(request.user, REVIEW, console=console):
        number = told["mine"]
        text = ngettext("You have claimed %(n)s application", "You have claimed %(n)s applications", number) % {"n": _number(number)}
        is_late = work.own_due is not None and work.own_due < now
        yield Need(text, number, BAD if is_late else WARN, f"{queue}?tab=mine", due=work.own_due, is_own=True)
        number = told["news"]
        text = ngettext(
            "The developer of %(n)s application that you claimed has written", "The developers of %(n)s applications that you claimed have written", number
        )
        yield Need(text % {"n": _number(number)}, number, WARN, f"{queue}?tab=mine", is_own=True)
        number = told["other_news"]
        text = ngettext(
            "Nobody has answered a developer's message on %(n)s application", "Nobody has answered developers' messages on %(n)s applications", number
        )
        yield Need(text % {"n": _number(number)}, number, WARN, list_url(console, Application, "look=news"))
        text = ngettext("%(n)s application waits for review", "%(n)s applications wait for review", waiting) % {"n": _number(waiting)}
        yield Need(text, waiting, BUSY, queue, due=work.queue_due)
    if allows(request.user, RELEASE, console=console):
        text = ngettext("%(n)s decision is held for a second person", "%(n)s decisions are held for a second person", told["held"]) % {
            "n": _number(told["held"])
        }
        yield Need(text, told["held"], WARN, held)
        number = told["missed"]
        text = ngettext(
            "%(n)s application was failed in the last days in what had passed before",
            "%(n)s applications were failed in the last days in what had passed before",
            number,
        )
        yield Need(text % {"n": _number(number)}, number, WARN, list_url(console, Application, "look=missed"))


def _seniors(request: HttpRequest, console: str, now: datetime) -> Iterator[Need]:
    if console != Console.PLATFORM or not allows(request.user, VIEW, console=console):
        return
    told = count_other_work(now=now)
    if allows(request.user, APPEALS, console=console):
        text = ngettext("%(n)d appeal waits for an answer", "%(n)d appeals wait for an answer", told.appeals) % {"n": told.appeals}
        yield Need(text, told.appeals, WARN, list_url(console, Appeal, "status__exact=OPEN"))
    if allows(request.user, CONFIRM_BAR, console=console):
        text = ngettext("%(n)d bar waits for a yes or no", "%(n)d bars wait for a yes or no", told.bars) % {"n": told.bars}
        yield Need(text, told.bars, WARN, list_url(console, Bar))
    if allows(request.user, REVOKE, console=console):
        number = told.revocations
        text = ngettext("%(n)d revocation waits for a second person", "%(n)d revocations wait for a second person", number) % {"n": number}
        yield Need(text, number, WARN, list_url(console, Grant, "waits=revocation"))
    if allows(request.user, SUSPEND, console=console):
        number = told.certifying
        text = ngettext("%(n)d grant to certify before it ends", "%(n)d grants to certify before they end", number) % {"n": number}
        yield Need(text, number, WARN, list_url(console, Grant, "waits=certifying"))
        number = told.re_reviews
        text = ngettext("%(n)d grant is to be looked at again", "%(n)d grants are to be looked at again", number) % {"n": number}
        yield Need(text, number, BUSY, list_url(console, ReReview, "status__exact=OPEN"))


def _confirmations(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    if console != Console.MERCHANT or not allows(request.user, CONFIRM, console=console):
        return
    waiting = reach(request.user, console, MerchantConfirmation.objects.filter(status=ConfirmationStatus.WAITING), CONFIRM)
    told = waiting.aggregate(number=Count("pk", distinct=True), since=Min("asked_at"))
    number = told["number"]
    text = ngettext("%(n)d application for an app made for you waits for your word", "%(n)d applications for apps made for you wait for your word", number)
    yield Need(text % {"n": number}, number, WARN, list_url(console, MerchantConfirmation, "status__exact=WAITING"), told["since"])


def _apps(request: HttpRequest, console: str, _now: datetime) -> Iterator[Need]:
    permission = "applications.view_storeenablement"
    if console != Console.MERCHANT or not allows(request.user, permission, console=console):
        return
    fallen = Q(status=EnablementStatus.ON, tier_fell_on__isnull=False)
    told = reach(request.user, console, StoreEnablement.objects.all(), permission).aggregate(
        paused=Count("pk", filter=Q(status=EnablementStatus.PAUSED)), fallen=Count("pk", filter=fallen)
    )
    text = ngettext("%(n)d app is paused because the tier fell", "%(n)d apps are paused because the tier fell", told["paused"]) % {"n": told["paused"]}
    yield Need(text, told["paused"], WARN, list_url(console, StoreEnablement, f"status__exact={EnablementStatus.PAUSED}"))
    text = ngettext("%(n)d app will pause, because the tier fell", "%(n)d apps will pause, because the tier fell", told["fallen"]) % {"n": told["fallen"]}
    yield Need(text, told["fallen"], WARN, reverse("merchant:applications_offered"))


PARTS: tuple[Callable[[HttpRequest, str, datetime], Iterator[Need]], ...] = (
    _review, _seniors, _confirmations, _apps,
)  # fmt: skip
