"""Colours of chips on the screens of paid membership. A chip always has a word too."""

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN
from members.paid.choices import (
    AppealStatus,
    ComplaintStatus,
    FulfilmentStatus,
    IssueStatus,
    MembershipStatus,
    NominationStatus,
    ProgramStatus,
    RefundStatus,
    ReviewStatus,
    SanctionStatus,
)

NOMINATION_TONES: dict[str, str] = {NominationStatus.PROPOSED: BUSY, NominationStatus.OPEN: GOOD, NominationStatus.DECLINED: BAD}
PROGRAM_TONES: dict[str, str] = {
    ProgramStatus.DRAFT: BUSY,
    ProgramStatus.CONFIGURING: BUSY,
    ProgramStatus.LIVE: GOOD,
    ProgramStatus.CLOSED: PLAIN,
    ProgramStatus.REVOKED: BAD,
}
REVIEW_TONES: dict[str, str] = {
    ReviewStatus.DRAFT: PLAIN,
    ReviewStatus.IN_REVIEW: BUSY,
    ReviewStatus.CHANGES_REQUESTED: WARN,
    ReviewStatus.APPROVED: GOOD,
    ReviewStatus.REJECTED: BAD,
}
MEMBERSHIP_TONES: dict[str, str] = {MembershipStatus.PENDING: WARN, MembershipStatus.ACTIVE: GOOD, MembershipStatus.CANCELLED: BAD}
ISSUE_TONES: dict[str, str] = {IssueStatus.ISSUED: BUSY, IssueStatus.USED: GOOD, IssueStatus.FAILED: BAD}
FULFILMENT_TONES: dict[str, str] = {FulfilmentStatus.DUE: BUSY, FulfilmentStatus.DONE: GOOD}
REFUND_TONES: dict[str, str] = {RefundStatus.DUE: WARN, RefundStatus.PAID: GOOD}
COMPLAINT_TONES: dict[str, str] = {
    ComplaintStatus.FILED: BUSY,
    ComplaintStatus.ACCEPTED: WARN,
    ComplaintStatus.REPLIED: BUSY,
    ComplaintStatus.PROVEN: BAD,
    ComplaintStatus.HONOURED: GOOD,
}
SANCTION_TONES: dict[str, str] = {SanctionStatus.IN_FORCE: BAD, SanctionStatus.LIFTED: GOOD}
APPEAL_TONES: dict[str, str] = {AppealStatus.OPEN: WARN, AppealStatus.DENIED: BAD, AppealStatus.GRANTED: GOOD}
