from members.models.credit import CreditAccount, CreditEntry, CreditLot
from members.models.credit_moves import CreditAdjustment, CreditHold, CreditPayout, CreditPolicy, LedgerProof
from members.models.members import Level, Member, MemberStatusChange, MemberTag, PhoneChange, PhoneRevealCount, Tag
from members.models.orders import OrderLine, PurchaseSummary
from members.models.payments import Event, Payment, PaymentRefund
from members.models.people import Identity, IdentityKind, IdentityLink, Person

__all__ = [
    "CreditAccount",
    "CreditAdjustment",
    "CreditEntry",
    "CreditHold",
    "CreditLot",
    "CreditPayout",
    "CreditPolicy",
    "Event",
    "Identity",
    "IdentityKind",
    "IdentityLink",
    "LedgerProof",
    "Level",
    "Member",
    "MemberStatusChange",
    "MemberTag",
    "OrderLine",
    "Payment",
    "PaymentRefund",
    "Person",
    "PhoneChange",
    "PhoneRevealCount",
    "PurchaseSummary",
    "Tag",
]
