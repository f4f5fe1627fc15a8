"""Rows of paid membership that a path or a body names, looked up within the store. A missing one and one of another store are the same 404."""

from __future__ import annotations

from backoffice.kernel.api.auth import NoSuchThing, number_of
from backoffice.kernel.tenancy.models import Store
from members.models import Member
from members.paid.models import BenefitIssue, PaidMembership, PaidProgram


def program_of(store: Store, program_id: int) -> PaidProgram:
    program = PaidProgram.objects.filter(store=store, pk=program_id).first()
    if program is None:
        raise NoSuchThing
    return program


def order_of(store: Store, order_no: str) -> PaidMembership:
    """The purchase of this order, with member, program and pack."""
    found = PaidMembership.objects.select_related("store", "member", "program", "pack")
    membership = found.filter(store=store, order_no=order_no).first() if "\x00" not in order_no else None
    if membership is None:
        raise NoSuchThing
    return membership


def issue_of(member: Member, issue_id: str) -> BenefitIssue:
    issue = BenefitIssue.objects.select_related("benefit").filter(store_id=member.store_id, member=member, pk=number_of(issue_id)).first()
    if issue is None:
        raise NoSuchThing
    return issue
