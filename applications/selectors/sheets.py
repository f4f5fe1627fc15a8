"""A revision's checklist, as the rules of ruling take it."""

from __future__ import annotations

from applications.models import ChecklistVerdict, Reason, RequestedCapability, Revision
from applications.rulings import Sheet


def get_sheet(revision: Revision) -> Sheet:
    """Three queries."""
    verdicts = ChecklistVerdict.objects.filter(revision=revision).values_list("item", "capability__code", "answer")
    reasons = Reason.objects.filter(revision=revision).values_list("rule", "capability__code")
    asked = RequestedCapability.objects.filter(revision=revision).order_by("pk").values_list("capability__code", flat=True)
    return Sheet(
        asked=list(asked),
        answers={(item, code or ""): answer for item, code, answer in verdicts},
        reasons=frozenset((rule, code or "") for rule, code in reasons),
    )
