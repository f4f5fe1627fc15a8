"""Row locks of paid membership, in one global order: merchant, nomination, member, program, pack or decoration, paid membership, issue, coupon code.

The order of the rest of the product (account, lot, day counters, message) comes after: nothing here is locked while those are held.
"""

from __future__ import annotations

from members.models import Member
from members.paid.models import BenefitPack, Decoration, PaidMembership, PaidProgram


def lock_member_by_id(member_id: int) -> Member | None:
    """The member whose terms are about to change, locked; None when there is none. Serialises all purchases of one member."""
    return Member.objects.select_for_update().filter(pk=member_id).first()


def lock_program(program_id: int) -> PaidProgram | None:
    return PaidProgram.objects.select_for_update().filter(pk=program_id).first()


def lock_membership(membership_id: int) -> PaidMembership | None:
    """After the member's lock."""
    return PaidMembership.objects.select_for_update().filter(pk=membership_id).first()


def lock_pack(pack_id: int) -> BenefitPack | None:
    """After the program's lock."""
    return BenefitPack.objects.select_for_update().filter(pk=pack_id).first()


def lock_decoration(decoration_id: int) -> Decoration | None:
    """After the program's lock."""
    return Decoration.objects.select_for_update().filter(pk=decoration_id).first()
