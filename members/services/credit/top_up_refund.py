"""Refunding a top-up: what is left of it goes back to the payer, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import FEN, ZERO
from backoffice.kernel.tenancy.models import User
from members.choices import EntryKind, HoldStatus, PayoutCause, TopUpRefundPolicy
from members.models import CreditEntry, CreditLot, CreditPayout, CreditPolicy
from members.selectors.policy import policy_of
from members.services.credit.book import Move, book, first_entry
from members.services.credit.lapse import payout_for, still_to_pay_back
from members.services.credit.requests import KEY_REUSED, CreditRefused, IdempotencyKeyReused, body_hash, check_text, conflicts_told
from members.services.locks import lock_account

NOTHING_LEFT = _("Nothing that was paid is left of this top-up.")


class TopUpRefundRefused(CreditRefused):
    """The top-up is not refunded; ``code`` says why: ``not_a_top_up``, ``top_up_refunded``, ``top_up_lapsed``, ``top_up_held``, ``nothing_left``."""

    code = "top_up_refund_refused"


@dataclass(frozen=True)
class TopUpRefund:
    """A refunded top-up, in positive yuan: ``paid_back`` is queued for the payer, ``voided`` is what else was left of principal and bonus."""

    lot_id: int
    paid_back: Decimal
    voided: Decimal
    replayed: bool


@in_transaction
def refund_top_up(*, store_id: int, source_no: str, idempotency_key: str, by: User | None, now: datetime) -> TopUpRefund:
    """Take everything that is left out of the lot of a top-up, and queue the payer's money, as the store's policy says.

    PRINCIPAL_ONLY pays back the principal that is left; RATIO pays back the price by the share of the lot that is left, rounded down to the fen.
    The rest is void. Never more in all than was paid for the lot. A second request is refused; the same key and request return the first
    result with ``replayed``. Raises ``TopUpRefundRefused``, ``NotFound``, ``IdempotencyKeyReused``, ``CreditRefused``; then nothing changed.
    """
    check_text("idempotency_key", idempotency_key, 128)
    check_text("source_no", source_no, 64)
    account_id = CreditLot.objects.filter(store_id=store_id, source_no=source_no).values_list("account_id", flat=True).first()
    account = lock_account(account_id) if account_id is not None else None
    if account is None:
        raise NotFound(_("There is no such top-up."))
    with conflicts_told():
        body = body_hash("TOP_UP_REFUND", account.pk, source_no=source_no)
        first = first_entry(store_id, idempotency_key)
        if first is not None:
            if bytes(first.body_hash) != body:
                raise IdempotencyKeyReused(KEY_REUSED)
            return _told(first, replayed=True)
        lot = CreditLot.objects.get(store_id=store_id, source_no=source_no)
        _check(lot, now)
        pay = _price_of_what_is_left(lot, policy_of(store_id))
        if pay <= 0:
            raise TopUpRefundRefused(NOTHING_LEFT, code="nothing_left")
        principal = min(pay, lot.principal_left)
        moves = [Move(lot, EntryKind.PAYOUT, principal=-principal, bonus=principal - pay)]
        if lot.principal_left + lot.bonus_left > pay:
            moves.append(Move(lot, EntryKind.LAPSE, principal=principal - lot.principal_left, bonus=pay - principal - lot.bonus_left))
        entries = book(account, moves, idempotency_key=idempotency_key, body=body, by=by, now=now)
        payout_for(account, entries[0], PayoutCause.TOP_UP_REFUND, now).save()
    return _told(entries[0], replayed=False)


@dataclass(frozen=True)
class TopUpRefundPreview:
    """What a refund of a top-up would do now, in positive yuan: ``paid_back`` to the payer, the rest of principal and bonus void."""

    paid_back: Decimal
    void_principal: Decimal
    void_bonus: Decimal
    policy: CreditPolicy


def preview_top_up_refund(*, lot: CreditLot, now: datetime) -> TopUpRefundPreview:
    """What ``refund_top_up`` would do with ``lot`` at ``now``, by the same arithmetic, without a lock and without writing.

    Raises ``TopUpRefundRefused`` where it would.
    """
    _check(lot, now)
    policy = policy_of(lot.store_id)
    pay = _price_of_what_is_left(lot, policy)
    if pay <= 0:
        raise TopUpRefundRefused(NOTHING_LEFT, code="nothing_left")
    principal = min(pay, lot.principal_left)
    return TopUpRefundPreview(pay, lot.principal_left - principal, lot.bonus_left - (pay - principal), policy)


def _check(lot: CreditLot, now: datetime) -> None:
    entries = CreditEntry.objects.filter(account_id=lot.account_id, lot=lot)
    if not entries.filter(kind=EntryKind.TOP_UP).exists():
        raise TopUpRefundRefused(_("This credit was not topped up, so there is no payment to give back."), code="not_a_top_up")
    if CreditPayout.objects.filter(lot=lot, cause=PayoutCause.TOP_UP_REFUND).exists():
        raise TopUpRefundRefused(_("This top-up was refunded before."), code="top_up_refunded")
    if lot.expires_at is not None and lot.expires_at <= now:
        raise TopUpRefundRefused(_("This top-up has lapsed. What was left of it goes the way that the store has set for lapsed credit."), code="top_up_lapsed")
    if entries.filter(kind=EntryKind.HOLD, hold__status=HoldStatus.HELD).exists():
        raise TopUpRefundRefused(_("Some of this top-up is held for an order. Refund it after the hold was captured or released."), code="top_up_held")


def share_to_pay_back(lot: CreditLot, top_up_refund: str) -> Decimal:
    """What a policy pays back for what is left of ``lot``, which need not be saved; what was paid back for it before is not looked at."""
    if top_up_refund != TopUpRefundPolicy.RATIO:
        pay: Decimal = lot.principal_left
        return pay
    left, whole = lot.principal_left + lot.bonus_left, lot.principal_amount + lot.bonus_amount
    return int(lot.principal_amount / FEN) * int(left / FEN) // int(whole / FEN) * FEN


def _price_of_what_is_left(lot: CreditLot, policy: CreditPolicy) -> Decimal:
    return min(share_to_pay_back(lot, policy.top_up_refund), still_to_pay_back(lot))


def _told(first: CreditEntry, *, replayed: bool) -> TopUpRefund:
    rest = CreditEntry.objects.filter(store_id=first.store_id, idempotency_key=first.idempotency_key, seq=2).first()
    voided = -(rest.principal_amount + rest.bonus_amount) if rest is not None else ZERO
    return TopUpRefund(first.lot_id, -(first.principal_amount + first.bonus_amount), voided, replayed)
