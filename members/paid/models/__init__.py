from members.paid.models.complaints import Complaint, Sanction, SanctionAppeal
from members.paid.models.memberships import BenefitIssue, CouponCode, Fulfilment, PaidMembership, PaidRefund
from members.paid.models.packs import Benefit, BenefitPack, BenefitPicture, Decoration, PackReach, Picture
from members.paid.models.programs import EntryPlacement, Nomination, PaidNumber, PaidProgram

__all__ = [
    "Benefit",
    "BenefitIssue",
    "BenefitPack",
    "BenefitPicture",
    "Complaint",
    "CouponCode",
    "Decoration",
    "EntryPlacement",
    "Fulfilment",
    "Nomination",
    "PackReach",
    "PaidMembership",
    "PaidNumber",
    "PaidProgram",
    "PaidRefund",
    "Picture",
    "Sanction",
    "SanctionAppeal",
]
