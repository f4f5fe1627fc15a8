"""Codes of capability applications, and the table of acts: who may move a case from which state to which. The table is the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class AppForm(models.TextChoices):
    MINI_PROGRAM = "MINI_PROGRAM", _("Mini-program")
    WIDGET = "WIDGET", _("Widget")


class AppBuild(models.TextChoices):
    TEMPLATE = "TEMPLATE", _("Template")
    CUSTOM = "CUSTOM", _("Custom build")


class Openness(models.TextChoices):
    """What one cell of the opening table says. A cell that is not there is closed."""

    OPEN = "OPEN", _("Open to both builds")
    CUSTOM_ONLY = "CUSTOM_ONLY", _("Custom builds only")
    CLOSED = "CLOSED", pgettext_lazy("opening table", "Closed")


class PolicyStatus(models.TextChoices):
    DRAFT = "DRAFT", pgettext_lazy("opening table", "Draft")
    PUBLISHED = "PUBLISHED", _("In force")
    RETIRED = "RETIRED", _("Retired")


POLICY_TRANSITIONS: dict[str, frozenset[str]] = {
    PolicyStatus.DRAFT: frozenset({PolicyStatus.PUBLISHED}),
    PolicyStatus.PUBLISHED: frozenset({PolicyStatus.RETIRED}),
    PolicyStatus.RETIRED: frozenset(),
}


class DemoCover(models.TextChoices):
    """What a demo has to show, all four."""

    FULL_PATH = "FULL_PATH", _("The full path of use")
    VISUAL = "VISUAL", _("Visual design, or a working demo")
    USER_FLOW = "USER_FLOW", _("User flow")
    EXPERIENCE = "EXPERIENCE", _("User experience")


class CaseState(models.TextChoices):
    """Where an application is. ``HELD`` and ``DECIDED`` are seen by the platform only: outside they look like ``IN_REVIEW``."""

    DRAFT = "DRAFT", pgettext_lazy("application", "Draft")
    CHECKS_PENDING = "CHECKS_PENDING", _("Checks pending")
    AWAITING_MERCHANT = "AWAITING_MERCHANT", _("Waiting for the merchant's confirmation")
    QUEUED = "QUEUED", _("Waiting for review")
    IN_REVIEW = "IN_REVIEW", _("In review")
    CHANGES_REQUESTED = "CHANGES_REQUESTED", _("Changes requested")
    HELD = "HELD", _("Held for a second person")
    DECIDED = "DECIDED", _("Decided, can still be undone")
    APPROVED = "APPROVED", pgettext_lazy("application", "Approved")
    PARTIAL = "PARTIAL", _("Approved in part")
    REFUSED = "REFUSED", pgettext_lazy("application", "Refused")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("application", "Withdrawn")
    LAPSED = "LAPSED", pgettext_lazy("application", "Lapsed")


S = CaseState

CLOSED_STATES: frozenset[str] = frozenset({S.APPROVED, S.PARTIAL, S.REFUSED, S.WITHDRAWN, S.LAPSED})
DECIDED_STATES: frozenset[str] = frozenset({S.APPROVED, S.PARTIAL, S.REFUSED})
SUBMITTED_STATES: frozenset[str] = frozenset({S.CHECKS_PENDING, S.AWAITING_MERCHANT, S.QUEUED, S.IN_REVIEW, S.CHANGES_REQUESTED, S.HELD, S.DECIDED})
"""Open cases: they count against a developer's limit and hold their app's place for each capability."""
PLATFORM_STATES: frozenset[str] = frozenset({S.CHECKS_PENDING, S.QUEUED, S.IN_REVIEW, S.HELD, S.DECIDED})
"""The platform's turn: only here the working-day clock runs."""
SEEN_OUTSIDE: Mapping[str, str] = {S.HELD: S.IN_REVIEW, S.DECIDED: S.IN_REVIEW}
"""What applicants and merchants are shown instead of an inner state."""


