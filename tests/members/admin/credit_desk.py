"""A store with its people and the rows that the credit screens show, made by the services."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

from django.test import Client
from django.urls import reverse

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from members.choices import EntryKind, PayoutCause
from members.models import CreditAccount, CreditAdjustment, CreditEntry, CreditHold, CreditLot, CreditPayout, Member
from members.services.credit import hold
from members.services.credit.adjustments import request_adjustment
from members.services.credit.lapse import sweep_lapsed
from tests.factories import make_member, make_merchant, make_store, make_user
from tests.members.ledger import account_of, give, yuan

BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"
_serial = count(1)


def client_of(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def url(name: str, *args: Any, console: str = "merchant") -> str:
    return reverse(f"{console}:members_{name}", args=args)


@dataclass
class Desk:
    """One store. ``owner`` may do everything, ``clerk`` asks and settles, ``reader`` only looks; ``staff`` is the platform's."""

    store: Store
    owner: User
    clerk: User
    reader: User
    staff: User

    def member(self, principal: str | int = 100, bonus: str | int = 20, **fields: Any) -> Member:
        """A member with one top-up that lapses in 40 days."""
        number, now = next(_serial), clock.database_now()
        member = make_member(self.store, f"N{number}", nickname=f"王芳{number}")
        give(member, principal, bonus, **({"source_no": f"CZ{number}", "now": now, "expires_at": now + timedelta(days=40)} | fields))
        return member

    def hold(self, member: Member, amount: str | int, *, days_ago: int = 0) -> CreditHold:
        number, now = next(_serial), clock.database_now()
        made = hold(account=account_of(member), amount=yuan(amount), order_no=f"ORDER{number}", idempotency_key=f"hold-{number}", by=None, now=now)
        CreditHold.objects.filter(pk=made.hold_id).update(held_at=now - timedelta(days=days_ago))
        return CreditHold.objects.get(pk=made.hold_id)

    def payout(self, principal: str | int = 70) -> CreditPayout:
        """The payout of a top-up that lapsed and was swept."""
        now = clock.database_now()
        member = self.member(principal, 5, now=now - timedelta(days=3), expires_at=now - timedelta(days=1))
        sweep_lapsed(now=now)
        return CreditPayout.objects.get(account__member=member, cause=PayoutCause.LAPSE)

    def adjustment(self, member: Member, principal: str | int, bonus: str | int = 0, *, by: User | None = None, reason: str = "goodwill") -> CreditAdjustment:
        return request_adjustment(
            account=account_of(member), principal=yuan(principal), bonus=yuan(bonus), reason=reason, idempotency_key=f"adjust-{next(_serial)}",
            by=by or self.clerk, now=clock.database_now(),
        )  # fmt: skip

    def lot(self, member: Member) -> CreditLot:
        return CreditLot.objects.get(account__member=member)

    def kinds(self, member: Member) -> list[str]:
        return list(CreditEntry.objects.filter(account__member=member).exclude(kind=EntryKind.TOP_UP).order_by("pk").values_list("kind", flat=True))

    def balance(self, member: Member) -> Any:
        return CreditAccount.objects.get(member=member).balance


def open_desk() -> Desk:
    store = make_store("mine", merchant=make_merchant("m1"))
    people = [make_user(role, merchant=store.merchant) for role in (Role.MERCHANT_OWNER, Role.MERCHANT_OPERATOR, Role.MERCHANT_ANALYST)]
    return Desk(store, *people, make_user(Role.PLATFORM_MEMBER_OPS, display_name="郑平台"))
