"""Codes, transition tables and business numbers of paid membership. The tables are the documentation of what may follow what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class NominationWay(models.TextChoices):
    """The two ways into paid membership."""

    INVITATION = "INVITATION", _("Invitation")
    NOMINATION = "NOMINATION", _("Nomination")


class NominationStatus(models.TextChoices):
    """``PROPOSED``: the merchant asked, industry operations has not nominated yet. ``OPEN``: the store may draft programs."""

    PROPOSED = "PROPOSED", _("Proposed by the merchant")
    OPEN = "OPEN", pgettext_lazy("nomination", "Open")
    DECLINED = "DECLINED", pgettext_lazy("nomination", "Declined")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")


NOMINATION_TABLE: dict[str, frozenset[str]] = {
    NominationStatus.PROPOSED: frozenset({NominationStatus.OPEN, NominationStatus.DECLINED, NominationStatus.WITHDRAWN}),
    NominationStatus.OPEN: frozenset({NominationStatus.DECLINED, NominationStatus.WITHDRAWN}),
}
LIVE_NOMINATIONS = (NominationStatus.PROPOSED, NominationStatus.OPEN)


class ProgramStatus(models.TextChoices):
    """Where a program is. ``CONFIGURING`` begins with the first approved pack, ``LIVE`` with the first approved decoration."""

    DRAFT = "DRAFT", _("Drafting the pack")
    CONFIGURING = "CONFIGURING", _("Configuring")
    LIVE = "LIVE", _("Live")
    CLOSED = "CLOSED", pgettext_lazy("paid program", "Closed")
    REVOKED = "REVOKED", _("Revoked")


PROGRAM_TABLE: dict[str, frozenset[str]] = {
    ProgramStatus.DRAFT: frozenset({ProgramStatus.CONFIGURING, ProgramStatus.CLOSED, ProgramStatus.REVOKED}),
    ProgramStatus.CONFIGURING: frozenset({ProgramStatus.LIVE, ProgramStatus.CLOSED, ProgramStatus.REVOKED}),
    ProgramStatus.LIVE: frozenset({ProgramStatus.CLOSED, ProgramStatus.REVOKED}),
    ProgramStatus.CLOSED: frozenset({ProgramStatus.REVOKED}),
    # An appeal that succeeds puts a program back to where it was.
    ProgramStatus.REVOKED: frozenset({ProgramStatus.DRAFT, ProgramStatus.CONFIGURING, ProgramStatus.LIVE, ProgramStatus.CLOSED}),
}


class ReviewStatus(models.TextChoices):
    """Of a pack version or a decoration version. One version of a program is open (not ruled on) at a time."""

    DRAFT = "DRAFT", _("Draft")
    IN_REVIEW = "IN_REVIEW", _("In review")
    CHANGES_REQUESTED = "CHANGES_REQUESTED", _("Changes requested")
    APPROVED = "APPROVED", _("Approved")
    REJECTED = "REJECTED", _("Rejected")
    WITHDRAWN = "WITHDRAWN", _("Withdrawn")


REVIEW_TABLE: dict[str, frozenset[str]] = {
    ReviewStatus.DRAFT: frozenset({ReviewStatus.IN_REVIEW, ReviewStatus.WITHDRAWN}),
    ReviewStatus.IN_REVIEW: frozenset({ReviewStatus.APPROVED, ReviewStatus.REJECTED, ReviewStatus.CHANGES_REQUESTED, ReviewStatus.DRAFT}),
    ReviewStatus.CHANGES_REQUESTED: frozenset({ReviewStatus.IN_REVIEW, ReviewStatus.WITHDRAWN}),
}
OPEN_REVIEWS = (ReviewStatus.DRAFT, ReviewStatus.IN_REVIEW, ReviewStatus.CHANGES_REQUESTED)
EDITABLE_REVIEWS = (ReviewStatus.DRAFT, ReviewStatus.CHANGES_REQUESTED)


class TermUnit(models.TextChoices):
    """How long one purchase holds. ``DAYS`` takes ``term_days``."""

    MONTH = "MONTH", _("Month")
    QUARTER = "QUARTER", _("Quarter")
    YEAR = "YEAR", _("Year")
    DAYS = "DAYS", _("Days")


MONTHS_OF_UNIT = {TermUnit.MONTH: 1, TermUnit.QUARTER: 3, TermUnit.YEAR: 12}


class BenefitKind(models.TextChoices):
    """Productised benefits, which the system executes, and the custom one, a promise that staff watch over."""

    OPENING_GIFT = "OPENING_GIFT", _("Opening gift")
    MONTHLY_COUPON = "MONTHLY_COUPON", _("Monthly coupon")
    MONTHLY_GIFT = "MONTHLY_GIFT", _("Monthly gift")
    EARLY_ACCESS = "EARLY_ACCESS", _("Early access")
    STORE_DISCOUNT = "STORE_DISCOUNT", _("Store-wide discount")
    ITEM_DISCOUNT = "ITEM_DISCOUNT", _("Item discount")
    CUSTOM = "CUSTOM", _("Custom benefit")


class Schedule(models.TextChoices):
    """When a benefit is issued inside a term."""

    AT_ONCE = "AT_ONCE", _("At once")
    MONTHLY = "MONTHLY", _("Each month on the opening day's date")
    EVERY_N_DAYS = "EVERY_N_DAYS", _("Every N days")
    ON_DATE = "ON_DATE", _("On a date")


class IssueExpiry(models.TextChoices):
    WITH_TERM = "WITH_TERM", _("With the term")
    DAYS = "DAYS", _("N days after issue")


class MembershipStatus(models.TextChoices):
    """How a purchase stands. Whether its benefits hold is decided by its dates, never by this."""

    PENDING = "PENDING", _("Waiting for payment")
    ACTIVE = "ACTIVE", pgettext_lazy("card", "Paid")
    CANCELLED = "CANCELLED", _("Cancelled")
    REPLACED = "REPLACED", _("Replaced by a higher plan")
    LAPSED = "LAPSED", _("Never paid")


MEMBERSHIP_TABLE: dict[str, frozenset[str]] = {
    MembershipStatus.PENDING: frozenset({MembershipStatus.ACTIVE, MembershipStatus.LAPSED}),
    MembershipStatus.ACTIVE: frozenset({MembershipStatus.CANCELLED, MembershipStatus.REPLACED}),
}
PAID_STATES = (MembershipStatus.ACTIVE, MembershipStatus.CANCELLED, MembershipStatus.REPLACED)


class MembershipSource(models.TextChoices):
    API = "API", _("API")
    CONSOLE = "CONSOLE", _("Console")
    FILE = "FILE", _("File")
    AUTO_RENEWAL = "AUTO_RENEWAL", _("Automatic renewal")


class IssueStatus(models.TextChoices):
    """``FAILED`` is tried again; the others but ``ISSUED`` are ends."""

    ISSUED = "ISSUED", _("Issued")
    USED = "USED", _("Used")
    EXPIRED = "EXPIRED", _("Expired")
    REVOKED = "REVOKED", _("Revoked")
    FAILED = "FAILED", _("Failed")


ISSUE_TABLE: dict[str, frozenset[str]] = {
    IssueStatus.FAILED: frozenset({IssueStatus.ISSUED, IssueStatus.REVOKED, IssueStatus.EXPIRED}),
    IssueStatus.ISSUED: frozenset({IssueStatus.USED, IssueStatus.EXPIRED, IssueStatus.REVOKED}),
}


class FulfilmentStatus(models.TextChoices):
    """Of one promise of a custom benefit to one member. Late is a date, not a state."""

    DUE = "DUE", pgettext_lazy("promise", "Due")
    DONE = "DONE", _("Done")
    DROPPED = "DROPPED", _("No longer owed")


FULFILMENT_TABLE: dict[str, frozenset[str]] = {FulfilmentStatus.DUE: frozenset({FulfilmentStatus.DONE, FulfilmentStatus.DROPPED})}


class RefundCause(models.TextChoices):
    FULL = "FULL", _("Cancelled soon, nothing used")
    PRO_RATA = "PRO_RATA", _("Cancelled: unused months less what was used")
    REPLACED = "REPLACED", _("Replaced by a higher plan")
    REVOKED = "REVOKED", _("Program revoked: the rest of the term")


class RefundStatus(models.TextChoices):
    DUE = "DUE", _("To be paid back")
    PAID = "PAID", _("Paid back")


class ComplaintStatus(models.TextChoices):
    """``PROVEN`` is a false promise that was not honoured: it brings the sanction. ``HONOURED``: the merchant made it good."""

    FILED = "FILED", _("Filed")
    DISMISSED = "DISMISSED", _("Not taken up")
    ACCEPTED = "ACCEPTED", _("Waiting for the merchant")
    REPLIED = "REPLIED", _("Merchant has replied")
    PROVEN = "PROVEN", _("Proven, not honoured")
    HONOURED = "HONOURED", _("Honoured by the merchant")
    NOT_PROVEN = "NOT_PROVEN", _("Not proven")


COMPLAINT_TABLE: dict[str, frozenset[str]] = {
    ComplaintStatus.FILED: frozenset({ComplaintStatus.ACCEPTED, ComplaintStatus.DISMISSED}),
    # A verdict without a reply is possible only after the deadline (services.complaints).
    ComplaintStatus.ACCEPTED: frozenset({ComplaintStatus.REPLIED, ComplaintStatus.PROVEN, ComplaintStatus.HONOURED, ComplaintStatus.NOT_PROVEN}),
    ComplaintStatus.REPLIED: frozenset({ComplaintStatus.PROVEN, ComplaintStatus.HONOURED, ComplaintStatus.NOT_PROVEN}),
}
OPEN_COMPLAINTS = (ComplaintStatus.FILED, ComplaintStatus.ACCEPTED, ComplaintStatus.REPLIED)


class SanctionStatus(models.TextChoices):
    IN_FORCE = "IN_FORCE", _("In force")
    LIFTED = "LIFTED", _("Lifted")


class AppealStatus(models.TextChoices):
    OPEN = "OPEN", _("Open")
    DENIED = "DENIED", _("Sanction stands")
    GRANTED = "GRANTED", _("Sanction lifted")


@dataclass(frozen=True)
class Number:
    """A business number (†) with its default and the range in which staff may change it."""

    meaning: Any
    default: int
    least: int
    most: int


NUMBERS: dict[str, Number] = {
    "full_refund_days": Number(_("Days after opening in which an unused purchase is refunded in full"), 7, 0, 90),
    "payment_minutes": Number(_("Minutes that a purchase waits for its payment and keeps its place in the stock"), 30, 5, 1440),
    "ending_soon_days": Number(_("Days before its end that a term counts as about to expire"), 7, 1, 60),
    "renewal_notice_days": Number(_("Days before an automatic renewal that the member is told at the latest"), 5, 5, 30),
    "benefit_ending_days": Number(_("Days before its end that an unused benefit is reminded of"), 3, 1, 30),
    "reply_days": Number(_("Days in which the merchant answers a complaint"), 5, 1, 60),
    "appeal_days": Number(_("Days in which a sanction may be appealed"), 15, 1, 90),
    "least_card_fee": Number(_("Lowest reasonable card fee in yuan, for a month"), 1, 0, 10000),
    "most_card_fee": Number(_("Highest reasonable card fee in yuan, for a month"), 300, 1, 100000),
    "late_after_days": Number(_("Days for a custom benefit without a deadline of its own"), 7, 1, 90),
}