class CaseAct(models.TextChoices):
    OPEN = "OPEN", _("Application begun")
    SUBMIT = "SUBMIT", _("Submitted")
    CHECK = "CHECK", _("Checks run again")
    CONFIRM = "CONFIRM", _("Confirmed by the merchant")
    DECLINE = "DECLINE", _("Declined by the merchant")
    CLAIM = "CLAIM", _("Claimed")
    RENEW = "RENEW", _("Claim renewed")
    RELEASE = "RELEASE", _("Claim given back")
    EXPIRE_CLAIM = "EXPIRE_CLAIM", _("Claim ran out")
    JUDGE = "JUDGE", _("Checklist judged")
    REQUEST_CHANGES = "REQUEST_CHANGES", _("Changes asked for")
    DECIDE = "DECIDE", _("Decided")
    REFUSE_IN_BULK = "REFUSE_IN_BULK", _("Refused together with others")
    UNDO = "UNDO", _("Decision undone")
    RELEASE_HOLD = "RELEASE_HOLD", _("Released by a second person")
    RETURN_HOLD = "RETURN_HOLD", _("Returned by a second person")
    EXECUTE = "EXECUTE", _("Decision took effect")
    SEND_BACK = "SEND_BACK", _("Sent back: the decision cannot take effect as it is")
    WITHDRAW = "WITHDRAW", pgettext_lazy("application", "Withdrawn")
    LAPSE = "LAPSE", pgettext_lazy("application", "Lapsed")
    OVERTURN = "OVERTURN", _("Overturned on appeal")
    RECOUNT = "RECOUNT", _("Due date counted anew")


SYSTEM = "SYSTEM"
APPLY = "applications.submit_application"
CONFIRM = "applications.confirm_application"
REVIEW = "applications.review_application"
RELEASE = "applications.release_decision"
APPEALS = "applications.decide_appeal"


@dataclass(frozen=True)
class ActRule:
    """An act is done from one of ``sources`` and leads to one of ``targets``, by holders of ``permission`` (``SYSTEM``: by nobody but the system).

    Holders at a developer or a merchant reach only their own cases. ``needs_claim``: only with the live claim's token.
    """

    sources: frozenset[str]
    targets: frozenset[str]
    permission: str
    needs_claim: bool = False


def _rule(sources: set[str], targets: set[str], permission: str, *, needs_claim: bool = False) -> ActRule:
    return ActRule(frozenset(sources), frozenset(targets), permission, needs_claim)


_NEXT_AFTER_GATES = {S.CHECKS_PENDING, S.AWAITING_MERCHANT, S.QUEUED}

