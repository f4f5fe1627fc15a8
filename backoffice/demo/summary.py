"""What the demo shows for itself, read from the database and from the gateway's own log, and whether the main job happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Sum, Value
from django.db.models.functions import Coalesce, Lower, NullIf

from backoffice.demo.applications import Cases, take_cases
from backoffice.demo.gateway_log import Breach, breaches, read_log
from backoffice.demo.loading import Loaded
from backoffice.demo.manifest import Manifest
from backoffice.demo.paid import Paid, take_paid
from campaigns.choices import PERIODIC_CARDS, MessageStatus, ScenarioCode
from campaigns.models import Message
from members.models import CreditLot, Member, OrderLine, Payment


@dataclass(frozen=True)
class Payments:
    """Payments that were told, in yuan, and what became of the notice of each that used credit, by status or reason."""

    number: int
    with_credit: int
    amount: Decimal
    credit_used: Decimal
    refunded: Decimal
    notices: dict[str, int]


@dataclass(frozen=True)
class Summary:
    """Figures after a run. Money in yuan; dictionaries count messages. ``decided`` took a slot of both caps; ``other`` are messages
    that were neither sent nor held back. ``order_lines`` are those of files."""

    members: int
    order_lines: int
    credit_total: Decimal
    payments: Payments
    decided: dict[str, int]
    sent: dict[str, int]
    suppressed: dict[str, int]
    other: dict[str, int]
    sent_numbers: frozenset[str]
    log_numbers: tuple[str, ...]
    breaches: list[Breach]
    cases: Cases
    paid: Paid

    @property
    def log_holds_exactly_the_sent_ones(self) -> bool:
        return (
            len(self.log_numbers) == len(set(self.log_numbers))
            and set(self.log_numbers) == self.sent_numbers
            and len(self.sent_numbers) == sum(self.sent.values())
        )


def _counted(rows: Iterable[Any], name: str) -> dict[str, int]:
    return {row[name]: row["n"] for row in rows}


def take_summary(gateway_log: Path) -> Summary:
    messages = Message.objects.all()
    sent = messages.filter(status=MessageStatus.SENT)
    total = CreditLot.objects.aggregate(total=Sum(F("principal_amount") + F("bonus_amount")))["total"]
    paid = Payment.objects.filter(store=OuterRef("store"), order_no=OuterRef("order_no"))
    return Summary(
        members=Member.objects.count(),
        order_lines=OrderLine.objects.exclude(Exists(paid)).count(),
        payments=_take_payments(),
        credit_total=total or Decimal("0.00"),
        decided=_counted(messages.exclude(status=MessageStatus.SUPPRESSED).values("scenario").annotate(n=Count("pk")).order_by("scenario"), "scenario"),
        sent=_counted(sent.values("scenario").annotate(n=Count("pk")).order_by("scenario"), "scenario"),
        suppressed=_counted(messages.filter(status=MessageStatus.SUPPRESSED).values("reason").annotate(n=Count("pk")).order_by("reason"), "reason"),
        other=_counted(
            messages.exclude(status__in=[MessageStatus.SENT, MessageStatus.SUPPRESSED]).values("status").annotate(n=Count("pk")).order_by("status"), "status"
        ),
        sent_numbers=frozenset(sent.values_list("provider_id", flat=True)),
        log_numbers=tuple(delivery.provider_id for delivery in read_log(gateway_log)),
        breaches=breaches(gateway_log),
        cases=take_cases(),
        paid=take_paid(),
    )


def _take_payments() -> Payments:
    payments = Payment.objects.all()
    sums = payments.aggregate(amount=Sum("amount"), credit=Sum("credit_used"), refunded=Sum("refunded_amount"))
    notices = Message.objects.filter(scenario=ScenarioCode.AFTER_PAYMENT).annotate(became=Coalesce(NullIf("reason", Value("")), Lower("status")))
    zero = Decimal("0.00")
    return Payments(
        number=payments.count(),
        with_credit=payments.filter(credit_used__gt=0).count(),
        amount=sums["amount"] or zero,
        credit_used=sums["credit"] or zero,
        refunded=sums["refunded"] or zero,
        notices=_counted(notices.values("became").annotate(n=Count("pk")).order_by("became"), "became"),
    )


def failures(summary: Summary, manifest: Manifest, loaded: Loaded, *, same_day: bool) -> list[str]:
    """Why the main job did not happen, one sentence each; empty when it did.

    ``same_day``: the reminders ran on the files' own day, so that the figures worked out from the files alone must be met.
    """
    found = []
    if loaded.files != len(manifest.files) or loaded.bad:
        found.append(f"Only {loaded.files} of {len(manifest.files)} files were loaded, with {loaded.bad} bad rows.")
    if summary.members != manifest.members:
        found.append(f"There are {summary.members:,} members, but the files hold {manifest.members:,}.")
    if summary.order_lines != manifest.orders:
        found.append(f"There are {summary.order_lines:,} order lines, but the files hold {manifest.orders:,}.")
    if summary.credit_total != manifest.credit_total:
        found.append(f"Credit is {summary.credit_total} yuan, but the files' control totals are {manifest.credit_total}.")
    if not summary.sent:
        found.append("No reminder was sent.")
    reminders = sum(number for scenario, number in summary.sent.items() if scenario in PERIODIC_CARDS)
    if same_day and (summary.other or reminders != manifest.expected.sent):
        found.append(f"{reminders:,} reminders were sent, but the files call for {manifest.expected.sent:,}; others: {summary.other or 'none'}.")
    told = summary.payments
    if not told.notices.get("sent"):
        found.append("No notice after a payment was sent.")
    if same_day and (sum(told.notices.values()) != told.with_credit or not told.notices.keys() <= {"sent", "store_cap", "platform_cap"}):
        found.append(f"{told.with_credit:,} payments used credit, but their notices became {told.notices or 'nothing'}.")
    if not summary.log_holds_exactly_the_sent_ones:
        found.append(f"The gateway's log holds {len(summary.log_numbers):,} messages, but {sum(summary.sent.values()):,} count as sent.")
    if summary.breaches:
        found.append(f"The gateway's log breaks {len(summary.breaches)} rules, first {summary.breaches[0]}.")
    if not summary.cases.states:
        found.append("There is no application of a developer.")
    if summary.cases.differing:
        found.append(f"Applications differ from what their events say: {', '.join(summary.cases.differing)}.")
    return found + _paid_failures(summary.paid)


def _paid_failures(paid: Paid) -> list[str]:
    found = []
    if not paid.programs.get("LIVE") or not paid.issues.get("ISSUED"):
        found.append("There is no live program of paid membership, or it issued nothing.")
    if paid.broken:
        found.append(f"Paid membership breaks {', '.join(paid.broken)}.")
    return found


def summary_lines(summary: Summary, manifest: Manifest, loaded: Loaded) -> list[str]:
    """The summary, one figure a line."""
    again = f", {loaded.repeated} of them loaded before" if loaded.repeated else ""
    speed = f", {loaded.rows:,} rows at {loaded.rows_per_second:,.0f} a second" if loaded.rows else ""
    equal = "=" if summary.credit_total == manifest.credit_total else "IS NOT"
    told = summary.payments
    same = "exactly the sent ones" if summary.log_holds_exactly_the_sent_ones else "NOT the sent ones"
    return [
        f"Files          {loaded.files}{again}{speed}",
        f"Refused        {', '.join(entry.name for entry in manifest.extra_files)}: {loaded.refused.get('bad', 0)} bad rows, nothing of it applied",
        f"Members        {summary.members:,} of {manifest.people:,} people in {manifest.stores} stores of {manifest.merchants} merchants",
        f"Order lines    {summary.order_lines:,}",
        f"Credit         ¥{summary.credit_total:,} {equal} ¥{manifest.credit_total:,}, the control totals of the files",
        f"Payments       {told.number:,} for ¥{told.amount:,}, ¥{told.credit_used:,} of it credit; ¥{told.refunded:,} refunded",
        f"Their notices  {_joined(told.notices)}",
        f"Decided        {_joined(summary.decided)}",
        f"Sent           {_joined(summary.sent)}",
        f"Held back      {_joined(summary.suppressed)}",
        *([f"Neither        {_joined(summary.other)}"] if summary.other else []),
        f"Gateway's log  {len(summary.log_numbers):,} messages, {same}, {len(summary.breaches)} rules broken",
        f"Applications   {_joined(summary.cases.states)}; {summary.cases.replayed}",
        f"Paid programs  {_joined(summary.paid.programs)}; purchases {_joined(summary.paid.memberships)}",
        f"Benefits       {_joined(summary.paid.issues)}; {summary.paid.invariants}",
        f"Complaints     {_joined(summary.paid.complaints)}",
    ]


def _joined(counts: dict[str, int]) -> str:
    return (
        ", ".join(f"{name} {count:,}" for name, count in counts.items()) + (f" (together {sum(counts.values()):,})" if len(counts) > 1 else "")
        if counts
        else "none"
    )
