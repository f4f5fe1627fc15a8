"""Two merchants and two developers whose every text carries the owner's mark, so that a leak is visible in any answer.

Merchant A has the stores A1 and A2, merchant B has B1. The owner at A has all stores, the operator only A1, the analyst A1 and A2.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.core.files.base import ContentFile
from django.db import models

from backoffice.kernel.api.services.clients import create_client, switch_client
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.choices import MerchantStatus, StoreStatus
from backoffice.kernel.tenancy.models import Developer, Merchant, MerchantTier, Seat, Store, User
from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import MessageStatus, RunStatus, ScenarioCode
from campaigns.models import (
    FrequencyRule,
    LifecycleSetting,
    Message,
    MessageTemplate,
    PaidReminderSetting,
    ReminderRun,
    ReminderSetting,
    ScenarioRank,
)
from members.choices import EntryKind, PayoutCause, PayoutStatus
from members.models import (
    CreditAccount,
    CreditAdjustment,
    CreditEntry,
    CreditHold,
    CreditLot,
    CreditPayout,
    CreditPolicy,
    Event,
    Fan,
    LedgerProof,
    Level,
    Member,
    MemberTag,
    OrderLine,
    Payment,
    Post,
    PurchaseSummary,
    PushAccount,
    Tag,
)
from tests.access.world_applications import Applications, was_premium
from tests.access.world_paid import put_paid, put_till
from tests.access.world_paid_cases import put_cases, put_reviews, put_sanctions
from tests.factories import make_developer, make_member, make_merchant, make_store, make_user

A1, A2, B1, AM, BM, DA, DB, STAFF = "QA1Q", "QA2Q", "QB1Q", "QAMQ", "QBMQ", "QDAQ", "QDBQ", "QPLQ"
"""Marks: no other text of the product contains them."""
PHONES = {A1: ("13800000001", "13800000002"), A2: ("13800000003", "13800000004"), B1: ("13999999901", "13999999902")}
# So different that a sum that takes a foreign store in shows it.
AMOUNTS = {A1: Decimal("111.11"), A2: Decimal("222.22"), B1: Decimal("7777777.77")}


@dataclass
class World:
    """``rows[model][mark]`` are the rows that belong to that mark's owner; ``users`` one user a role, plus the special ones by name."""

    rows: dict[type[models.Model], dict[str, list[Any]]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    users: dict[str, User] = field(default_factory=dict)

    def put(self, mark: str, row: Any) -> Any:
        self.rows[type(row)][mark].append(row)
        return row

    def reach(self, user: str) -> set[str]:
        """Marks that a user may see."""
        if user.startswith("PLATFORM_"):
            return {A1, A2, B1, AM, BM, DA, DB, STAFF}
        return {
            Role.MERCHANT_OWNER: {A1, A2, AM}, Role.MERCHANT_OPERATOR: {A1, AM}, Role.MERCHANT_ANALYST: {A1, A2, AM},
            Role.DEVELOPER_OWNER: {DA}, Role.DEVELOPER_MEMBER: {DA}, "two_seats": {A1, A2, AM},
        }.get(user, set())  # fmt: skip


MARKS = (A1, A2, B1, AM, BM, DA, DB, STAFF)


def make_world() -> World:
    world = World()
    merchants = {}
    for mark, tier in ((AM, "PREMIUM"), (BM, "STANDARD")):
        merchant = merchants[mark] = world.put(mark, make_merchant(mark.lower(), name=f"商家{mark}"))
        world.put(mark, MerchantTier.objects.create(merchant=merchant, tier=tier, valid_from="2020-01-01"))
    world.put(BM, make_merchant(f"{BM.lower()}2", name=f"暂停{BM}", status=MerchantStatus.SUSPENDED))
    stores = {mark: world.put(mark, make_store(mark.lower(), merchant=merchants[AM if mark != B1 else BM], name=f"店铺{mark}")) for mark in (A1, A2, B1)}
    world.put(B1, make_store(f"{B1.lower()}closed", merchant=merchants[BM], name=f"关店{B1}", status=StoreStatus.CLOSED))
    developers = {mark: world.put(mark, make_developer(mark.lower(), name=f"服务商{mark}", contact=f"联系{mark}")) for mark in (DA, DB)}
    _people(world, merchants, stores, developers)
    # No store's: without its scoping a merchant's list would show it.
    world.put(STAFF, create_client(name=f"系统{STAFF}", is_platform=True, stores=[], by=None, now=database_now()).client)
    for mark, store in stores.items():
        _members(world, mark, store)
        _credit(world, mark, store)
        _campaigns(world, mark, store)
        _imports(world, mark, store)
        _api_clients(world, mark, store)
        put_paid(world, mark, store)
        put_cases(world, mark, store, state="ACCEPTED" if mark == A1 else "REPLIED")
        put_till(world, mark, store)
        world.put(mark, AuditEvent.objects.create(
            verb="store.changed", store=store, target_type="tenancy.store", target_id=store.pk, reason=f"原因{mark}", happened_at=database_now(),
            actor=world.users[Role.PLATFORM_ADMIN],
        ))  # fmt: skip
    now = database_now()
    world.put(STAFF, ScenarioRank.objects.get_or_create(scenario=ScenarioCode.DORMANT, defaults={"place": 13})[0])
    world.put(STAFF, LedgerProof.objects.create(
        local_day=local_day(now), started_at=now, finished_at=now, difference_count=1,
        differences=[{"what": "account", "id": 1, "rule": STAFF, "told": None, "proved": None}],
    ))  # fmt: skip
    was_premium(merchants[BM])
    Applications(world, (DA, DB, AM, BM, STAFF)).make()
    put_reviews(world, B1)
    put_sanctions(world, AM, BM, STAFF)
    return world


def _people(world: World, merchants: dict[str, Merchant], stores: dict[str, Store], developers: dict[str, Developer]) -> None:
    places: dict[str, dict[str, Any]] = {role: {} for role in Role.values if role.startswith("PLATFORM_")}
    places |= {
        Role.MERCHANT_OWNER: {"merchant": merchants[AM]},
        Role.MERCHANT_OPERATOR: {"merchant": merchants[AM], "stores": [stores[A1]]},
        Role.MERCHANT_ANALYST: {"merchant": merchants[AM], "stores": [stores[A1], stores[A2]]},
        Role.DEVELOPER_OWNER: {"developer": developers[DA]},
        Role.DEVELOPER_MEMBER: {"developer": developers[DA]},
    }
    for role, place in places.items():
        mark = STAFF if not place else DA if "developer" in place else AM
        world.users[str(role)] = make_user(role, username=f"{role.lower()}", display_name=f"人员{mark}", **place)
    world.users["two_seats"] = make_user(Role.MERCHANT_OPERATOR, merchant=merchants[AM], stores=[stores[A1]], username="two_seats", display_name=f"人员{AM}")
    second = Seat.objects.create(user=world.users["two_seats"], role=Role.MERCHANT_ANALYST, merchant=merchants[AM])
    second.seat_stores.create(store=stores[A2])
    world.users["inactive"] = make_user(Role.PLATFORM_ADMIN, username="inactive", is_active=False, display_name=f"人员{STAFF}")
    world.users["no_seat"] = make_user(Role.PLATFORM_ADMIN, username="no_seat", display_name=f"人员{STAFF}")
    Seat.objects.filter(user=world.users["no_seat"]).update(revoked_at=database_now())
    foreign = {
        BM: make_user(Role.MERCHANT_OWNER, merchant=merchants[BM], username="foreign_owner", display_name=f"人员{BM}"),
        DB: make_user(Role.DEVELOPER_OWNER, developer=developers[DB], username="foreign_developer", display_name=f"人员{DB}"),
    }
    for mark, user in (*foreign.items(), (DA, world.users[Role.DEVELOPER_OWNER])):
        world.put(mark, user)
        world.put(mark, user.seats.get())
    world.put(STAFF, world.users["inactive"])
    world.put(STAFF, world.users["no_seat"])


def _members(world: World, mark: str, store: Store) -> None:
    now, amount = database_now(), AMOUNTS[mark]
    level = world.put(mark, Level.objects.create(store=store, name=f"等级{mark}", threshold=100, perks=f"权益{mark}"))
    world.put(mark, Level.objects.create(store=store, name=f"空等级{mark}", threshold=900))
    tag = world.put(mark, Tag.objects.create(store=store, name=f"标签{mark}"))
    for number, phone in enumerate(PHONES[mark]):
        member = world.put(mark, make_member(
            store, f"{mark}{number}", phone=phone, nickname=f"昵称{mark}", level=level, join_channel=f"渠道{mark}", credit_cards_on=number == 0,
            joined_at=now - timedelta(days=3),
        ))  # fmt: skip
        MemberTag.objects.create(member=member, tag=tag)
        PurchaseSummary.objects.create(member=member, store=store, order_count=1, amount=amount, last_purchase_at=now)
    member = world.rows[type(member)][mark][0]
    account = world.put(mark, CreditAccount.objects.create(store=store, member=member, balance=amount))
    lot = world.put(mark, CreditLot.objects.create(
        store=store, account=account, source_no=f"充值{mark}", principal_amount=amount, principal_left=amount, bonus_left=0,
        opened_at=now - timedelta(days=9), expires_at=now + timedelta(days=5),
    ))  # fmt: skip
    world.put(mark, CreditEntry.objects.create(
        store=store, account=account, lot=lot, kind=EntryKind.TOP_UP, principal_amount=amount, bonus_amount=0, balance_after=amount,
        idempotency_key=f"key{mark}", body_hash=b"0" * 32, order_no=f"订单{mark}", reason=f"原因{mark}", happened_at=now,
    ))  # fmt: skip
    world.put(mark, OrderLine.objects.create(store=store, order_no=f"单号{mark}", member=member, person=member.person, paid_at=now, amount=amount))
    world.put(mark, PushAccount.objects.create(store=store, name=f"微淘{mark}", broadcast_url=f"https://example.com/{mark}"))
    world.put(mark, Fan.objects.create(
        store=store, person=member.person, followed_at=now - timedelta(days=5), subscribed_at=now - timedelta(days=4), second_day=local_day(now)
    ))  # fmt: skip
    world.put(mark, Post.objects.create(store=store, post_id=f"内容{mark}", title=f"题目{mark}", published_at=now, published_on=local_day(now)))


def _credit(world: World, mark: str, store: Store) -> None:
    """What stands beside the ledger: one row of each kind."""
    now, amount = database_now(), AMOUNTS[mark]
    member, account, lot = (world.rows[model][mark][0] for model in (Member, CreditAccount, CreditLot))
    asker = world.users[Role.MERCHANT_OPERATOR] if mark != B1 else world.rows[User][BM][0]
    # Of each side one open store keeps the standard: the list of stores to choose from must not name the other side's.
    if mark != A2:
        world.put(mark, CreditPolicy.objects.create(store=world.rows[Store][mark][-1]))
    world.put(mark, CreditHold.objects.create(store=store, account=account, amount=amount, order_no=f"冻结{mark}", held_at=now - timedelta(days=20)))
    for status, error in ((PayoutStatus.RETURN_FAILED, f"退付{mark}"), (PayoutStatus.WAITING, "")):
        taken = CreditEntry.objects.create(
            store=store, account=account, lot=lot, kind=EntryKind.PAYOUT, principal_amount=0, bonus_amount=0, balance_after=amount,
            idempotency_key=f"payout{status}{mark}", body_hash=b"0" * 32, happened_at=now,
        )  # fmt: skip
        world.put(mark, CreditPayout.objects.create(
            store=store, account=account, lot=lot, entry=taken, cause=PayoutCause.LAPSE, amount=amount * 2, status=status, error=error, created_at=now,
        ))  # fmt: skip
    world.put(mark, CreditAdjustment.objects.create(
        store=store, account=account, principal_amount=amount, reason=f"调整{mark}", needs_second_person=True, idempotency_key=f"adjust{mark}",
        body_hash=b"0" * 32, requested_by=asker, requested_at=now,
    ))  # fmt: skip
    world.put(mark, Payment.objects.create(
        store=store, order_no=f"付款{mark}", member=member, person=member.person, paid_at=now, amount=amount, body_hash=b"0" * 32,
    ))  # fmt: skip
    world.put(mark, Event.objects.create(
        store=store, event_id=f"事件{mark}", person=member.person, member=member, name=f"行为{mark}", occurred_at=now, source=f"来源{mark}",
        properties={"url": f"页面{mark}"},
    ))  # fmt: skip


def _campaigns(world: World, mark: str, store: Store) -> None:
    now = database_now()
    member = next(rows[mark][0] for model, rows in world.rows.items() if model._meta.model_name == "member")
    world.put(mark, ReminderSetting.objects.create(store=store, enabled=True))
    world.put(mark, PaidReminderSetting.objects.create(store=store, ending_on=True))
    world.put(mark, LifecycleSetting.objects.create(store=store, scenario=ScenarioCode.DORMANT, enabled=True, days=90))
    world.put(mark, FrequencyRule.objects.create(scope="STORE", store=store, cap=1, window="ROLLING", window_days=7))
    world.put(mark, ReminderRun.objects.create(
        store=store, local_day=local_day(now), status=RunStatus.DONE, scheduled_at=now, started_at=now, finished_at=now, due_count=1, balance_count=1,
    ))  # fmt: skip
    for occasion, (status, day) in enumerate(((MessageStatus.SENT, 0), (MessageStatus.FAILED, 1), (MessageStatus.UNKNOWN, 2))):
        world.put(mark, Message.objects.create(
            store=store, person=member.person, member=member, scenario=ScenarioCode.BALANCE_REMINDER, occasion=20260000 + occasion,
            local_day=local_day(now) - timedelta(days=day), status=status, sent_at=now if status == MessageStatus.SENT else None, decided_at=now,
            params={"store": f"店铺{mark}"}, provider_id=f"通道{mark}", error=f"错误{mark}",
        ))  # fmt: skip
    world.put(mark, MessageTemplate.objects.create(store=store, scenario=ScenarioCode.BALANCE_REMINDER, title=f"标题{mark}", body=f"正文{mark}"))


def _imports(world: World, mark: str, store: Store) -> None:
    by = world.users[Role.MERCHANT_OWNER] if mark != B1 else world.rows[User][BM][0]
    job = ImportJob(
        kind="members", store=store, console="merchant", uploaded_by=by, handed_in_by=by, file_name=f"{mark}.csv", file_hash=mark * 8, file_size=10,
        status=JobStatus.CHECKED, rows_total=2, rows_done=2, bad_count=1, created_at=database_now(),
    )  # fmt: skip
    job.file.save(f"{mark}.csv", ContentFile(f"member_no\n{mark}\n".encode()), save=False)
    job.errors_file.save(f"{mark}-bad.csv", ContentFile(f"member_no\n{mark}\n".encode()), save=False)
    job.save()
    job.refresh_from_db()
    job.problems.create(line=2, column="phone", value=mark, code="phone")
    world.put(mark, job)


def _api_clients(world: World, mark: str, store: Store) -> None:
    made = create_client(name=f"系统{mark}", is_platform=False, stores=[store], by=None, now=database_now())
    world.put(mark, made.client)
    stopped = create_client(name=f"停用{mark}", is_platform=False, stores=[store], by=None, now=database_now()).client
    switch_client(client=stopped, active=False, by_platform=False, by=None, now=database_now(), reason=f"原因{mark}")
    world.put(mark, stopped)