ACTS: Mapping[str, ActRule] = {
    CaseAct.OPEN: _rule({S.DRAFT}, {S.DRAFT}, APPLY),
    CaseAct.SUBMIT: _rule({S.DRAFT, S.CHANGES_REQUESTED}, {S.DRAFT, S.CHANGES_REQUESTED, *_NEXT_AFTER_GATES}, APPLY),
    CaseAct.CHECK: _rule({S.CHECKS_PENDING}, {S.DRAFT, S.CHANGES_REQUESTED, *_NEXT_AFTER_GATES}, SYSTEM),
    CaseAct.CONFIRM: _rule({S.AWAITING_MERCHANT}, {S.QUEUED}, CONFIRM),
    CaseAct.DECLINE: _rule({S.AWAITING_MERCHANT}, {S.DRAFT, S.CHANGES_REQUESTED}, CONFIRM),
    CaseAct.CLAIM: _rule({S.QUEUED, S.IN_REVIEW}, {S.IN_REVIEW}, REVIEW),
    CaseAct.RENEW: _rule({S.IN_REVIEW}, {S.IN_REVIEW}, REVIEW, needs_claim=True),
    CaseAct.RELEASE: _rule({S.IN_REVIEW}, {S.QUEUED}, REVIEW, needs_claim=True),
    CaseAct.EXPIRE_CLAIM: _rule({S.IN_REVIEW}, {S.QUEUED}, SYSTEM),
    CaseAct.JUDGE: _rule({S.IN_REVIEW}, {S.IN_REVIEW}, REVIEW, needs_claim=True),
    CaseAct.REQUEST_CHANGES: _rule({S.IN_REVIEW}, {S.DECIDED, S.CHANGES_REQUESTED}, REVIEW, needs_claim=True),
    CaseAct.DECIDE: _rule({S.IN_REVIEW}, {S.HELD, S.DECIDED, *DECIDED_STATES}, REVIEW, needs_claim=True),
    CaseAct.REFUSE_IN_BULK: _rule({S.QUEUED, S.IN_REVIEW}, {S.HELD, S.DECIDED, S.REFUSED}, REVIEW),
    CaseAct.UNDO: _rule({S.DECIDED}, {S.IN_REVIEW, S.HELD}, REVIEW),
    CaseAct.RELEASE_HOLD: _rule({S.HELD}, {S.DECIDED, *DECIDED_STATES}, RELEASE),
    CaseAct.RETURN_HOLD: _rule({S.HELD}, {S.QUEUED}, RELEASE),
    CaseAct.EXECUTE: _rule({S.DECIDED}, {S.CHANGES_REQUESTED, *DECIDED_STATES}, SYSTEM),
    CaseAct.SEND_BACK: _rule({S.DECIDED}, {S.QUEUED, S.HELD}, SYSTEM),
    CaseAct.WITHDRAW: _rule({S.DRAFT, *SUBMITTED_STATES}, {S.WITHDRAWN}, APPLY),
    CaseAct.LAPSE: _rule({S.CHANGES_REQUESTED, S.AWAITING_MERCHANT}, {S.LAPSED}, SYSTEM),
    CaseAct.OVERTURN: _rule({S.REFUSED, S.PARTIAL}, {S.APPROVED, S.PARTIAL}, APPEALS),
    CaseAct.RECOUNT: _rule(set(PLATFORM_STATES), set(PLATFORM_STATES), SYSTEM),
}
"""Every way in which a case changes. What is not here cannot happen (``services/door.py``)."""

EVENTLESS_ACTS = frozenset({CaseAct.RENEW})
"""Acts that move only the claim's lease, which is no state of the case."""


class GateOutcome(models.TextChoices):
    PASS = "PASS", _("Passed")
    FAIL = "FAIL", pgettext_lazy("gate", "Not passed")
    BROKEN = "BROKEN", _("The check itself is broken")


class RunOutcome(models.TextChoices):
    PASSED = "PASSED", _("All gates passed")
    STOPPED = "STOPPED", _("Stopped at the gates")
    PENDING = "PENDING", _("Checks pending")


CHECKED_AGAIN = ("G04", "G05", "G06", "G07", "G08", "G09")
"""Gates that are asked once more at the decision: kind, table and tier. Standing does not stop what is in review already."""


class Item(models.TextChoices):
    """What a reviewer judges. S1 and S2 for each capability asked for, the others once."""

    M1 = "M1", _("Member identity")
    M2 = "M2", _("Felt experience")
    M3 = "M3", _("Benefits")
    M4 = "M4", _("Growth")
    M5 = "M5", _("Expectation before joining")
    S1 = "S1", _("The flow needs the capability")
    S2 = "S2", _("The value is clear")
    D1 = "D1", _("The demo is complete")
    V1 = "V1", _("Success cases are plausible")
    F1 = "F1", _("No false statement")
    B1 = "B1", _("Nobody is drawn into joining purely by a benefit")
    N1 = "N1", _("No forced join in the middle of an interaction")
    N2 = "N2", _("No recruiting by benefits alone")


FAILED_LABELS: Mapping[str, object] = {
    Item.M1: _("Member identity is missing or unclear"),
    Item.M2: _("Nothing of the membership is felt"),
    Item.M3: _("Benefits are missing or unclear"),
    Item.M4: _("Growth is missing or unclear"),
    Item.M5: _("No expectation is set before joining"),
    Item.S1: _("The flow does not need the capability"),
    Item.S2: _("The value is unclear"),
    Item.D1: _("The demo is incomplete"),
    Item.V1: _("Success cases are implausible"),
    Item.F1: _("False statement in the application"),
    Item.B1: _("People are drawn into joining purely by a benefit"),
    Item.N1: _("Forced join in the middle of an interaction"),
    Item.N2: _("Members are recruited by benefits alone"),
}
"""What a failed item is called: its own label is the name of what passes."""

