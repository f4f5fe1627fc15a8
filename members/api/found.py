"""Rows that a path or a body names, looked up within the store. A missing one and one of another store are the same 404."""

from __future__ import annotations

from backoffice.kernel.api.auth import NoSuchThing, number_of
from backoffice.kernel.tenancy.models import Store
from members.models import CreditEntry, CreditHold, CreditLot, CreditPayout, Member


def member_of(store: Store, member_no: str) -> Member:
    """The member with this number, with person and level."""
    member = Member.objects.select_related("person", "level").filter(store=store, member_no=member_no).first() if "\x00" not in member_no else None
    if member is None:
        raise NoSuchThing
    return member


def hold_of(member: Member, hold_id: str | int) -> CreditHold:
    """A hold of the member."""
    hold = CreditHold.objects.filter(store_id=member.store_id, account__member=member, pk=number_of(str(hold_id))).first()
    if hold is None:
        raise NoSuchThing
    return hold


def lot_of(member: Member, source_no: str) -> CreditLot:
    """The lot of a top-up of the member."""
    lot = CreditLot.objects.filter(store_id=member.store_id, account__member=member, source_no=source_no).first() if "\x00" not in source_no else None
    if lot is None:
        raise NoSuchThing
    return lot


def spend_of(member: Member, spend_id: int) -> CreditEntry:
    """The first entry of a spend of the member: its id is the spend's."""
    entry = CreditEntry.objects.filter(store_id=member.store_id, account__member=member, kind="SPEND", seq=1, pk=number_of(str(spend_id))).first()
    if entry is None:
        raise NoSuchThing
    return entry


def payout_of(store: Store, payout_id: str) -> CreditPayout:
    """A payout of the store, with member and lot."""
    payout = CreditPayout.objects.select_related("account__member", "lot").filter(store=store, pk=number_of(payout_id)).first()
    if payout is None:
        raise NoSuchThing
    return payout
