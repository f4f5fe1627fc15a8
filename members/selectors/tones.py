"""Colours of chips on this app's screens. A chip always has a word too."""

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN
from members.choices import AdjustmentStatus, EntryKind, HoldStatus, MemberStatus, PayoutStatus

MEMBER_TONES: dict[str, str] = {
    MemberStatus.ACTIVE: GOOD,
    MemberStatus.FROZEN: WARN,
    MemberStatus.BLACKLISTED: BAD,
    MemberStatus.LEFT: PLAIN,
    MemberStatus.CLOSED: PLAIN,
}
ENTRY_TONES: dict[str, str] = {
    EntryKind.TOP_UP: GOOD,
    EntryKind.REFUND: GOOD,
    EntryKind.RELEASE: GOOD,
    EntryKind.SPEND: BUSY,
    EntryKind.HOLD: BUSY,
    EntryKind.LAPSE: WARN,
    EntryKind.PAYOUT: WARN,
    EntryKind.ADJUST: WARN,
}
HOLD_TONES: dict[str, str] = {HoldStatus.HELD: BUSY, HoldStatus.CAPTURED: GOOD, HoldStatus.RELEASED: PLAIN}
PAYOUT_TONES: dict[str, str] = {PayoutStatus.WAITING: WARN, PayoutStatus.PAID: GOOD, PayoutStatus.RETURN_FAILED: BAD}
ADJUSTMENT_TONES: dict[str, str] = {
    AdjustmentStatus.REQUESTED: WARN,
    AdjustmentStatus.APPLIED: GOOD,
    AdjustmentStatus.REFUSED: BAD,
    AdjustmentStatus.WITHDRAWN: PLAIN,
}