COMPULSORY_ITEMS = (Item.M1, Item.M2, Item.M3, Item.M4, Item.M5)
ITEMS_PER_CAPABILITY = (Item.S1, Item.S2)
ITEMS_ONCE = tuple(item for item in Item if item not in ITEMS_PER_CAPABILITY)
NAMED_BANS = (Item.N1, Item.N2)
"""Named cases of B1. One of them failed: the only decision is refusal."""
GRANT_BLOCKERS = (*COMPULSORY_ITEMS, Item.D1, Item.F1, Item.B1, *NAMED_BANS)
"""While one of these is failed, nothing is granted."""

N2_PARTS = ("shown_to_everyone", "no_expectation_set", "claimable_only_after_joining")
"""The three questions of N2; it is failed only when all three are answered yes."""

ITEM_FIELDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*COMPULSORY_ITEMS, Item.B1, *NAMED_BANS), ("demo_url", "demo_other_url", "demo_file", "capabilities")),
    Item.D1: ("demo_url", "demo_other_url", "demo_file", "demo_covers"),
    Item.V1: ("past_cases", "company_intro"),
    Item.F1: ("*",),
}
"""The fields of a revision that an item is judged by. Untouched: a pass is carried over to the next revision."""


class Verdict(models.TextChoices):
    PASS = "PASS", _("Pass")
    FAIL = "FAIL", pgettext_lazy("verdict", "Fail")


class DecisionKind(models.TextChoices):
    APPROVED = "APPROVED", pgettext_lazy("application", "Approved")
    PARTIAL = "PARTIAL", _("Approved in part")
    REFUSED = "REFUSED", pgettext_lazy("application", "Refused")
    CHANGES_REQUESTED = "CHANGES_REQUESTED", _("Changes requested")


class DecisionStatus(models.TextChoices):
    HELD = "HELD", _("Held for a second person")
    WAITING = "WAITING", _("Takes effect when the time to undo is over")
    EXECUTED = "EXECUTED", _("In effect")
    RETURNED = "RETURNED", _("Returned by a second person")
    UNDONE = "UNDONE", _("Undone")
    DROPPED = "DROPPED", _("Dropped")
    OVERTURNED = "OVERTURNED", _("Overturned on appeal")


LIVE_DECISIONS = (DecisionStatus.HELD, DecisionStatus.WAITING)

DECISION_TRANSITIONS: dict[str, frozenset[str]] = {
    DecisionStatus.HELD: frozenset({DecisionStatus.WAITING, DecisionStatus.EXECUTED, DecisionStatus.RETURNED, DecisionStatus.DROPPED}),
    DecisionStatus.WAITING: frozenset({DecisionStatus.HELD, DecisionStatus.EXECUTED, DecisionStatus.UNDONE, DecisionStatus.DROPPED}),
    DecisionStatus.EXECUTED: frozenset({DecisionStatus.OVERTURNED}),
    DecisionStatus.RETURNED: frozenset(),
    DecisionStatus.UNDONE: frozenset(),
    DecisionStatus.DROPPED: frozenset(),
    DecisionStatus.OVERTURNED: frozenset(),
}


class Ruling(models.TextChoices):
    GRANT = "GRANT", _("Grant")
    REFUSE = "REFUSE", pgettext_lazy("ruling", "Refuse")
    NOT_NEEDED = "NOT_NEEDED", _("Not needed")


class HoldCause(models.TextChoices):
    HIGH_RISK = "HIGH_RISK", _("A high-risk capability is granted")
    TRUSTED_FIRST_REFUSAL = "TRUSTED_FIRST_REFUSAL", _("First refusal of a trusted developer")


