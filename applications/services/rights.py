"""Who may do an act. Services ask here themselves, whichever console or command they are called from."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from applications.choices import APPEALS, RELEASE, REVIEW, SYSTEM
from applications.models import Application
from backoffice.kernel.errors import NotAllowed, NotFound
from backoffice.kernel.tenancy.access import live_seats
from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Console


def holds(by: User | None, permission: str, *, developer_id: int | None = None, merchant_id: int | None = None) -> bool:
    """Whether a live seat of ``by`` allows ``permission`` for rows of this developer or merchant. Platform seats reach every row."""
    for seat in live_seats(by):
        if not ROLE_GRANTS[seat.role].allows(permission):
            continue
        if seat.console == Console.PLATFORM:
            return True
        if seat.console == Console.DEVELOPER and developer_id is not None and seat.developer_id == developer_id:
            return True
        if seat.console == Console.MERCHANT and merchant_id is not None and seat.merchant_id == merchant_id:
            return True
    return False


def require(by: User | None, permission: str, *, developer: Developer | None = None, merchant: Merchant | None = None) -> None:
    """Raise ``NotAllowed`` unless ``by`` holds ``permission`` there. The system itself (``None``) is refused too: its acts have services of their own."""
    if not holds(by, permission, developer_id=developer.pk if developer else None, merchant_id=merchant.pk if merchant else None):
        raise NotAllowed(_("Your role does not include this."))


def is_of_applicant(user: User, case: Application) -> bool:
    """Whether the user has, or ever had, a seat at the developer of the case or at its merchant."""
    developers, merchants = places_of(user)
    return case.developer_id in developers or case.merchant_id in merchants


def places_of(user: User) -> tuple[set[int], set[int]]:
    """(developers, merchants) at which the user has, or ever had, a seat: there nobody reviews, releases or answers an appeal."""
    rows = Seat.objects.filter(user=user).values_list("developer_id", "merchant_id")
    return {developer for developer, _merchant in rows if developer}, {merchant for _developer, merchant in rows if merchant}


def require_act(by: User | None, permission: str, case: Application) -> None:
    """Raise unless ``by`` may do the act on this case. A foreign case is answered as a missing one. Nobody rules on his own company's."""
    if permission == SYSTEM:
        if by is not None:
            raise NotAllowed(_("Only the system itself does this."))
        return
    if by is None:
        raise NotAllowed(_("A person does this."))
    if holds(by, permission, developer_id=case.developer_id, merchant_id=case.merchant_id):
        if permission in (REVIEW, RELEASE, APPEALS) and is_of_applicant(by, case):
            raise NotAllowed(_("You belong or belonged to the company that applies, or to its merchant; somebody else has to do this."), code="own_case")
        return
    seats = live_seats(by)
    reaches = any(
        seat.console == Console.PLATFORM
        or (seat.developer_id is not None and seat.developer_id == case.developer_id)
        or (seat.merchant_id is not None and seat.merchant_id == case.merchant_id)
        for seat in seats
    )
    if not reaches:
        raise NotFound(_("There is no such application."))
    raise NotAllowed(_("Your role does not include this."))
