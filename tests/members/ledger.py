"""Short words for ledger tests."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db.models import Sum

from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, CreditEntry, CreditLot, CreditPolicy, Member
from members.services.credit import Hold, LineShare, Refund, RefundLine, Spend, TopUp, hold, refund_spend, spend, top_up
from tests.factories import NOON, make_member, make_store

_serial = count(1)


def yuan(text: str | int) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"))


def give(member: Member, principal: str | int, bonus: str | int = 0, *, expires_at: datetime | None = None, now: datetime = NOON, **fields: Any) -> TopUp:
    """A top-up an hour before ``now``."""
    number = next(_serial)
    arguments: dict[str, Any] = {
        "source_no": f"T{number}",
        "opened_at": now - timedelta(hours=1),
        "idempotency_key": f"top-up-{number}",
        "by": None,
        "now": now,
        "expires_at": expires_at,
    }
    return top_up(member=member, principal=yuan(principal), bonus=yuan(bonus), **(arguments | fields))


def take(member: Member, amount: str | int, *, now: datetime = NOON, **fields: Any) -> Spend:
    number = next(_serial)
    arguments: dict[str, Any] = {"order_no": f"O{number}", "idempotency_key": f"spend-{number}", "by": None, "now": now}
    return spend(member=member, amount=yuan(amount), **(arguments | fields))


def set_aside(member: Member, amount: str | int, *, now: datetime = NOON, **fields: Any) -> Hold:
    number = next(_serial)
    arguments: dict[str, Any] = {"order_no": f"O{number}", "idempotency_key": f"hold-{number}", "by": None, "now": now}
    return hold(member=member, amount=yuan(amount), **(arguments | fields))


def give_back(member: Member, order_no: str, *lines: tuple[int | None, str | int | None], now: datetime = NOON, **fields: Any) -> Refund:
    """A refund of (line, yuan or None) pairs; without any, of everything left."""
    asked = [RefundLine(line_no, None if credit is None else yuan(credit)) for line_no, credit in lines] or None
    arguments: dict[str, Any] = {"idempotency_key": f"refund-{next(_serial)}", "by": None, "now": now}
    return refund_spend(store_id=member.store_id, order_no=order_no, lines=asked, **(arguments | fields))


def in_lines(*shares: str | int) -> list[LineShare]:
    """Lines 1, 2, ... of an order."""
    return [LineShare(number, yuan(share)) for number, share in enumerate(shares, 1)]


def has_policy(store: Store, **fields: Any) -> CreditPolicy:
    return CreditPolicy.objects.update_or_create(store=store, defaults=fields)[0]


def member_with(principal: str | int, bonus: str | int = 0, *, store: Store | None = None, **fields: Any) -> Member:
    member = make_member(store or make_store())
    give(member, principal, bonus, **fields)
    return member


def split(result: Spend) -> tuple[Decimal, Decimal]:
    return result.principal, result.bonus


def account_of(member: Member) -> CreditAccount:
    return CreditAccount.objects.get(member=member)


def everything(member: Member) -> tuple[object, ...]:
    """All that a refused act must leave as it was."""
    lots = CreditLot.objects.filter(account__member=member).order_by("pk").values_list("pk", "principal_left", "bonus_left", "expires_at")
    entries = CreditEntry.objects.filter(account__member=member).order_by("pk").values_list("pk", flat=True)
    return CreditAccount.objects.filter(member=member).values_list("balance", "held").first(), list(lots), list(entries)


def entries_total(member: Member) -> Decimal:
    sums = CreditEntry.objects.filter(account__member=member).aggregate(p=Sum("principal_amount"), b=Sum("bonus_amount"))
    return yuan((sums["p"] or 0) + (sums["b"] or 0))
