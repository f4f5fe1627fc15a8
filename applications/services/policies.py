"""The opening table: draft, edit, publish by a second person."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from applications.choices import POLICY_TRANSITIONS, Openness, PolicyStatus, ReReviewCause
from applications.models import Capability, Category, PolicyCell, PolicyVersion
from applications.selectors.policies import list_flips
from applications.services.locks import lock_policies, lock_policy
from applications.services.re_review import open_re_review
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User

EDIT_POLICY = "applications.change_policyversion"
PUBLISH_POLICY = "applications.publish_policyversion"


class PolicyRefused(BusinessError):
    """The opening table cannot be changed or published like this; nothing was changed."""

    code = "policy_refused"


@in_transaction
def draft_policy(*, by: User, now: datetime, based_on: PolicyVersion | None = None, note: str = "", is_example: bool = False) -> PolicyVersion:
    """A new draft with the next number, with all cells of ``based_on``."""
    require(by, EDIT_POLICY)
    lock_policies()
    number = (PolicyVersion.objects.aggregate(most=Max("number"))["most"] or 0) + 1
    draft = PolicyVersion.objects.create(
        number=number, note=note[:500], based_on=based_on, created_by=by, created_at=now, editor_ids=[by.pk], is_example=is_example
    )
    if based_on is not None:
        PolicyCell.objects.bulk_create(
            PolicyCell(policy=draft, category_id=cell.category_id, capability_id=cell.capability_id, openness=cell.openness) for cell in based_on.cells.all()
        )
    record_event("policy.drafted", target=draft, by=by, now=now, number=number, based_on=based_on.number if based_on else None)
    return draft


@in_transaction
def set_cell(*, policy: PolicyVersion, category: Category, capability: Capability, openness: str | None, by: User, now: datetime) -> None:
    """Write one cell of a draft; ``None`` takes it out, which closes it. Who edits a draft cannot publish it."""
    require(by, EDIT_POLICY)
    if openness is not None and openness not in Openness.values:
        raise PolicyRefused(_("Open, custom builds only, or closed?"), code="unknown_openness")
    stored = _draft(policy)
    before = PolicyCell.objects.filter(policy=stored, category=category, capability=capability).first()
    if (before.openness if before else None) == openness:
        return
    if openness is None:
        PolicyCell.objects.filter(policy=stored, category=category, capability=capability).delete()
    else:
        PolicyCell.objects.update_or_create(policy=stored, category=category, capability=capability, defaults={"openness": openness})
    if by.pk not in stored.editor_ids:
        PolicyVersion.objects.filter(pk=stored.pk).update(editor_ids=[*stored.editor_ids, by.pk])
    was = before.openness if before else None
    record_event("policy.cell_set", target=stored, by=by, now=now, category=category.code, capability=capability.code, before=was, after=openness)


@in_transaction
def publish_policy(*, policy: PolicyVersion, by: User, now: datetime) -> PolicyVersion:
    """Put a draft in force, by somebody who edited nothing of it. The one before is retired; grants that it no longer allows are looked at again.

    Decisions that are being taken at this moment end first, by the old table; the next one is taken by the new.
    """
    require(by, PUBLISH_POLICY)
    locked = {row.pk: row for row in lock_policies()}
    stored = locked.get(policy.pk)
    if stored is None or stored.status != PolicyStatus.DRAFT:
        raise StateConflict(_("This opening table is no draft any more."))
    if by.pk in stored.editor_ids:
        raise PolicyRefused(_("Another person than those who edited it has to publish an opening table."), code="same_person")
    if not stored.cells.exists():
        raise PolicyRefused(_("An empty opening table would close everything. Fill it in first."), code="empty")
    before = next((row for row in locked.values() if row.status == PolicyStatus.PUBLISHED), None)
    flips = list_flips(before, stored)
    if before is not None:
        transition(before, PolicyStatus.RETIRED, table=POLICY_TRANSITIONS, retired_at=now)
    transition(stored, PolicyStatus.PUBLISHED, table=POLICY_TRANSITIONS, published_by=by, published_at=now)
    for grant in flips.grants_closed:
        open_re_review(grant, ReReviewCause.POLICY, now=now, policy=stored.number)
    record_event(
        "policy.published",
        target=stored,
        by=by,
        now=now,
        number=stored.number,
        cases_closed=len(flips.cases_closed),
        cases_opened=len(flips.cases_opened),
        grants_closed=len(flips.grants_closed),
    )
    return stored


def _draft(policy: PolicyVersion) -> PolicyVersion:
    stored = lock_policy(policy.pk)
    if stored.status != PolicyStatus.DRAFT:
        raise StateConflict(_("This opening table is no draft any more. Make a new draft from it."))
    return stored
