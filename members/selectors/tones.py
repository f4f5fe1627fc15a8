"""Colours of chips on this app's screens. A chip always has a word too."""

from backoffice.kernel.admin.display import BAD, BUSY, GOOD, PLAIN, WARN
from members.choices import EntryKind, MemberStatus

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
