"""Automatic renewal: only with the member's consent, and only when the notice went out in time. We order; the store's payment system charges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import models
from django.db.models import CharField, Exists, F, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import day_end, local_day
from backoffice.kernel.errors import BusinessError, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import MembershipSource, MembershipStatus
from members.paid.models import PaidMembership, PaidProgram
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.validity import dates_of
from members.paid.services.cancel import drop_order
from members.paid.services.locks import lock_member_by_id, lock_membership, lock_program
from members.paid.services.purchases import renew
from members.paid.services.rights import PaidRefused, require_in_store

OWN_ORDER = "AUTO-"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class RenewalReport:
    """Orders made, and terms whose renewal a rule refused (sold out, closed, barred ...)."""

    ordered: int = 0
    refused: int = 0


@in_transaction
def set_consent(*, membership: PaidMembership, on: bool, by: User | None, now: datetime) -> PaidMembership:
    """The member agrees to automatic renewal, or no longer does: of this term and those that follow it. A new consent needs a new notice.

    A renewal that was ordered by itself and waits for its payment lapses with the consent.
    """
    require_in_store(by, "paid.sell_membership", membership.store_id)
    lock_member_by_id(membership.member_id)
    program = lock_program(membership.program_id)
    stored = lock_membership(membership.pk)
    if stored is None or program is None:
        raise NotFound(_("There is no such row."))
    if stored.status != MembershipStatus.ACTIVE or dates_of(stored).ends_on <= local_day(now):
        raise PaidRefused(_("Only a paid membership that holds, or is still to come, can renew itself."), code="not_running")
    if (stored.auto_renew_consent_at is not None) == on:
        return stored
    chain = PaidMembership.objects.filter(member_id=stored.member_id, program_id=stored.program_id, status=MembershipStatus.ACTIVE)
    chain.filter(starts_on__gte=stored.starts_on).update(auto_renew_consent_at=now if on else None, renewal_notice_at=None)
    if not on:
        _drop_own_order(stored, program, now)
    record_event("membership.consent_changed", target=stored, store=stored.store_id, by=by, now=now, on=on, order=stored.order_no)
    membership.refresh_from_db()
    return membership


def renew_due(*, now: datetime, limit: int = 1_000) -> RenewalReport:
    """Order the renewal of terms on their last day, whose member agreed and was told at least ``renewal_notice_days`` before the end, of today's fee.

    One order a term: what is not paid in time lapses and is not ordered again. A pack that was approved after the notice stops it, because the
    member was told of another fee. Twice, and at the same time as itself, orders once: the order's number is the term's.
    """
    ordered = refused = 0
    for membership in _due(now).order_by("pk")[:limit]:
        try:
            ordered += _renew(membership=membership, now=now)
        except BusinessError as no:
            refused += 1
            log.info("paid.renewal_refused", paid_membership=membership.pk, code=no.code)
    return RenewalReport(ordered, refused)


@in_transaction
def _renew(*, membership: PaidMembership, now: datetime) -> bool:
    """Order one renewal. Under the locks consent, notice and fee are asked again: whoever took the consent back meanwhile is not renewed."""
    require_no_bar(membership.store_id)
    lock_member_by_id(membership.member_id)
    lock_program(membership.program_id)
    due = _due(now).filter(pk=membership.pk).first()
    if due is None:
        return False
    order_no, source = renewal_order_no(due), MembershipSource.AUTO_RENEWAL
    renew(store=due.store, member=due.member, program=due.program, order_no=order_no, source=source, by=None, now=now)
    return True


def _drop_own_order(membership: PaidMembership, program: PaidProgram, now: datetime) -> None:
    """The renewal that was ordered by itself and is not paid yet: nobody may charge it any more."""
    own = PaidMembership.objects.filter(member_id=membership.member_id, program_id=program.pk, source=MembershipSource.AUTO_RENEWAL)
    for order in own.filter(status=MembershipStatus.PENDING).select_for_update():
        drop_order(order, program, reason=str(_("The member no longer agrees to automatic renewal.")), now=now)


def renewal_order_no(membership: PaidMembership) -> str:
    """Number of the order that renews this term by itself."""
    return f"{OWN_ORDER}{membership.pk}"


def _due(now: datetime) -> models.QuerySet[PaidMembership]:
    today = local_day(now)
    told_by = day_end(today + timedelta(days=1 - get_numbers().renewal_notice_days))
    orders = PaidMembership.objects.filter(store_id=OuterRef("store_id"), order_no=Concat(Value(OWN_ORDER), Cast(OuterRef("pk"), CharField())))
    later = PaidMembership.objects.filter(member_id=OuterRef("member_id"), starts_on__gte=OuterRef("ends_on"))
    due = PaidMembership.objects.filter(
        ~Exists(orders),
        ~Exists(later),
        status=MembershipStatus.ACTIVE,
        starts_on__lte=today,
        ends_on=today + timedelta(days=1),
        auto_renew_consent_at__isnull=False,
        renewal_notice_at__gte=F("auto_renew_consent_at"),
        renewal_notice_at__lt=told_by,
        program__pack__decided_at__lte=F("renewal_notice_at"),
    )
    return due.select_related("store", "member", "program")
