"""A store with paid membership and its people, as the merchant console's tests need it. Rows are made by the services wherever there is one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from members.paid.models import PaidMembership, PaidProgram
from members.paid.services.purchases import buy
from tests.factories import make_member, make_merchant, make_store, make_user
from tests.members.paid import making

BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"
_serial = count(1)


def client_of(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def url(name: str, *args: Any, query: str = "") -> str:
    return reverse(f"merchant:paid_{name}", args=args) + (f"?{query}" if query else "")


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


def act(client: Client, address: str, **fields: Any) -> HttpResponse:
    """Send a dialog."""
    return client.post(address, {"_form_submitted": "True", **fields})  # type: ignore[return-value]


@dataclass
class Shop:
    """One store of a merchant. ``owner`` may do everything, ``clerk`` writes, ``reader`` looks; ``staff`` is member operations."""

    store: Store
    owner: User
    clerk: User
    reader: User
    staff: User

    def program(self, **given: Any) -> PaidProgram:
        return making.make_program(self.store, by=self.staff, **given)

    def member(self, **given: Any) -> Member:
        return make_member(self.store, f"N{next(_serial)}", **given)

    def sold(self, program: PaidProgram, member: Member | None = None, order_no: str = "") -> PaidMembership:
        """Bought and paid just now."""
        now = database_now()
        return buy(
            store=self.store, member=member or self.member(), program=program, order_no=order_no or f"O{next(_serial)}", source="CONSOLE", paid_at=now,
            by=self.owner, now=now,
        )  # fmt: skip


def open_shop(code: str = "mine") -> Shop:
    store = make_store(code, merchant=make_merchant(f"m-{code}"))
    people = [make_user(role, merchant=store.merchant) for role in (Role.MERCHANT_OWNER, Role.MERCHANT_OPERATOR, Role.MERCHANT_ANALYST)]
    return Shop(store, *people, make_user(Role.PLATFORM_MEMBER_OPS))


def today() -> Any:
    return local_day(database_now())
