"""Appeals: once per decision, answered by somebody who took no part; overturning repairs grants, strikes and standing."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from applications.choices import (
    APPEAL_TRANSITIONS,
    APPEALS,
    APPLY,
    DECISION_TRANSITIONS,
    AppealStatus,
    CaseAct,
    DecisionKind,
    DecisionStatus,
    NoticeKind,
    Ruling,
)
from applications.models import Appeal, Application, CaseEvent, ChecklistVerdict, Claim, Decision, DecisionItem, InternalNote
from applications.rulings import kind_of
from applications.selectors.calendar import get_calendar
from applications.selectors.numbers import get_numbers
from applications.services.decide import check_again, give_grants
from applications.services.door import CaseRefused, enter, leave
from applications.services.locks import lock_developer, share_policy_in_force
from applications.services.notices import tell_developer
from applications.services.rights import require
from applications.services.standing import void_strike_of
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User


class AppealRefused(CaseRefused):
    """There is no appeal against this, or no more; nothing was changed."""

    code = "appeal_refused"


@in_transaction
def file_appeal(*, decision: Decision, statement: str, by: User, now: datetime) -> Appeal:
    """The developer does not agree with a ruling that is in effect. Possible for 15 days, for barred developers too."""
    stored = Decision.objects.select_related("case__developer").get(pk=decision.pk)
    case = stored.case
    require(by, APPLY, developer=case.developer)
    lock_developer(case.developer_id)
    numbers = get_numbers()
    if stored.status != DecisionStatus.EXECUTED or stored.kind not in (DecisionKind.REFUSED, DecisionKind.PARTIAL):
        raise AppealRefused(_("Only a refusal that is in effect can be appealed."), code="not_appealable")
    if stored.executed_at is None or now > stored.executed_at + timedelta(days=numbers.appeal_days):
        raise AppealRefused(_("The %(days)d days in which this could be appealed are over.") % {"days": numbers.appeal_days}, code="appeal_too_late")
    if not statement.strip():
        raise AppealRefused(_("Say why you think that the decision is wrong."), code="text_missing")
    due_at = get_calendar().add(now, timedelta(days=numbers.appeal_review_days))
    try:
        with transaction.atomic():
            appeal = Appeal.objects.create(
                decision=stored, case=case, developer=case.developer, statement=statement.strip()[:5000], filed_by=by, filed_at=now, due_at=due_at
            )
    except IntegrityError as error:
        raise AppealRefused(_("This decision was appealed already; a decision can be appealed once."), code="appealed_already") from error
    record_event("appeal.filed", target=appeal, by=by, now=now, case=case.number)
    return appeal


def took_part(user: User, case: Application) -> bool:
    """Whether the user ever acted on the case, in whatever way."""
    return (
        CaseEvent.objects.filter(case=case, actor=user).exists()
        or Claim.objects.filter(case=case, reviewer=user).exists()
        or ChecklistVerdict.objects.filter(case=case, judged_by=user).exists()
        or InternalNote.objects.filter(case=case, written_by=user).exists()
        or Decision.objects.filter(case=case, proposed_by=user).exists()
        or Decision.objects.filter(case=case, released_by=user).exists()
    )


@in_transaction
def uphold_appeal(*, appeal: Appeal, answer: str, by: User, now: datetime) -> Appeal:
    """The decision stands. ``answer`` is what the developer reads."""
    stored = _take_up(appeal, answer, by)
    transition(stored, AppealStatus.UPHELD, table=APPEAL_TRANSITIONS, answer=answer.strip()[:5000], decided_by=by, decided_at=now)
    record_event("appeal.upheld", target=stored, by=by, now=now)
    tell_developer(NoticeKind.APPEAL_UPHELD, developer=stored.developer, key=f"appeal:{stored.pk}", case=stored.case, now=now)
    return stored


@in_transaction
def overturn_appeal(*, appeal: Appeal, grant: Collection[str], answer: str, by: User, now: datetime) -> Decision:
    """The decision was wrong: a new one replaces it, which grants the capabilities ``grant`` (codes) as well as what was granted before.

    Its grants are given, its strike is void, the standing counted anew. Raises ``AppealRefused`` when table or tier do not allow a grant.
    """
    stored = _take_up(appeal, answer, by)
    case = enter(stored.case_id, CaseAct.OVERTURN, by=by, now=now, developer=True)
    old = stored.decision
    rulings = dict(old.items.values_list("capability__code", "ruling"))
    if not grant or not set(grant) <= set(rulings):
        raise AppealRefused(_("Choose what to grant, of what was asked for."), code="rulings_incomplete")
    if closed := check_again(case, now).closed & set(grant):
        names = ", ".join(sorted(closed))
        raise AppealRefused(_("The opening table or the merchant's tier does not allow: %(names)s.") % {"names": names}, code="no_longer_allowed")
    rulings |= dict.fromkeys(grant, Ruling.GRANT.value)
    transition(old, DecisionStatus.OVERTURNED, table=DECISION_TRANSITIONS)
    new = Decision.objects.create(
        case=case,
        revision=old.revision,
        number=case.decisions.count() + 1,
        kind=kind_of(rulings),
        status=DecisionStatus.EXECUTED,
        policy=share_policy_in_force(),
        overrides=old,
        proposed_by=by,
        proposed_at=now,
        executed_at=now,
    )
    DecisionItem.objects.bulk_create(
        DecisionItem(decision=new, capability_id=capability, ruling=rulings[code])
        for capability, code in old.items.order_by("capability__code").values_list("capability_id", "capability__code")
    )
    give_grants(case, new, now)
    void_strike_of(old, reason="APPEAL", by=by, now=now)
    transition(stored, AppealStatus.OVERTURNED, table=APPEAL_TRANSITIONS, answer=answer.strip()[:5000], decided_by=by, decided_at=now)
    record_event("appeal.overturned", target=stored, by=by, now=now, decision=new.number)
    facts = {"decision": new.number, "kind": new.kind, "overrides": old.number, "rulings": rulings}
    leave(case, CaseAct.OVERTURN, new.kind, by=by, now=now, facts=facts)
    tell_developer(NoticeKind.APPEAL_OVERTURNED, developer=case.developer, key=f"appeal:{stored.pk}", case=case, now=now)
    return new


def _take_up(appeal: Appeal, answer: str, by: User) -> Appeal:
    """The appeal under its developer's lock, when ``by`` may answer it."""
    require(by, APPEALS)
    lock_developer(appeal.developer_id)
    stored = Appeal.objects.select_related("case__app", "case__developer", "decision__revision", "developer").get(pk=appeal.pk)
    if took_part(by, stored.case):
        raise NotAllowed(_("You took part in this application; somebody else has to answer the appeal."), code="took_part")
    if not answer.strip():
        raise AppealRefused(_("Write the answer that the developer will read."), code="text_missing")
    return stored