class GrantStatus(models.TextChoices):
    ACTIVE = "ACTIVE", pgettext_lazy("grant", "Active")
    SUSPENDED = "SUSPENDED", pgettext_lazy("grant", "Suspended")
    REVOKED = "REVOKED", pgettext_lazy("grant", "Revoked")
    EXPIRED = "EXPIRED", pgettext_lazy("grant", "Expired")


LIVE_GRANTS = (GrantStatus.ACTIVE, GrantStatus.SUSPENDED)

GRANT_TRANSITIONS: dict[str, frozenset[str]] = {
    GrantStatus.ACTIVE: frozenset({GrantStatus.SUSPENDED, GrantStatus.REVOKED, GrantStatus.EXPIRED}),
    GrantStatus.SUSPENDED: frozenset({GrantStatus.ACTIVE, GrantStatus.REVOKED, GrantStatus.EXPIRED}),
    GrantStatus.REVOKED: frozenset(),
    GrantStatus.EXPIRED: frozenset(),
}


EXPIRY_WARNINGS = (30, 7)
"""Days before a grant's end at which its developer is told, each once."""
CERTIFY_WITHIN = timedelta(days=60)
"""Grants that end so soon wait for certifying."""


class EnablementStatus(models.TextChoices):
    ON = "ON", pgettext_lazy("app in a store", "On")
    PAUSED = "PAUSED", _("Paused: the merchant's tier fell")
    OFF = "OFF", pgettext_lazy("app in a store", "Off")


ENABLEMENT_TRANSITIONS: dict[str, frozenset[str]] = {
    EnablementStatus.ON: frozenset({EnablementStatus.PAUSED, EnablementStatus.OFF}),
    EnablementStatus.PAUSED: frozenset({EnablementStatus.ON, EnablementStatus.OFF}),
    EnablementStatus.OFF: frozenset({EnablementStatus.ON}),
}

TEMPLATE_TIERS = ("PREMIUM", "POTENTIAL")
"""Tiers whose stores may use template apps. Business rule."""
CUSTOM_TIERS = ("PREMIUM",)
"""Tiers for which a custom build may be applied for. Business rule."""


class StrikeKind(models.TextChoices):
    B1 = "B1", _("Joining by benefit alone")
    N1 = "N1", _("Forced join")
    N2 = "N2", _("Recruiting by benefits alone")
    F1 = "F1", _("False statement")
    GATE_STOPS = "GATE_STOPS", _("Many submissions stopped at the gates")


class StrikeStatus(models.TextChoices):
    PROVISIONAL = "PROVISIONAL", _("Provisional")
    COUNTING = "COUNTING", _("Counts")
    EXPIRED = "EXPIRED", _("No longer counts")
    VOID = "VOID", pgettext_lazy("strike", "Void")


STRIKE_TRANSITIONS: dict[str, frozenset[str]] = {
    StrikeStatus.PROVISIONAL: frozenset({StrikeStatus.COUNTING, StrikeStatus.VOID}),
    StrikeStatus.COUNTING: frozenset({StrikeStatus.EXPIRED, StrikeStatus.VOID}),
    StrikeStatus.EXPIRED: frozenset({StrikeStatus.VOID}),
    StrikeStatus.VOID: frozenset(),
}


class StandingLevel(models.TextChoices):
    GOOD = "GOOD", _("Good standing")
    WARNED = "WARNED", _("Warned")
    COOL_DOWN = "COOL_DOWN", _("Cool-down")
    BARRED = "BARRED", _("Barred")


class BarStatus(models.TextChoices):
    SUGGESTED = "SUGGESTED", _("Suggested by the score")
    PROPOSED = "PROPOSED", _("Proposed")
    CONFIRMED = "CONFIRMED", _("In force")
    DISMISSED = "DISMISSED", _("Dismissed")
    LIFTED = "LIFTED", _("Lifted")


OPEN_BARS = (BarStatus.SUGGESTED, BarStatus.PROPOSED, BarStatus.CONFIRMED)

