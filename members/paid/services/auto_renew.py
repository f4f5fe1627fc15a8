"""Automatic renewal: only with the member's consent, and only when the notice went out in time. We order; the store's payment system charges."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db.models import CharField, Exists, F, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import day_end, local_day
from backoffice.kernel.errors import BusinessError, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from members.paid.choices import MembershipSource, MembershipStatus
from members.paid.models import PaidMembership
from members.paid.selectors.numbers import get_numbers
from members.paid.selectors.validity import dates_of
from members.paid.services.locks import lock_member_by_id, lock_membership
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
    """The member agrees to automatic renewal, or no longer does: of this term and those that follow it. A new consent needs a new notice."""
    require_in_store(by, "paid.sell_membership", membership.store_id)
    lock_member_by_id(membership.member_id)
    stored = lock_membership(membership.pk)
    if stored is None:
        raise NotFound(_("There is no such row."))
    if stored.status != MembershipStatus.ACTIVE or dates_of(stored).ends_on <= local_day(now):
        raise PaidRefused(_("Only a paid membership that holds, or is still to come, can renew itself."), code="not_running")
    if (stored.auto_renew_consent_at is not None) == on:
        return stored
    chain = PaidMembership.objects.filter(member_id=stored.member_id, program_id=stored.program_id, status=MembershipStatus.ACTIVE)
    chain.filter(starts_on__gte=stored.starts_on).update(auto_renew_consent_at=now if on else None, renewal_notice_at=None)
    record_event("membership.consent_changed", target=stored, store=stored.store_id, by=by, now=now, on=on, order=stored.order_no)
    membership.refresh_from_db()
    return membership


def renew_due(*, now: datetime, limit: int = 1_000) -> RenewalReport:
    """Order the renewal of terms on their last day, whose member agreed and was told at least ``renewal_notice_days`` before the end, of today's fee.

    One order a term: what is not paid in time lapses and is not ordered again. A pack that was approved after the notice stops it, because the
    member was told of another fee. Twice, and at the same time as itself, orders once: the order's number is the term's.
    """
    ordered = refused = 0
    for membership in _due(now, limit):
        try:
            renew(
                store=membership.store,
                member=membership.member,
                program=membership.program,
                order_no=renewal_order_no(membership),
                source=MembershipSource.AUTO_RENEWAL,
                by=None,
                now=now,
            )
            ordered += 1
        except BusinessError as no:
            refused += 1
            log.info("paid.renewal_refused", paid_membership=membership.pk, code=no.code)
    return RenewalReport(ordered, refused)


def renewal_order_no(membership: PaidMembership) -> str:
    """Number of the order that renews this term by itself."""
    return f"{OWN_ORDER}{membership.pk}"


def _due(now: datetime, limit: int) -> list[PaidMembership]:
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
    return list(due.select_related("store", "member", "program").order_by("pk")[:limit])
