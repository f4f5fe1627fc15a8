"""Whether somebody is a paid member: asked of the dates of their terms, never of a flag."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import models

from backoffice.kernel.clock import local_day
from members.models import Member
from members.paid.choices import MembershipStatus
from members.paid.models import PaidMembership


@dataclass(frozen=True)
class Dates:
    """The dates of a paid term, all of them there."""

    opened_on: date
    anchor_on: date
    starts_on: date
    ends_on: date


def dates_of(membership: PaidMembership) -> Dates:
    """Raises ``LookupError`` for an order that was never paid: it has no term."""
    if membership.opened_at is None or membership.anchor_on is None or membership.starts_on is None or membership.ends_on is None:
        raise LookupError(f"order {membership.order_no} has no term")
    return Dates(local_day(membership.opened_at), membership.anchor_on, membership.starts_on, membership.ends_on)


def holding_on(day: date) -> models.Q:
    """Paid memberships whose term holds on ``day``: ``starts_on <= day < ends_on``."""
    return models.Q(starts_on__lte=day, ends_on__gt=day)


def get_term_on(member: Member, day: date) -> PaidMembership | None:
    """The paid membership that holds for ``member`` on the local ``day``, with program and pack; None: no paid member that day."""
    return PaidMembership.objects.filter(holding_on(day), member=member).select_related("program", "pack").first()


def is_paid_member(member: Member, now: datetime) -> bool:
    return PaidMembership.objects.filter(holding_on(local_day(now)), member=member).exists()


def list_open_terms(member_id: int, day: date) -> list[PaidMembership]:
    """Paid terms that hold on ``day`` or later, in order, with their programs and packs. Terms of a member never overlap."""
    terms = PaidMembership.objects.filter(member_id=member_id, status=MembershipStatus.ACTIVE, ends_on__gt=day)
    return list(terms.select_related("program", "pack").order_by("starts_on", "pk"))


def get_last_term(member_id: int, program_id: int) -> PaidMembership | None:
    """The last paid term of this program that was neither cancelled nor replaced: the one a renewal goes on from."""
    terms = PaidMembership.objects.filter(member_id=member_id, program_id=program_id, status=MembershipStatus.ACTIVE)
    return terms.select_related("program", "pack").order_by("-ends_on", "-pk").first()
