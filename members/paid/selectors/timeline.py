"""What a member bought and got of paid membership, for the one timeline of the member's page."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

from backoffice.kernel.admin.display import row_url
from backoffice.kernel.money import format_yuan
from backoffice.kernel.ports import TimelineItem
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console
from members.models import Member
from members.paid.models import BenefitIssue, PaidMembership
from members.paid.selectors.tones import ISSUE_TONES, MEMBERSHIP_TONES

VIEW_TERMS, VIEW_ISSUES = "paid.view_paidmembership", "paid.view_benefitissue"


def list_paid_items(member: Member, user: User, limit: int) -> list[TimelineItem]:
    """The newest purchases of ``member`` and benefits issued to them. Nothing for who may not see them. Two queries."""
    items: list[TimelineItem] = []
    if allows(user, VIEW_TERMS):
        terms = PaidMembership.objects.filter(member=member).select_related("program").order_by("-pk")[:limit]
        items += [item for term in terms for item in _of_term(term, _console(user, VIEW_TERMS))]
    if allows(user, VIEW_ISSUES):
        issues = BenefitIssue.objects.filter(member=member).select_related("benefit").order_by("-pk")[:limit]
        items += [_of_issue(issue, _console(user, VIEW_ISSUES)) for issue in issues]
    return items


def _console(user: User, permission: str) -> str:
    return (Console.PLATFORM if allows(user, permission, console=Console.PLATFORM) else Console.MERCHANT).value


def _of_term(term: PaidMembership, console: str) -> list[TimelineItem]:
    url = row_url(console, term)
    said = {"program": term.program.name, "order": term.order_no, "price": format_yuan(term.price)}
    title = _("Paid membership ordered") if term.opened_at is None else _("Paid membership renewed") if term.is_renewal else _("Paid membership opened")
    body = _("“%(program)s” for %(price)s yuan, order %(order)s") % said
    if term.starts_on and term.bought_until:
        body += " · " + _("%(first)s to %(last)s") % {"first": term.starts_on, "last": term.bought_until - timedelta(days=1)}
    tone = MEMBERSHIP_TONES.get(term.status, "")
    items = [TimelineItem(term.opened_at or term.created_at, "paid", title, body, "" if term.ended_at else term.get_status_display(), tone, url)]
    if term.ended_at is not None:
        ended = _("Paid membership “%(program)s” ended") % said
        items.append(TimelineItem(term.ended_at, "paid", ended, term.end_reason, term.get_status_display(), tone, url))
    return items


def _of_issue(issue: BenefitIssue, console: str) -> TimelineItem:
    title = _("Benefit “%(title)s”") % {"title": issue.benefit.title}
    body = _("due %(day)s, holds until %(last)s") % {"day": issue.due_on, "last": issue.expires_on - timedelta(days=1)}
    body = " · ".join(part for part in (body, issue.code, issue.used_reference) if part)
    tone = ISSUE_TONES.get(issue.status, "")
    return TimelineItem(
        issue.ended_at or issue.issued_at or issue.created_at, "benefit", title, body, issue.get_status_display(), tone, row_url(console, issue)
    )