BAR_TRANSITIONS: dict[str, frozenset[str]] = {
    BarStatus.SUGGESTED: frozenset({BarStatus.PROPOSED, BarStatus.DISMISSED}),
    BarStatus.PROPOSED: frozenset({BarStatus.CONFIRMED, BarStatus.DISMISSED}),
    BarStatus.CONFIRMED: frozenset({BarStatus.LIFTED}),
    BarStatus.DISMISSED: frozenset(),
    BarStatus.LIFTED: frozenset(),
}


class AppealStatus(models.TextChoices):
    OPEN = "OPEN", pgettext_lazy("appeal", "Open")
    UPHELD = "UPHELD", _("The decision stands")
    OVERTURNED = "OVERTURNED", _("The decision was overturned")


APPEAL_TRANSITIONS: dict[str, frozenset[str]] = {
    AppealStatus.OPEN: frozenset({AppealStatus.UPHELD, AppealStatus.OVERTURNED}),
    AppealStatus.UPHELD: frozenset(),
    AppealStatus.OVERTURNED: frozenset(),
}


class ConfirmationStatus(models.TextChoices):
    WAITING = "WAITING", pgettext_lazy("confirmation", "Waiting")
    CONFIRMED = "CONFIRMED", _("Confirmed")
    DECLINED = "DECLINED", _("Declined")
    CANCELLED = "CANCELLED", pgettext_lazy("confirmation", "Cancelled")


CONFIRMATION_TRANSITIONS: dict[str, frozenset[str]] = {
    ConfirmationStatus.WAITING: frozenset({ConfirmationStatus.CONFIRMED, ConfirmationStatus.DECLINED, ConfirmationStatus.CANCELLED}),
    ConfirmationStatus.CONFIRMED: frozenset(),
    ConfirmationStatus.DECLINED: frozenset(),
    ConfirmationStatus.CANCELLED: frozenset(),
}


class ReReviewCause(models.TextChoices):
    CATEGORY = "CATEGORY", _("The app's category changed")
    BUILD = "BUILD", _("The app's build changed")
    TARGET = "TARGET", _("The app's target changed")
    CAPABILITY = "CAPABILITY", _("The capability itself changed")
    DEMO = "DEMO", _("The app's design changed")
    TIER = "TIER", _("The merchant's tier changed")
    POLICY = "POLICY", _("The opening table closed the cell")


class ReReviewStatus(models.TextChoices):
    OPEN = "OPEN", pgettext_lazy("re-review", "Open")
    KEPT = "KEPT", _("Grant kept")
    ENDED = "ENDED", _("Grant ended or suspended")


RE_REVIEW_TRANSITIONS: dict[str, frozenset[str]] = {
    ReReviewStatus.OPEN: frozenset({ReReviewStatus.KEPT, ReReviewStatus.ENDED}),
    ReReviewStatus.KEPT: frozenset(),
    ReReviewStatus.ENDED: frozenset(),
}


class Channel(models.TextChoices):
    IN_APP = "IN_APP", _("In the console")
    EMAIL = "EMAIL", _("Email")
    DINGTALK = "DINGTALK", _("DingTalk")


class NoticeStatus(models.TextChoices):
    WAITING = "WAITING", pgettext_lazy("notice", "Waiting")
    SENT = "SENT", pgettext_lazy("notice", "Sent")
    FAILED = "FAILED", pgettext_lazy("notice", "Failed")
    SKIPPED = "SKIPPED", pgettext_lazy("notice", "Not sent: not wanted, or no address")


