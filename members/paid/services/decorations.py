"""Versions of a program's decoration: the order of the modules, submitted by the merchant, ruled on by member operations. The first approval is LIVE."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import EDITABLE_REVIEWS, OPEN_REVIEWS, PROGRAM_TABLE, REVIEW_TABLE, ProgramStatus, ReviewStatus
from members.paid.models import BenefitPack, Decoration, PaidProgram
from members.paid.services.entering import enter_program, going
from members.paid.services.locks import lock_decoration
from members.paid.services.packs import RULINGS, check_ruling
from members.paid.services.rights import PaidRefused, require_platform

REVIEW = "paid.review_decoration"


@in_transaction
def set_modules(*, program: PaidProgram, modules: Sequence[str], by: User | None, now: datetime) -> Decoration:
    """Order the modules (keys of benefits of the pack in force, each once; the others follow). Writes the open draft, or makes the next version.

    The public order changes only when the draft is approved. Raises ``PaidRefused``: ``pack_not_approved``, ``unknown_benefit``, ``in_review``.
    """
    stored = enter_program(program, by=by)
    pack = require_pack(stored)
    keys = list(modules)
    if len(set(keys)) != len(keys) or not set(keys) <= set(pack.benefits.values_list("key", flat=True)):
        raise PaidRefused(_("The order names a benefit twice, or one that the pack in force does not have. Load the page again."), code="unknown_benefit")
    draft = Decoration.objects.select_for_update().filter(program=stored, status__in=OPEN_REVIEWS).first()
    if draft is not None and draft.status not in EDITABLE_REVIEWS:
        raise PaidRefused(_("The decoration is in review. Take it back to change it."), code="in_review")
    if draft is not None and draft.modules == keys:
        return draft
    before = draft.modules if draft else (stored.decoration.modules if stored.decoration else [])
    if draft is None:
        version = (Decoration.objects.filter(program=stored).aggregate(most=Max("version"))["most"] or 0) + 1
        draft = Decoration.objects.create(program=stored, version=version, modules=keys, created_at=now)
    else:
        Decoration.objects.filter(pk=draft.pk).update(modules=keys)
        draft.modules = keys
    record_event("decoration.changed", target=draft, store=stored.store_id, by=by, now=now, version=draft.version, before=before, after=keys)
    return draft


@in_transaction
def submit_decoration(*, decoration: Decoration, by: User | None, now: datetime) -> Decoration:
    """Hand the order in for review, once the program is configured (``not_configured``) and something of it can be shown (``nothing_to_show``)."""
    program = enter_program(decoration.program, by=by)
    pack = require_pack(program)
    if not program.terms_text:
        raise PaidRefused(_("Configure the program first: members need its terms."), code="not_configured")
    if not pack.benefits.filter(disabled_at=None).exists():
        raise PaidRefused(_("Every benefit is switched off. Switch one on."), code="nothing_to_show")
    stored = _locked(decoration)
    transition(stored, ReviewStatus.IN_REVIEW, table=REVIEW_TABLE, submitted_by=by, submitted_at=now)
    record_event("decoration.submitted", target=stored, store=program.store_id, by=by, now=now, version=stored.version, modules=stored.modules)
    return stored


@in_transaction
def take_back_decoration(*, decoration: Decoration, by: User | None, now: datetime) -> Decoration:
    """The merchant takes a decoration out of review, to change it: it is a draft again."""
    program = enter_program(decoration.program, by=by)
    transition(decoration, ReviewStatus.DRAFT, table=REVIEW_TABLE)
    record_event("decoration.withdrawn", target=decoration, store=program.store_id, by=by, now=now, version=decoration.version)
    return decoration


@in_transaction
def rule_on_decoration(*, decoration: Decoration, ruling: str, reason: str = "", by: User, now: datetime) -> Decoration:
    """Member operations approves, rejects or asks for changes (both with a reason); not who submitted it. Approved: it is what people see from now on."""
    require_platform(by, REVIEW)
    check_ruling(decoration.submitted_by_id, ruling, reason, by=by)
    if ruling == ReviewStatus.APPROVED:
        require_no_bar(decoration.program.store_id)
    program = going(decoration.program)
    stored = _locked(decoration)
    transition(stored, ruling, table=REVIEW_TABLE, only_from={ReviewStatus.IN_REVIEW}, decided_by=by, decided_at=now, reason=reason.strip()[:1000])
    verb = f"decoration.{RULINGS[ReviewStatus(ruling)]}"
    record_event(verb, target=stored, store=program.store_id, by=by, now=now, reason=stored.reason, version=stored.version)
    if ruling == ReviewStatus.APPROVED:
        if program.status == ProgramStatus.CONFIGURING:
            transition(program, ProgramStatus.LIVE, table=PROGRAM_TABLE, decoration=stored, live_at=now)
            record_event("program.went_live", target=program, store=program.store_id, by=by, now=now)
        else:
            PaidProgram.objects.filter(pk=program.pk).update(decoration=stored)
    return stored


def require_pack(program: PaidProgram) -> BenefitPack:
    """The pack in force. Raises ``PaidRefused`` (``pack_not_approved``) before the first approval."""
    if program.pack is None:
        raise PaidRefused(_("Member operations has not approved the benefit pack yet."), code="pack_not_approved")
    return program.pack


def _locked(decoration: Decoration) -> Decoration:
    stored = lock_decoration(decoration.pk)
    if stored is None:
        raise NotFound(_("There is no such row."))
    return stored
