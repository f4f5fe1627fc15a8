"""Whose turn it is: programs whose next step is the merchant's."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from members.paid.choices import NominationStatus, ProgramStatus, ReviewStatus
from members.paid.models import BenefitPack, Decoration, PaidProgram


def is_merchants_turn() -> Q:
    """Programs that go on only when the merchant acts: a pack to submit, terms to write, an order to submit, changes that were asked for."""
    packs, decorations = BenefitPack.objects.filter(program=OuterRef("pk")), Decoration.objects.filter(program=OuterRef("pk"))
    in_review, asked = Q(status=ReviewStatus.IN_REVIEW), Q(status=ReviewStatus.CHANGES_REQUESTED)
    return (
        Q(~Exists(packs.filter(in_review)), status=ProgramStatus.DRAFT)
        | Q(~Exists(decorations.filter(in_review)), status=ProgramStatus.CONFIGURING)
        | (Q(status=ProgramStatus.LIVE) & (Q(Exists(packs.filter(asked))) | Q(Exists(decorations.filter(asked)))))
    )


def may_begin() -> Q:
    """Open invitations and nominations under which no program was begun."""
    return Q(~Exists(PaidProgram.objects.filter(nomination=OuterRef("pk"))), status=NominationStatus.OPEN)
