"""Corrections by hand: with a reason, and above the store's limit only with a second person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from django.db.models import F, Sum
from django.db.models.functions import Abs
from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.choices import ADJUSTMENT_TRANSITIONS, AdjustmentStatus, EntryKind
from members.models import CreditAccount, CreditAdjustment, CreditLot, Member
from members.selectors.credit import list_spendable_lots
from members.selectors.policy import policy_of
from members.services.credit.book import Move, book
from members.services.credit.requests import (
    KEY_REUSED,
    LARGEST_AMOUNT,
    AmountRefused,
    CreditRefused,
    IdempotencyKeyReused,
    body_hash,
    check_text,
    conflicts_told,
    yuan,
)
from members.services.locks import lock_account, lock_account_of, open_and_lock_account_of


class NotEnoughToTake(CreditRefused):
    """``principal`` and ``bonus`` (yuan) are what could be taken at most."""

    code = "not_enough_credit"

    def __init__(self, *, principal: Decimal, bonus: Decimal) -> None:
        sentence = _("Only %(principal)s yuan of principal and %(bonus)s yuan of bonus can be taken.") % {
            "principal": format_yuan(principal),
            "bonus": format_yuan(bonus),
        }
        super().__init__(sentence, principal=principal, bonus=bonus)


@dataclass(frozen=True)
class _Wish:
    """A read request. ``principal`` and ``bonus`` are signed yuan of one direction."""

    principal: Decimal
    bonus: Decimal
    lot_id: int | None
    expires_at: datetime | None

    @property
    def is_plus(self) -> bool:
        return self.principal + self.bonus > 0


@in_transaction
def request_adjustment(
    *,
    account: CreditAccount | None = None,
    member: Member | None = None,
    principal: Decimal,
    bonus: Decimal,
    lot: CreditLot | None = None,
    expires_at: datetime | None = None,
    reason: str,
    idempotency_key: str,
    by: User,
    now: datetime,
) -> CreditAdjustment:
    """Adjust an account (or the member's) by signed yuan of principal and bonus, at once or after a second person approved it.

    Plus opens a lot of its own that lapses at ``expires_at`` (``None``: never); minus takes from ``lot`` or, without one, from the lots in
    spending order, principal from principal and bonus from bonus. It is applied at once when it and what ``by`` adjusted alone on this account on
    this local day, plus and minus added up as amounts, are within the store's limit; else it waits (``REQUESTED``) and nothing moves yet.
    The same key and request return the first row as it now is. Raises ``AmountRefused``, ``NotEnoughToTake``, ``CreditRefused`` (``reason_missing``,
    ``lot_not_open``, ``expires_before_opening``, ``adjustment_invalid``), ``NotFound``, ``IdempotencyKeyReused``; then nothing changed.
    """
    reason = reason.strip()
    if not reason:
        raise CreditRefused(_("Say why the credit is adjusted."), code="reason_missing", field="reason")
    check_text("reason", reason, 500)
    check_text("idempotency_key", idempotency_key, 128)
    wish = _read(principal, bonus, lot, expires_at)
    locked = _lock(account, member, wish)
    body = body_hash(
        EntryKind.ADJUST,
        locked.pk,
        principal=wish.principal,
        bonus=wish.bonus,
        lot=wish.lot_id,
        expires_at=expires_at and expires_at.timestamp(),
        reason=reason,
        by=by.pk,
    )
    before = CreditAdjustment.objects.filter(store_id=locked.store_id, idempotency_key=idempotency_key).first()
    if before is not None:
        if bytes(before.body_hash) != body:
            raise IdempotencyKeyReused(KEY_REUSED)
        return before
    # Not before the key is known to be new: a request that is sent again after its expiry gets the first answer.
    if expires_at is not None and expires_at <= now:
        raise CreditRefused(_("The expiry must lie in the future."), code="expires_before_opening", field="expires_at")
    alone = abs(wish.principal + wish.bonus) + _adjusted_alone(locked, by, now)
    adjustment = CreditAdjustment(
        store_id=locked.store_id,
        account=locked,
        lot_id=wish.lot_id,
        principal_amount=wish.principal,
        bonus_amount=wish.bonus,
        expires_at=expires_at,
        reason=reason,
        needs_second_person=alone > policy_of(locked.store_id).adjustment_limit,
        idempotency_key=idempotency_key,
        body_hash=body,
        requested_by=by,
        requested_at=now,
    )
    try:
        adjustment.save()
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") == "credit_adjustment_once_per_key":
            raise IdempotencyKeyReused(KEY_REUSED) from error
        raise
    if adjustment.needs_second_person:
        if not wish.is_plus:
            _what_to_take(locked, wish.principal, wish.bonus, wish.lot_id, now)  # refused now rather than when the second person approves
        _tell("credit_adjustment.requested", adjustment, by, now, reason)
    else:
        _apply(adjustment, locked, by, now)
        _tell("credit_adjustment.applied", adjustment, by, now, reason)
    return adjustment


@in_transaction
def approve_adjustment(*, adjustment: CreditAdjustment, by: User, now: datetime) -> CreditAdjustment:
    """Apply an adjustment that waits for a second person; ``by`` is not who asked for it (the database refuses that too).

    What it takes is decided on the lots as they are now. Raises ``NotAllowed``, ``StateConflict`` when it does not wait any more, ``NotEnoughToTake``,
    ``CreditRefused``; then nothing changed.
    """
    stored, account = _locked(adjustment)
    if by.pk == stored.requested_by_id:
        raise NotAllowed(_("You asked for this adjustment yourself: somebody else must approve it."), code="second_person_needed")
    _check_waits(stored)
    _apply(stored, account, by, now)
    _tell("credit_adjustment.applied", stored, by, now, stored.reason)
    return stored


@in_transaction
def refuse_adjustment(*, adjustment: CreditAdjustment, reason: str, by: User, now: datetime) -> CreditAdjustment:
    """Refuse an adjustment that waits, and say why. Raises ``NotAllowed`` to who asked for it (they withdraw it), ``StateConflict``, ``CreditRefused``."""
    reason = reason.strip()
    if not reason:
        raise CreditRefused(_("Say why the adjustment is refused."), code="reason_missing", field="reason")
    check_text("reason", reason, 500)
    stored, _account = _locked(adjustment)
    if by.pk == stored.requested_by_id:
        raise NotAllowed(_("You asked for this adjustment yourself: withdraw it instead."), code="second_person_needed")
    _check_waits(stored)
    transition(stored, AdjustmentStatus.REFUSED, table=ADJUSTMENT_TRANSITIONS, decided_by=by, decided_at=now, decision_reason=reason)
    _tell("credit_adjustment.refused", stored, by, now, reason)
    return stored


@in_transaction
def withdraw_adjustment(*, adjustment: CreditAdjustment, by: User, now: datetime) -> CreditAdjustment:
    """Take back an adjustment that waits; only who asked for it. Raises ``NotAllowed``, ``StateConflict``; then nothing changed."""
    stored, _account = _locked(adjustment)
    if by.pk != stored.requested_by_id:
        raise NotAllowed(_("Only who asked for an adjustment withdraws it; others refuse it."))
    _check_waits(stored)
    transition(stored, AdjustmentStatus.WITHDRAWN, table=ADJUSTMENT_TRANSITIONS, decided_by=by, decided_at=now)
    _tell("credit_adjustment.withdrawn", stored, by, now, "")
    return stored


def adjustable_alone(*, account: CreditAccount, by: User, now: datetime) -> Decimal:
    """Yuan that ``by`` may still adjust on the account on the local day of ``now`` without a second person; for dialogs that say so beforehand."""
    limit: Decimal = policy_of(account.store_id).adjustment_limit
    return max(ZERO, limit - _adjusted_alone(account, by, now))


def adjustment_key(adjustment: CreditAdjustment) -> str:
    """The idempotency key of its entries, and the top-up number of the lot that a plus opens."""
    return f"adjust:{adjustment.pk}"


def _read(principal: Decimal, bonus: Decimal, lot: CreditLot | None, expires_at: datetime | None) -> _Wish:
    wish = _Wish(yuan(principal, least=-LARGEST_AMOUNT), yuan(bonus, least=-LARGEST_AMOUNT), lot.pk if lot is not None else None, expires_at)
    if wish.principal + wish.bonus == 0 or wish.principal * wish.bonus < 0:
        raise AmountRefused(_("An adjustment adds or takes something: principal and bonus have the same sign, and not both are zero."))
    if wish.is_plus and lot is not None:
        raise CreditRefused(_("What is added gets a lot of its own."), code="adjustment_invalid", field="lot")
    if not wish.is_plus and expires_at is not None:
        raise CreditRefused(_("What is taken away has no expiry."), code="adjustment_invalid", field="expires_at")
    return wish


def _lock(account: CreditAccount | None, member: Member | None, wish: _Wish) -> CreditAccount:
    if account is not None:
        locked = lock_account(account.pk)
        if locked is None:
            raise NotFound(_("There is no such credit account."))
        return locked
    if member is None:
        raise TypeError("an account or a member is needed")
    if wish.is_plus:
        return open_and_lock_account_of(member)
    locked = lock_account_of(member)
    if locked is None:
        raise NotEnoughToTake(principal=ZERO, bonus=ZERO)
    return locked


def _locked(adjustment: CreditAdjustment) -> tuple[CreditAdjustment, CreditAccount]:
    """The adjustment as stored now and its account, both locked, the account first."""
    account = lock_account(adjustment.account_id)
    stored = CreditAdjustment.objects.select_for_update(of=("self",)).filter(pk=adjustment.pk).first()
    if account is None or stored is None:
        raise NotFound(_("There is no such adjustment."))
    return stored, account


def _check_waits(adjustment: CreditAdjustment) -> None:
    if adjustment.status != AdjustmentStatus.REQUESTED:
        raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))


def _adjusted_alone(account: CreditAccount, by: User, now: datetime) -> Decimal:
    """What ``by`` adjusted without a second person on the account on the local day of ``now``: amounts without their signs. Under the account's lock."""
    day = clock.local_day(now)
    alone = CreditAdjustment.objects.filter(
        account=account,
        requested_by=by,
        requested_at__gte=clock.day_start(day),
        requested_at__lt=clock.day_end(day),
        status=AdjustmentStatus.APPLIED,
        needs_second_person=False,
    ).aggregate(amount=Sum(Abs(F("principal_amount") + F("bonus_amount"))))
    amount: Decimal | None = alone["amount"]
    return amount or ZERO


def _apply(adjustment: CreditAdjustment, account: CreditAccount, by: User, now: datetime) -> None:
    """Write the entries. The caller holds the account's lock and has checked that the adjustment waits or is new."""
    key = adjustment_key(adjustment)
    moves: Sequence[Move]
    with conflicts_told():
        if adjustment.principal_amount + adjustment.bonus_amount > 0:
            if adjustment.expires_at is not None and adjustment.expires_at <= now:
                raise CreditRefused(_("Its expiry has passed meanwhile. Refuse it, and ask for a new one."), code="expires_before_opening")
            adjustment.lot = CreditLot.objects.create(
                store_id=account.store_id,
                account=account,
                source_no=key,
                principal_amount=adjustment.principal_amount,
                bonus_amount=adjustment.bonus_amount,
                principal_left=ZERO,
                bonus_left=ZERO,
                opened_at=now,
                expires_at=adjustment.expires_at,
            )
            moves = [Move(adjustment.lot, EntryKind.ADJUST, principal=adjustment.principal_amount, bonus=adjustment.bonus_amount)]
        else:
            moves = _what_to_take(account, adjustment.principal_amount, adjustment.bonus_amount, adjustment.lot_id, now)
        book(account, moves, idempotency_key=key, body=bytes(adjustment.body_hash), by=by, now=now, reason=adjustment.reason)
    decided: dict[str, Any] = {"decided_by": by, "decided_at": now} if adjustment.needs_second_person else {}
    transition(adjustment, AdjustmentStatus.APPLIED, table=ADJUSTMENT_TRANSITIONS, lot_id=adjustment.lot_id, **decided)


def _what_to_take(account: CreditAccount, principal: Decimal, bonus: Decimal, lot_id: int | None, now: datetime) -> list[Move]:
    """The moves of a minus (``principal`` and ``bonus`` are zero or below). A lot whose time has passed gives nothing: what is left of it lapses."""
    lots = list_spendable_lots(account, now)
    if lot_id is not None:
        lots = lots.filter(pk=lot_id)
        if not lots.exists():
            raise CreditRefused(_("This lot is not the account's, or nothing that could be taken is left in it."), code="lot_not_open", field="lot")
    need_principal, need_bonus, moves = -principal, -bonus, []
    for lot in lots.iterator(chunk_size=100):
        from_principal, from_bonus = min(need_principal, lot.principal_left), min(need_bonus, lot.bonus_left)
        if from_principal or from_bonus:
            moves.append(Move(lot, EntryKind.ADJUST, principal=-from_principal, bonus=-from_bonus))
        need_principal, need_bonus = need_principal - from_principal, need_bonus - from_bonus
        if not need_principal and not need_bonus:
            return moves
    there = lots.order_by().aggregate(principal=Sum("principal_left"), bonus=Sum("bonus_left"))
    raise NotEnoughToTake(principal=there["principal"] or ZERO, bonus=there["bonus"] or ZERO)


def _tell(verb: str, adjustment: CreditAdjustment, by: User, now: datetime, reason: str) -> None:
    facts = {"principal": str(adjustment.principal_amount), "bonus": str(adjustment.bonus_amount), "account": adjustment.account_id}
    record_event(verb, target=adjustment, store=adjustment.store_id, by=by, now=now, reason=reason, **facts)
