"""Claiming messages for one call to a gateway: leased to one worker, told whether an earlier attempt is still in doubt."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from backoffice.kernel import clock
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from campaigns.choices import CREDIT_CARDS, LIFECYCLE, MARKETING_CARDS, NO_EXTRA_RULES, MessageStatus, SuppressionReason
from campaigns.gateways.base import WireMessage, message_key, person_reference
from campaigns.gateways.chosen import Target
from campaigns.scenarios.cards import CardTexts
from campaigns.selectors.frequency import get_quiet_hours
from campaigns.services.ending import Ended, end_messages

LEASE = timedelta(seconds=30)
OWN_STOPS = {"attempts", "key_window"}
"""Stops that come from handing over and are stored as error. The others are reasons why it must not go any more."""


@dataclass(frozen=True)
class Leased:
    """A message in a worker's hands. ``was_in_doubt``: an attempt before this one may have delivered it."""

    id: int
    was_in_doubt: bool
    attempt_count: int
    first_attempt_at: datetime
    claimed_at: datetime
    """This attempt, and the first one, by the database's real clock."""
    wire: WireMessage | None
    """``None`` when its text could not be filled in."""


@dataclass
class Claim:
    """One batch. ``moment`` is the business time of the claim: what is accepted counts as sent then."""

    target: Target
    token: uuid.UUID
    moment: datetime
    messages: list[Leased] = field(default_factory=list)
    ended: Ended = field(default_factory=Ended)
    postponed: int = 0
    """Messages that wait for the end of their quiet hours, later the same day."""
    read_at: float | None = None
    """This process's clock when ``moment`` was read; ``None`` when the business time is fixed."""

    @property
    def is_empty(self) -> bool:
        """Nothing waited: neither leased nor stopped."""
        return not self.messages and not self.ended.total and not self.postponed

    @property
    def wire(self) -> list[WireMessage]:
        return [message.wire for message in self.messages if message.wire is not None]


def may_claim(moment: datetime) -> bool:
    """Claiming stops one gateway time-out before local midnight: a message goes out on the day whose slot it holds."""
    return clock.day_end(clock.local_day(moment)) - moment > timedelta(seconds=settings.GATEWAY_TIMEOUT_SECONDS)


@in_transaction
def claim_messages(*, target: Target, now: datetime, limit: int, notices: bool = False) -> Claim:
    """Lease up to ``limit`` waiting messages of today's and the gateway's; those that must not go any more are ended instead.
    ``notices``: only what goes at once.

    The attempt is counted, and in doubt, from the moment this commits: before the call, so that a worker's death in
    between is known as "may have been delivered".
    """
    claim = Claim(target, uuid.uuid4(), now)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
    rows = fetch_all(load_sql("campaigns", "claim_messages"), _parameters(claim, clock.local_day(now), limit, notices))
    rows.sort(key=lambda row: int(row["id"]))
    stopped = [row for row in rows if row["stop"]]
    postponed = _postpone_quiet([row for row in stopped if row["stop"] == SuppressionReason.QUIET_HOURS], now)
    claim.postponed = len(postponed)
    claim.ended = _end_stopped([row for row in stopped if row["id"] not in postponed])
    leased = [row for row in rows if not row["stop"]]
    texts = CardTexts({row["store_id"] for row in leased}) if leased else None
    claim.messages = [
        Leased(row["id"], row["was_in_doubt"], row["attempt_count"], row["first_attempt_at"], row["claimed_at"], _wire(row, target, texts))
        for row in leased
        if texts
    ]
    crash_point("dispatch.in_claim")
    return claim


def _parameters(claim: Claim, day: date, limit: int, notices: bool) -> dict[str, Any]:
    return {
        "stores": list(claim.target.stores),
        "local_day": day,
        "batch": limit,
        "token": claim.token,
        "lease": LEASE,
        "key_window": claim.target.gateway.key_window,
        "most_attempts": settings.GATEWAY_MAX_ATTEMPTS,
        "credit_cards": list(CREDIT_CARDS),
        "consent_cards": list(MARKETING_CARDS),
        "lifecycle": list(LIFECYCLE),
        "no_extra_rules": list(NO_EXTRA_RULES),
        "local_time": clock.to_local(claim.moment).time(),
        "notices": notices,
    }


