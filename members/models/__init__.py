from members.models.credit import CreditAccount, CreditEntry, CreditLot
from members.models.credit_moves import CreditAdjustment, CreditHold, CreditPayout, CreditPolicy, LedgerProof
from members.models.fans import Buyer, Fan, Post
from members.models.levels import LevelChange
from members.models.members import Level, Member, MemberStatusChange, MemberTag, PhoneChange, PhoneRevealCount, Tag
from members.models.orders import OrderLine, PurchaseSummary
from members.models.payments import Event, Payment, PaymentRefund
from members.models.people import Identity, IdentityKind, IdentityLink, Person
from members.models.push_accounts import PushAccount, PushAccountChange, PushAccountDay, PushAccountSnapshot, PushNumber

__all__ = [
    "Buyer",
    "CreditAccount",
    "CreditAdjustment",
    "CreditEntry",
    "CreditHold",
    "CreditLot",
    "CreditPayout",
    "CreditPolicy",
    "Event",
    "Fan",
    "Identity",
    "IdentityKind",
    "IdentityLink",
    "LedgerProof",
    "Level",
    "LevelChange",
    "Member",
    "MemberStatusChange",
    "MemberTag",
    "OrderLine",
    "Payment",
    "PaymentRefund",
    "Person",
    "PhoneChange",
    "PhoneRevealCount",
    "Post",
    "PurchaseSummary",
    "PushAccount",
    "PushAccountChange",
    "PushAccountDay",
    "PushAccountSnapshot",
    "PushNumber",
    "Tag",
]
