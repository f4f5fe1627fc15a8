from members.models.credit import CreditAccount, CreditEntry, CreditLot
from members.models.members import Level, Member, MemberStatusChange, MemberTag, PhoneChange, Tag
from members.models.orders import OrderLine, PurchaseSummary
from members.models.people import Identity, IdentityKind, Person

__all__ = [
    "CreditAccount", "CreditEntry", "CreditLot", "Identity", "IdentityKind", "Level", "Member", "MemberStatusChange",
    "MemberTag", "OrderLine", "Person", "PhoneChange", "PurchaseSummary", "Tag",
]