def _postpone_quiet(rows: list[dict[str, Any]], now: datetime) -> set[int]:
    """Those of the messages in quiet hours that can go later the same day: they keep their slot and wait. The others are ended: decided again next day."""
    if not rows:
        return set()
    quiet, day = get_quiet_hours(), clock.local_day(now)
    pauses: dict[int, timedelta] = {}
    for row in rows:
        ends = quiet.ends_at(row["place_id"], row["kind"], now) or now
        if clock.local_day(ends) == day:
            pauses[row["id"]] = ends - now
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE campaigns_message AS message SET next_attempt_at = clock_timestamp() + quiet.pause
              FROM unnest(%(ids)s::bigint[], %(pauses)s::interval[]) AS quiet(id, pause)
             WHERE message.id = quiet.id
            """,
            {"ids": list(pauses), "pauses": list(pauses.values())},
        )
    return set(pauses)


def _end_stopped(rows: list[dict[str, Any]]) -> Ended:
    """Messages that must not be handed over: unknown when an attempt is in doubt, else cancelled with the reason."""
    ended = Ended()
    if not rows:
        return ended
    doubtful = {row["id"]: row["stop"] if row["stop"] in OWN_STOPS else "stopped" for row in rows if row["was_in_doubt"]}
    certain = [row for row in rows if not row["was_in_doubt"]]
    ended.add(end_messages(doubtful, status=MessageStatus.UNKNOWN))
    ended.add(end_messages({row["id"]: row["stop"] for row in certain if row["stop"] in OWN_STOPS}, status=MessageStatus.FAILED))
    for reason in {row["stop"] for row in certain} - OWN_STOPS:
        ended.add(end_messages({row["id"]: "" for row in certain if row["stop"] == reason}, status=MessageStatus.CANCELLED, reason=reason))
    return ended


def _wire(row: Mapping[str, Any], target: Target, texts: CardTexts) -> WireMessage | None:
    """The message as it goes over the wire. ``None`` when its text cannot be filled in: that must not stop the others."""
    store = target.stores[row["store_id"]]
    params = row["params"] if isinstance(row["params"], dict) else json.loads(row["params"])
    try:
        text = texts.render(store_id=store.pk, store_name=store.name, scenario=row["scenario"], language=row["language"], params=params)
    except (BusinessError, LookupError, ValueError, TypeError, ArithmeticError):
        return None
    return {
        "id": str(row["id"]),
        "idempotency_key": message_key(store_id=store.pk, person_id=row["person_id"], scenario=row["scenario"], occasion=row["occasion"]),
        "scenario": row["scenario"],
        "store": store.code,
        "member_no": row["member_no"],
        "person": person_reference(target.gateway, row["person_id"]),
        "local_day": row["local_day"].isoformat(),
        "decided_at": clock.to_local(row["decided_at"]).isoformat(),
        "language": row["language"],
        "title": text.title,
        "body": text.body,
        "params": params,
        "target_url": None,
    }


def seconds_until_claimable(store_ids: Collection[int], now: datetime) -> float | None:
    """Real seconds until something of today's can be claimed that another worker holds now; ``None`` when nobody holds anything.

    0 when a row is neither leased nor in backoff and yet was passed over: it is locked by a claim that commits, or dies, soon.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT EXTRACT(EPOCH FROM min(GREATEST(lease_until, clock_timestamp())) - clock_timestamp()) FROM campaigns_message
             WHERE status = 'PENDING' AND local_day = %s AND store_id = ANY(%s)
               AND (lease_until > clock_timestamp() OR next_attempt_at IS NULL OR next_attempt_at <= clock_timestamp())
            """,
            [clock.local_day(now), list(store_ids)],
        )
        row = cursor.fetchone()
    return None if row[0] is None else max(0.0, float(row[0]))
