"""How a case is told to its applicant: the state in words, whose turn it is, until when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.admin.parts import CASE_TONES
from applications.choices import CLOSED_STATES, CaseState, Ruling
from applications.models import Application
from applications.selectors.applicant import seen_state
from backoffice.kernel.admin.display import BAD, GOOD, PLAIN, chip, full_time

YOURS = (CaseState.DRAFT, CaseState.CHANGES_REQUESTED)
RULING_TONES: Mapping[Any, str] = {Ruling.GRANT: GOOD, Ruling.REFUSE: BAD, Ruling.NOT_NEEDED: PLAIN}
RULINGS: Mapping[Any, Any] = {
    Ruling.GRANT: gettext_lazy("Granted"),
    Ruling.REFUSE: gettext_lazy("Not granted"),
    Ruling.NOT_NEEDED: gettext_lazy("Not needed"),
}

_SENTENCES: Mapping[Any, Any] = {
    CaseState.DRAFT: gettext_lazy("You are writing it. Nobody else sees it until you submit."),
    CaseState.CHECKS_PENDING: gettext_lazy("One of the automatic checks is out of order. It runs again by itself; you have nothing to do."),
    CaseState.AWAITING_MERCHANT: gettext_lazy("The merchant has to confirm that this custom build is made for it, until %(answer_by)s."),
    CaseState.QUEUED: gettext_lazy("It passed the automatic checks and waits for a reviewer. You have an answer by %(due)s."),
    CaseState.IN_REVIEW: gettext_lazy("A reviewer is looking at it. You have an answer by %(due)s."),
    CaseState.CHANGES_REQUESTED: gettext_lazy("Something has to change before it can be granted. Answer by %(answer_by)s, or the application lapses."),
    CaseState.APPROVED: gettext_lazy("Everything you asked for is granted."),
    CaseState.PARTIAL: gettext_lazy("A part of what you asked for is granted. Below you read what was not, and why."),
    CaseState.REFUSED: gettext_lazy("Nothing was granted. Below you read why and what would have to change."),
    CaseState.WITHDRAWN: gettext_lazy("You took it back. That costs nothing; you can apply again at any time."),
    CaseState.LAPSED: gettext_lazy("No answer came in time. That costs nothing; you can apply again at any time."),
}


def state_chip(case: Application) -> SafeString:
    return seen_chip(seen_state(case.state))


def seen_chip(state: str) -> SafeString:
    """Chip of a state as it is seen outside."""
    return chip(CaseState(state).label, CASE_TONES.get(state, PLAIN))


def turn(state: str) -> str:
    """Whose turn it is in a state as it is seen outside."""
    if state in YOURS:
        return _("You")
    if state == CaseState.AWAITING_MERCHANT:
        return _("The merchant")
    return _("Nobody: closed") if state in CLOSED_STATES else _("The platform")


def sentence(state: str, *, due_at: datetime | None, answer_by: datetime | None) -> str:
    """What the state means for the applicant."""
    shown = {"due": full_time(due_at) if due_at else "—", "answer_by": full_time(answer_by) if answer_by else "—"}
    return str(_SENTENCES[state]) % shown
