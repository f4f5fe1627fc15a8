"""What a sanction stops, asked beforehand and kept with it, and who is under one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import models

from backoffice.kernel.tenancy.models import Merchant, Store
from members.paid.choices import OPEN_REVIEWS, PAID_STATES, ProgramStatus, SanctionStatus
from members.paid.models import PaidMembership, PaidProgram, Sanction


@dataclass(frozen=True)
class Stopped:
    """A program that a sanction revokes. ``holders``: members in a paid term today; ``selling_until``: the last end of those terms."""

    program: PaidProgram
    holders: int
    last_end: date | None


@dataclass(frozen=True)
class Effects:
    """What a sanction of ``merchant`` does. Holders keep their benefits to the end of their term or take the unused share of the fee back."""

    merchant: Merchant
    programs: Sequence[Stopped]
    stores: Sequence[Store]
    in_review: int
    is_sanctioned: bool

    @property
    def live(self) -> int:
        """Programs that leave both entry points at once."""
        return sum(stopped.program.status == ProgramStatus.LIVE for stopped in self.programs)

    @property
    def holders(self) -> int:
        return sum(stopped.holders for stopped in self.programs)

    def as_figures(self) -> dict[str, int]:
        """What is kept with the sanction."""
        return {
            "programs": len(self.programs),
            "live": self.live,
            "holders": self.holders,
            "stores": len(self.stores),
            "in_review": self.in_review,
        }


def get_effects(merchant: Merchant, today: date) -> Effects:
    """Four queries, whatever the merchant has."""
    stores = list(Store.objects.filter(merchant=merchant).order_by("code"))
    programs = PaidProgram.objects.filter(store__merchant=merchant).exclude(status=ProgramStatus.REVOKED)
    in_review = programs.filter(models.Q(packs__status__in=OPEN_REVIEWS) | models.Q(decorations__status__in=OPEN_REVIEWS)).distinct().count()
    return Effects(
        merchant=merchant,
        programs=[
            Stopped(program, getattr(program, "holder_count", 0), getattr(program, "last_end", None))
            for program in annotate_holders(programs.select_related("store", "pack"), today).order_by("store__code", "-rank", "pk")
        ],
        stores=stores,
        in_review=in_review,
        is_sanctioned=get_sanction_in_force(merchant.pk) is not None,
    )


def annotate_holders(programs: models.QuerySet[PaidProgram], today: date) -> models.QuerySet[PaidProgram]:
    """With ``holder_count``, the members in a paid term today, and ``last_end``, the last end of those terms."""
    holding = models.Q(memberships__status__in=PAID_STATES, memberships__starts_on__lte=today, memberships__ends_on__gt=today)
    later = models.Q(memberships__status__in=PAID_STATES, memberships__ends_on__gt=today)
    return programs.annotate(
        holder_count=models.Count("memberships", filter=holding, distinct=True),
        last_end=models.Max("memberships__ends_on", filter=later),
    )


def get_sanction_in_force(merchant_id: int) -> Sanction | None:
    return Sanction.objects.filter(merchant_id=merchant_id, status=SanctionStatus.IN_FORCE).first()


def get_sanction_of_store(store_id: int) -> Sanction | None:
    """Of the store's merchant: for the banner on its pages."""
    return Sanction.objects.filter(merchant__stores=store_id, status=SanctionStatus.IN_FORCE).first()


def count_holders(program: PaidProgram, today: date) -> int:
    """Members in a paid term of the program today."""
    return PaidMembership.objects.filter(program=program, status__in=PAID_STATES, starts_on__lte=today, ends_on__gt=today).count()
