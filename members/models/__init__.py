from members.models.credit import CreditAccount, CreditEntry, CreditLot
from members.models.members import Level, Member, MemberStatusChange, MemberTag, PhoneChange, PhoneRevealCount, Tag
from members.models.orders import OrderLine, PurchaseSummary
from members.models.people import Identity, IdentityKind, IdentityLink, Person

__all__ = [
    "CreditAccount",
    "CreditEntry",
    "CreditLot",
    "Identity",
    "IdentityKind",
    "IdentityLink",
    "Level",
    "Member",
    "MemberStatusChange",
    "MemberTag",
    "OrderLine",
    "Person",
    "PhoneChange",
    "PhoneRevealCount",
    "PurchaseSummary",
    "Tag",
]
