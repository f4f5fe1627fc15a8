"""A handful of payments after the day's reminders: with credit, with a hold, refunded, one too many for the day, without credit.

What is played is written down once, next to the demo's files, so that a demo that is started again tells exactly the same and changes nothing.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from backoffice.kernel import clock
from campaigns.choices import MessageStatus, ScenarioCode
from campaigns.models import Message, ReminderSetting
from members.choices import MemberStatus
from members.models import CreditAccount, Member
from members.selectors.credit import get_balance
from members.services.credit import hold
from members.services.payments import PaymentLine, RefundOf, record_payment, refund_payment

STORES = 5
LEAST_BALANCE = Decimal("60.00")
HANDED_OVER_WITHIN = 20.0


@dataclass(frozen=True)
class Scene:
    """One payment of the play: yuan of two lines, credit in it, what was held for it before, and whether its first line is refunded afterwards."""

    store: str
    member_no: str
    order_no: str
    paid_at: str
    amounts: tuple[str, str]
    credit: str
    held: str = ""
    refunded: bool = False


# Of each store: who pays (the first, second, ... member with credit), yuan of the lines, credit, held before, refunded.
PLAY = (
    (0, ("60.00", "40.00"), "10.00", "", False),
    (1, ("88.00", "12.50"), "12.00", "20.00", False),
    (2, ("45.00", "30.00"), "15.00", "", True),
    (3, ("20.00", "9.90"), "5.00", "", False),
    (3, ("30.00", "9.90"), "5.00", "", False),
    (3, ("40.00", "9.90"), "5.00", "", False),
    (4, ("199.00", "1.00"), "0.00", "", False),
)


def play_payments(folder: Path, now: datetime, say: Callable[[str], None]) -> int:
    """Record the payments; how many of them are new. Safe to stop half-way and to start again."""
    place = folder / "payments.json"
    if not place.exists():
        draft = place.with_suffix(".draft")
        draft.write_text(json.dumps([asdict(scene) for scene in _choose(now)], ensure_ascii=False), encoding="utf-8")
        draft.rename(place)
    logging.getLogger("django_structlog.celery.receivers").setLevel(logging.WARNING)  # not a line for each wake-up among the demo's own
    scenes = [Scene(**entry | {"amounts": tuple(entry["amounts"])}) for entry in json.loads(place.read_text(encoding="utf-8"))]
    new = sum(_play(scene) for scene in scenes)
    say(f"{len(scenes)} payments told, {new} of them new")
    return new


def _choose(now: datetime) -> list[Scene]:
    """The first members by number with enough credit, of the first stores by code whose reminders are on."""
    scenes = []
    day = clock.local_day(now).strftime("%Y%m%d")
    stores = ReminderSetting.objects.filter(enabled=True).order_by("store__code").values_list("store_id", "store__code")
    for store_id, code in stores[:STORES]:
        payers = _payers(store_id, now)
        for number, (who, amounts, credit, held, refunded) in enumerate(PLAY, start=1):
            if who < len(payers):
                scenes.append(Scene(code, payers[who].member_no, f"演示{day}{number:03d}", now.isoformat(), amounts, credit, held, refunded))
    return scenes


def _payers(store_id: int, now: datetime) -> list[Member]:
    accounts = CreditAccount.objects.filter(store_id=store_id, balance__gte=LEAST_BALANCE, member__status=MemberStatus.ACTIVE, member__credit_cards_on=True)
    found = []
    for account in accounts.select_related("member").order_by("member__member_no").iterator(chunk_size=100):
        if get_balance(account, now) >= LEAST_BALANCE:
            found.append(account.member)
        if len(found) > max(who for who, *_rest in PLAY):
            break
    return found


def _play(scene: Scene) -> bool:
    member = Member.objects.select_related("store").get(store__code=scene.store, member_no=scene.member_no)
    key, paid_at, now = f"demo:{scene.store}:{scene.order_no}", datetime.fromisoformat(scene.paid_at), clock.database_now()
    held = None
    if scene.held:
        held = hold(member=member, amount=Decimal(scene.held), order_no=scene.order_no, idempotency_key=f"{key}:hold", by=None, now=now)
    paid = record_payment(
        store=member.store,
        member=member,
        order_no=scene.order_no,
        paid_at=paid_at,
        amount=sum(map(Decimal, scene.amounts), Decimal(0)),
        credit_used=Decimal(scene.credit),
        lines=[PaymentLine(number, Decimal(amount)) for number, amount in enumerate(scene.amounts, start=1)],
        hold_id=held.hold_id if held else None,
        idempotency_key=key,
        by=None,
        now=now,
    )
    if scene.refunded:
        refund_payment(store=member.store, order_no=scene.order_no, lines=[RefundOf(1)], refunded_at=paid_at, idempotency_key=f"{key}:refund", by=None, now=now)
    return paid.created


def wait_for_notices(say: Callable[[str], None]) -> None:
    """The worker was woken by each payment: give it a moment to hand the notices over by itself."""
    waiting = Message.objects.filter(scenario=ScenarioCode.AFTER_PAYMENT, status=MessageStatus.PENDING)
    started = time.monotonic()
    if not waiting.exists():
        return
    while waiting.exists() and time.monotonic() - started < HANDED_OVER_WITHIN:
        time.sleep(0.05)
    say(f"The worker handed the notices over within {time.monotonic() - started:.1f} seconds" if not waiting.exists() else "Some notices still wait")
