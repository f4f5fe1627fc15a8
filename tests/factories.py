"""Plain functions that make rows for tests. Every text carries the owner's code, so that a leak is visible in an answer."""

from __future__ import annotations

from datetime import date, datetime
from importlib import import_module
from itertools import count
from typing import Any

from backoffice.kernel import clock
from backoffice.kernel.secrets import encrypt, lookup_hash, mask_phone
from backoffice.kernel.tenancy.models import Developer, Merchant, MerchantTier, Seat, SeatStore, Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import Identity, IdentityKind, Level, Member, Person

_serial = count(1)
NOON = datetime(2026, 11, 22, 12, 0, tzinfo=clock.local_zone())
PASSWORD = "a-long-enough-password"


def make_merchant(code: str | None = None, *, tier: str | None = None, **fields: Any) -> Merchant:
    code = code or f"merchant{next(_serial)}"
    merchant = Merchant.objects.create(code=code, name=fields.pop("name", f"商家-{code}"), **fields)
    if tier:
        MerchantTier.objects.create(merchant=merchant, tier=tier, valid_from=date(2020, 1, 1))
    return merchant


def make_store(code: str | None = None, *, merchant: Merchant | None = None, **fields: Any) -> Store:
    code = code or f"store{next(_serial)}"
    return Store.objects.create(code=code, name=fields.pop("name", f"店铺-{code}"), merchant=merchant or make_merchant(), **fields)


def make_developer(code: str | None = None, **fields: Any) -> Developer:
    code = code or f"developer{next(_serial)}"
    return Developer.objects.create(code=code, name=fields.pop("name", f"服务商-{code}"), **fields)


def make_user(
    role: str = Role.PLATFORM_ADMIN,
    *,
    merchant: Merchant | None = None,
    stores: list[Store] | None = None,
    developer: Developer | None = None,
    username: str | None = None,
    **fields: Any,
) -> User:
    """A user with one seat. ``stores=None`` at a merchant means all of its stores."""
    user = User(username=username or f"user{next(_serial)}", **fields)
    user.set_password(PASSWORD)
    user.save()
    seat = Seat.objects.create(user=user, role=role, merchant=merchant, developer=developer, all_stores=merchant is not None and stores is None)
    SeatStore.objects.bulk_create(SeatStore(seat=seat, store=store) for store in stores or [])
    return user


def make_person() -> Person:
    return Person.objects.create()


def make_member(
    store: Store, member_no: str | None = None, *, person: Person | None = None, phone: str | None = None, joined_at: datetime = NOON, **fields: Any
) -> Member:
    """A member of ``store``; with a phone, its person is found or made by that phone as an import would."""
    number = next(_serial)
    if phone and person is None:
        known = Identity.objects.filter(kind_id="phone", value_hash=lookup_hash("phone", phone), ended_at=None).first()
        person = known.person if known else make_person()
        if known is None:
            Identity.objects.create(kind_id="phone", value_hash=lookup_hash("phone", phone), value_masked=mask_phone(phone), person=person)
    if phone:
        fields |= {"phone_encrypted": encrypt(phone), "phone_hash": lookup_hash("phone", phone), "phone_masked": mask_phone(phone)}
    return Member.objects.create(
        store=store,
        person=person or make_person(),
        member_no=member_no or f"M{number}",
        nickname=fields.pop("nickname", f"会员-{store.code}-{number}"),
        joined_at=joined_at,
        consent_at=fields.pop("consent_at", joined_at),
        **fields,
    )


def make_level(store: Store, name: str = "金卡", threshold: int = 0) -> Level:
    return Level.objects.create(store=store, name=name, threshold=threshold)


def ship_identity_kinds() -> None:
    """The kinds that the migrations bring, for a test that commits: one before it may have emptied the tables."""
    for code, name, name_zh, strength, single, unique, link in import_module("members.migrations.0002_storage_and_identity_kinds").KINDS:
        fields = {"name": name, "name_zh": name_zh, "strength": strength, "single_valued": single, "is_unique": unique, "may_link": link}
        IdentityKind.objects.get_or_create(code=code, defaults=fields)
