"""The issue engine: benefits of paid memberships that are due, exactly one per period, however late, often or interrupted it runs.

``PaidMembership.next_issue_on`` drives it (ADR 0072). Each chunk is one transaction: memberships are locked past those that others work on, their
missed periods written by one statement, codes given, the next day set. The unique key of an issue is the last wall.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import local_day
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.paid.choices import ISSUE_TABLE, BenefitKind, FulfilmentStatus, IssueStatus
from members.paid.models import BenefitIssue, Fulfilment, PaidMembership
from members.paid.selectors.numbers import get_numbers
from members.paid.services.locks import lock_membership
from members.paid.services.rights import PaidRefused, require_in_store

PACKAGE = "members.paid"
CHUNK = 5_000
RETRY_AFTER = timedelta(hours=1)
# A chunk is a few rows of large tables: read by index, and nothing to compile for a second.
SETTINGS = "SET LOCAL random_page_cost = 1.1; SET LOCAL jit = off"
REACH = "hashtextextended('paid.reach', 0)"


@dataclass(frozen=True)
class IssueReport:
    """What a run did. ``failed`` issues wait for a coupon code; they are tried again."""

    memberships: int = 0
    issued: int = 0
    failed: int = 0

    def __add__(self, other: IssueReport) -> IssueReport:
        return IssueReport(self.memberships + other.memberships, self.issued + other.issued, self.failed + other.failed)


@dataclass(frozen=True)
class RunReport:
    """A whole run of the engine: what was issued, what found its code at last, what expired."""

    issues: IssueReport
    expired: int
    retried: int

    def as_json(self) -> dict[str, int]:
        facts = self.issues
        return {"memberships": facts.memberships, "issued": facts.issued, "failed": facts.failed, "retried": self.retried, "expired": self.expired}


def run_issues(*, now: datetime) -> RunReport:
    """Everything that is due: issues, the end of those whose days are over, and another try for those without a code, in this order."""
    issues = issue_due(now=now)
    expired = expire_issues(now=now)
    return RunReport(issues, expired, retry_failed(now=now))


def issue_due(*, now: datetime, limit: int | None = None) -> IssueReport:
    """Issue everything that is due on the local day of ``now`` and before, to at most ``limit`` paid memberships (None: to all).

    Late, twice, at the same time as itself and killed at any moment are harmless. Memberships that somebody else has locked are left to whoever has
    them, or to the next run.
    """
    report = IssueReport()
    due = PaidMembership.objects.filter(next_issue_on__lte=local_day(now)).order_by("pk").values_list("pk", flat=True)
    ids = list(due if limit is None else due[:limit])
    for start in range(0, len(ids), CHUNK):
        # In the order of their rows: a chunk touches few pages of each index.
        chunk = ids[start : start + CHUNK]
        report += _issue_run_chunk(now=now, first=chunk[0], last=chunk[-1])
        crash_point("issue.after_chunk")
    return report


def issue_for(membership: PaidMembership, now: datetime) -> IssueReport:
    """Issue what is due of one paid membership, in the transaction of the caller, who holds its lock: the opening benefits come with the opening."""
    return _issue_chunk(now=now, first=membership.pk, last=membership.pk)


@in_transaction
def _issue_run_chunk(*, now: datetime, first: int, last: int) -> IssueReport:
    """A chunk of a run, beside others, but never beside a change of what reaches holders."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock_shared({REACH})")
    return _issue_chunk(now=now, first=first, last=last)