class NoticeKind(models.TextChoices):
    """What a notice says. Its words are made when it is read, from the code and the figures (``selectors/notices.py``)."""

    CHECKS_PENDING = "CHECKS_PENDING", _("Checks pending")
    AWAITING_MERCHANT = "AWAITING_MERCHANT", _("Waiting for the merchant's confirmation")
    QUEUED = "QUEUED", _("Waiting for review")
    IN_REVIEW = "IN_REVIEW", _("In review")
    WITHDRAWN = "WITHDRAWN", pgettext_lazy("application", "Withdrawn")
    DECLINED = "DECLINED", _("Declined by the merchant")
    STOPPED = "STOPPED", _("Stopped at the gates")
    CHANGES_REQUESTED = "CHANGES_REQUESTED", _("Changes requested")
    APPROVED = "APPROVED", pgettext_lazy("application", "Approved")
    PARTIAL = "PARTIAL", _("Approved in part")
    REFUSED = "REFUSED", pgettext_lazy("application", "Refused")
    LAPSED = "LAPSED", pgettext_lazy("application", "Lapsed")
    APPEAL_UPHELD = "APPEAL_UPHELD", _("The decision stands")
    APPEAL_OVERTURNED = "APPEAL_OVERTURNED", _("The decision was overturned")
    STANDING = "STANDING", _("Standing changed")
    GRANT_SUSPENDED = "GRANT_SUSPENDED", _("Grant suspended")
    GRANT_RESUMED = "GRANT_RESUMED", _("Grant in force again")
    GRANT_REVOKED = "GRANT_REVOKED", _("Grant revoked")
    GRANT_EXPIRING = "GRANT_EXPIRING", _("Grant expires soon")
    GRANT_EXPIRED = "GRANT_EXPIRED", _("Grant expired")
    CONFIRMATION_ASKED = "CONFIRMATION_ASKED", _("An application waits for your confirmation")
    MISSED_EARLIER = "MISSED_EARLIER", _("A reviewer failed what had passed before")


class MessageSide(models.TextChoices):
    PLATFORM = "PLATFORM", _("From the platform")
    DEVELOPER = "DEVELOPER", _("From the developer")


@dataclass(frozen=True)
class Number:
    """One business number that staff may change: its default and the range that makes sense."""

    default: int
    least: int
    most: int
    meaning: object


NUMBERS: Mapping[str, Number] = {
    "review_days": Number(3, 1, 60, _("Working days in which a case is reviewed")),
    "appeal_review_days": Number(7, 1, 60, _("Working days in which an appeal is answered")),
    "lease_minutes": Number(20, 1, 480, _("Minutes that a claim lasts without a sign of life")),
    "most_rounds": Number(3, 1, 20, _("Times that changes may be asked for in one case")),
    "answer_days": Number(14, 1, 365, _("Days in which the developer answers before the case lapses")),
    "confirm_days": Number(14, 1, 365, _("Days in which the merchant confirms before the case lapses")),
    "most_open_cases": Number(5, 1, 1000, _("Open cases of one developer")),
    "undo_seconds": Number(120, 0, 3600, _("Seconds in which a decision can be undone")),
    "grant_days": Number(365, 1, 3650, _("Days after which a grant has to be certified again")),
    "tier_grace_days": Number(30, 0, 365, _("Days after a fall of the tier until a template app pauses")),
    "appeal_days": Number(15, 1, 365, _("Days in which a decision can be appealed")),
    "strike_days": Number(365, 1, 3650, _("Days for which a strike counts")),
    "weight_b1": Number(3, 0, 20, _("Strike points: joining by benefit alone")),
    "weight_n1": Number(2, 0, 20, _("Strike points: forced join")),
    "weight_n2": Number(2, 0, 20, _("Strike points: recruiting by benefits alone")),
    "weight_f1": Number(3, 0, 20, _("Strike points: false statement")),
    "weight_gate_stops": Number(1, 0, 20, _("Strike points: many submissions stopped at the gates")),
    "gate_stop_count": Number(10, 1, 1000, _("Submissions stopped at the gates that make one strike")),
    "gate_stop_days": Number(30, 1, 365, _("Days in which stopped submissions are counted")),
    "warn_score": Number(2, 1, 100, _("Score at which a developer is warned")),
    "cool_down_score": Number(4, 1, 100, _("Score at which a developer pauses")),
    "cool_down_days": Number(30, 1, 365, _("Days of a cool-down")),
    "bar_score": Number(6, 1, 100, _("Score at which a bar is suggested")),
}
"""Numbers of ours that live in data (``RuleNumber``); the table holds only those that somebody changed."""