def let_chunks_end() -> None:
    """For whoever changes what reaches holders, before it brings them forward: wait for the chunks that are under way, and have others wait for the commit.

    A chunk whose statement began before the commit would find a holder brought forward, not see why, and set the next day past the addition. A purchase
    holds the program's lock instead, as an approval does.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock({REACH})")


@in_transaction
def _issue_chunk(*, now: datetime, first: int, last: int) -> IssueReport:
    _settle_for_chunk()
    params = {"today": local_day(now), "now": now, "first": first, "last": last, "late_after": get_numbers().late_after_days}
    (row,) = fetch_all(load_sql(PACKAGE, "issue_benefits"), params)
    crash_point("issue.after_insert")
    given = _give_codes(row["wanting"], now)
    crash_point("issue.before_commit")
    failed = len(row["wanting"]) - given
    return IssueReport(row["memberships"], row["issues"] - failed, failed)


def _settle_for_chunk() -> None:
    with connection.cursor() as cursor:
        cursor.execute(SETTINGS)


def _give_codes(issue_ids: list[int], now: datetime) -> int:
    """Give coupon codes to issues that wait for one, as far as there are codes. How many got one."""
    if not issue_ids:
        return 0
    params = {"issues": issue_ids, "now": now, "today": local_day(now), "retry_at": now + RETRY_AFTER}
    given: int = fetch_all(load_sql(PACKAGE, "give_codes"), params)[0]["given"]
    return given


def retry_failed(*, now: datetime) -> int:
    """Try again what failed for want of a coupon code and whose time has come. How many were issued."""
    given = 0
    while True:
        chosen, done = _retry_chunk(now=now)
        given += done
        if chosen < CHUNK:
            return given


@in_transaction
def _retry_chunk(*, now: datetime) -> tuple[int, int]:
    waiting = BenefitIssue.objects.filter(status=IssueStatus.FAILED, retry_at__lte=now)
    chosen = list(waiting.select_for_update(skip_locked=True).order_by("retry_at", "pk").values_list("pk", flat=True)[:CHUNK])
    return len(chosen), _give_codes(chosen, now)


def expire_issues(*, now: datetime) -> int:
    """End the issues whose last day has passed, in transactions of their own. How many."""
    expired = 0
    while done := _expire_chunk(now=now):
        expired += done
    return expired


@in_transaction
def _expire_chunk(*, now: datetime) -> int:
    _settle_for_chunk()
    done: int = fetch_all(load_sql(PACKAGE, "expire_issues"), {"today": local_day(now), "now": now, "most": CHUNK})[0]["expired"]
    return done


def bring_forward(pack_ids: list[int], day: date) -> int:
    """Holders of these packs are looked at again from ``day`` on, because more reaches them now. In the transaction of the approval that makes it so.

    What was issued before is met by the unique key. How many memberships were brought forward.
    """
    let_chunks_end()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE paid_paidmembership SET next_issue_on = least(next_issue_on, greatest(starts_on, %(day)s::date))
            WHERE pack_id = ANY(%(packs)s) AND status = 'ACTIVE' AND ends_on > %(day)s AND (next_issue_on IS NULL OR next_issue_on > %(day)s)
            """,
            {"packs": pack_ids, "day": day},
        )
        return int(cursor.rowcount)


@in_transaction
def use_issue(*, issue: BenefitIssue, reference: str, by: User | None, now: datetime) -> BenefitIssue:
    """The member used the benefit with ``reference`` (an order, a receipt). The same reference again changes nothing.

    Raises ``NotFound``, ``NotAllowed``, ``PaidRefused`` (``issue_expired``, ``use_by_fulfilment``), or ``StateConflict`` when it is no longer to be used.
    """
    require_in_store(by, "paid.use_issue", issue.store_id)
    lock_membership(issue.paid_membership_id)
    stored = BenefitIssue.objects.select_for_update().select_related("benefit").filter(pk=issue.pk).first()
    if stored is None:
        raise NotFound(_("There is no such row."))
    reference = reference.strip()
    if stored.status == IssueStatus.USED and stored.used_reference == reference:
        return stored
    if stored.benefit.kind == BenefitKind.CUSTOM:
        raise PaidRefused(_("This benefit is a promise: enter that it was kept, with the evidence."), code="use_by_fulfilment")
    if stored.status == IssueStatus.ISSUED and stored.expires_on <= local_day(now):
        raise PaidRefused(
            _("This benefit held until %(day)s and can no longer be used.") % {"day": stored.expires_on - timedelta(days=1)}, code="issue_expired"
        )
    mark_used(stored, reference=reference, by=by, now=now)
    return stored


def mark_used(issue: BenefitIssue, *, reference: str, by: User | None, now: datetime) -> None:
    """ISSUED -> USED with its event. The caller holds the locks of the membership and the issue."""
    transition(issue, IssueStatus.USED, table=ISSUE_TABLE, ended_at=now, used_reference=reference)
    facts: dict[str, Any] = {"benefit": issue.benefit_id, "period": issue.period, "reference": reference}
    record_event("issue.used", target=issue, store=issue.store_id, by=by, now=now, **facts)


def revoke_unused(membership: PaidMembership, *, now: datetime) -> int:
    """What was issued in this term and not used ends with it; what is used stays. The caller holds the membership's lock. How many were revoked.

    One whose days were over already expires instead, whether or not the nightly sweep has seen it.
    """
    today = local_day(now)
    open_ones = BenefitIssue.objects.filter(paid_membership=membership, status__in=(IssueStatus.ISSUED, IssueStatus.FAILED))
    Fulfilment.objects.filter(issue__in=open_ones.values("pk"), status=FulfilmentStatus.DUE).update(status=FulfilmentStatus.DROPPED)
    open_ones.filter(status=IssueStatus.ISSUED, expires_on__lte=today).update(status=IssueStatus.EXPIRED, ended_at=now)
    return open_ones.update(status=IssueStatus.REVOKED, ended_at=now, retry_at=None)
