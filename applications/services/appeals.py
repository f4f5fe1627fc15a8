"""Appeals: once per decision, answered by somebody who took no part; overturning repairs grants, strikes and standing. High risk takes two officers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from applications.choices import (
    APPEAL_TRANSITIONS,
    APPEALS,
    APPLY,
    DECISION_TRANSITIONS,
    AppBuild,
    AppealStatus,
    CaseAct,
    DecisionKind,
    DecisionStatus,
    HoldCause,
    NoticeKind,
    Ruling,
)
from applications.content import content_of
from applications.models import Appeal, Application, CaseEvent, ChecklistVerdict, Claim, Decision, DecisionItem, Grant, InternalNote
from applications.rulings import kind_of
from applications.selectors.calendar import get_calendar
from applications.selectors.numbers import get_numbers
from applications.services.decide import check_again, give_grants, is_any_high_risk
from applications.services.door import CaseRefused, enter, leave
from applications.services.locks import lock_developer, share_policy_in_force
from applications.services.notices import tell_developer
from applications.services.rights import require, require_act
from applications.services.standing import void_strike_of
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User

NOT_PROPOSED: dict[str, Any] = {"proposed_by": None, "proposed_at": None, "proposed_grant": [], "proposed_answer": ""}


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
    """The decision stands. ``answer`` is what the developer reads. A proposal to overturn it falls."""
    stored = _take_up(appeal, answer, by)
    transition(stored, AppealStatus.UPHELD, table=APPEAL_TRANSITIONS, answer=answer.strip()[:5000], decided_by=by, decided_at=now, **NOT_PROPOSED)
    record_event("appeal.upheld", target=stored, by=by, now=now)
    tell_developer(NoticeKind.APPEAL_UPHELD, developer=stored.developer, key=f"appeal:{stored.pk}", case=stored.case, now=now)
    return stored


@in_transaction
def overturn_appeal(*, appeal: Appeal, grant: Collection[str], answer: str, by: User, now: datetime) -> Decision | None:
    """The decision was wrong: a new one replaces it, which grants the capabilities ``grant`` (codes) as well as what was granted before.

    Only what it newly grants is given; grants of before are left as they are. Its strike is void, the standing counted anew. With a high-risk capability
    it is only proposed (None): another officer confirms it. Raises ``AppealRefused`` when table, tier, the app as it is now, or a grant that ended since
    do not allow it.
    """
    stored = _take_up(appeal, answer, by)
    case = enter(stored.case_id, CaseAct.OVERTURN, by=by, now=now, developer=True)
    if stored.proposed_by_id is not None:
        raise AppealRefused(_("Overturning is proposed already; another officer has to look at it."), code="proposed_already")
    new = _newly_granted(case, stored.decision, grant, now)
    if is_any_high_risk(new):
        Appeal.objects.filter(pk=stored.pk).update(proposed_by=by, proposed_at=now, proposed_grant=sorted(new), proposed_answer=answer.strip()[:5000])
        record_event("appeal.overturn_proposed", target=stored, by=by, now=now, case=case.number, grant=sorted(new))
        return None
    return _overturn(stored, case, new, answer, by=by, second=None, now=now)


@in_transaction
def confirm_overturn(*, appeal: Appeal, by: User, now: datetime) -> Decision:
    """The second person agrees: what was proposed takes effect. Never who proposed it; everything is checked once more."""
    stored = _take_up(appeal, "-", by)
    case = enter(stored.case_id, CaseAct.OVERTURN, by=by, now=now, developer=True)
    proposer = _proposer(stored)
    if proposer.pk == by.pk:
        raise AppealRefused(_("Another person than the one who proposed it has to look at this."), code="same_person")
    new = _newly_granted(case, stored.decision, stored.proposed_grant, now)
    return _overturn(stored, case, new, stored.proposed_answer, by=proposer, second=by, now=now)


@in_transaction
def drop_overturn(*, appeal: Appeal, reason: str, by: User, now: datetime) -> None:
    """The proposal is taken back, or the second person does not agree: the appeal is open as before."""
    stored = _take_up(appeal, "-", by)
    _proposer(stored)
    if not reason.strip():
        raise AppealRefused(_("Say why."), code="reason_missing")
    Appeal.objects.filter(pk=stored.pk).update(**NOT_PROPOSED)
    record_event("appeal.overturn_dropped", target=stored, by=by, now=now, reason=reason.strip()[:500])


def _proposer(appeal: Appeal) -> User:
    if appeal.proposed_by is None:
        raise StateConflict(_("Nobody has proposed to overturn this decision."))
    return appeal.proposed_by


def _newly_granted(case: Application, old: Decision, grant: Collection[str], now: datetime) -> set[str]:
    """What overturning ``old`` would give that it did not. Raises ``AppealRefused`` when that may not be given."""
    rulings = dict(old.items.values_list("capability__code", "ruling"))
    new = {code for code in grant if rulings.get(code) != Ruling.GRANT}
    if not new or not set(grant) <= set(rulings):
        raise AppealRefused(_("Choose what to grant, of what was asked for."), code="rulings_incomplete")
    judged = content_of(old.revision.content)
    if (judged.form, judged.build, judged.category) != (case.app.form, case.app.build, case.app.category.code):
        raise AppealRefused(
            _("The app's form, build or category is not the one that was judged. The developer has to apply again for what the app is now."),
            code="app_changed",
        )
    if closed := check_again(case, now).closed & new:
        names = ", ".join(sorted(closed))
        raise AppealRefused(_("The opening table or the merchant's tier does not allow: %(names)s.") % {"names": names}, code="no_longer_allowed")
    merchant = case.merchant if judged.build == AppBuild.CUSTOM else None
    ended = Grant.objects.filter(app=case.app, merchant=merchant, capability__code__in=new, ended_at__gte=old.executed_at or old.proposed_at)
    if codes := sorted(set(ended.values_list("capability__code", flat=True))):
        text = _("A grant has ended since the decision, and an appeal does not bring it back: %(names)s. The developer has to apply again.")
        raise AppealRefused(text % {"names": ", ".join(codes)}, code="ended_since")
    return new


def _overturn(stored: Appeal, case: Application, new_codes: set[str], answer: str, *, by: User, second: User | None, now: datetime) -> Decision:
    """``by`` overturns; ``second`` is who confirmed it."""
    old, actor = stored.decision, second or by
    rulings = dict(old.items.values_list("capability__code", "ruling")) | dict.fromkeys(new_codes, Ruling.GRANT.value)
    transition(old, DecisionStatus.OVERTURNED, table=DECISION_TRANSITIONS)
    new = Decision.objects.create(
        case=case,
        revision=old.revision,
        number=case.decisions.count() + 1,
        kind=kind_of(rulings),
        status=DecisionStatus.EXECUTED,
        policy=share_policy_in_force(),
        overrides=old,
        hold_causes=[HoldCause.HIGH_RISK.value] if second else [],
        proposed_by=by,
        proposed_at=stored.proposed_at or now,
        released_by=second,
        released_at=now if second else None,
        executed_at=now,
    )
    DecisionItem.objects.bulk_create(
        DecisionItem(decision=new, capability_id=capability, ruling=rulings[code])
        for capability, code in old.items.order_by("capability__code").values_list("capability_id", "capability__code")
    )
    give_grants(case, new, now, only=new_codes)
    void_strike_of(old, reason="APPEAL", by=actor, now=now)
    transition(stored, AppealStatus.OVERTURNED, table=APPEAL_TRANSITIONS, answer=answer.strip()[:5000], decided_by=actor, decided_at=now)
    record_event("appeal.overturned", target=stored, by=actor, now=now, decision=new.number)
    facts = {"decision": new.number, "kind": new.kind, "overrides": old.number, "rulings": rulings}
    leave(case, CaseAct.OVERTURN, new.kind, by=actor, now=now, facts=facts)
    tell_developer(NoticeKind.APPEAL_OVERTURNED, developer=case.developer, key=f"appeal:{stored.pk}", case=case, now=now)
    return new


def _take_up(appeal: Appeal, answer: str, by: User) -> Appeal:
    """The appeal under its developer's lock, when ``by`` may answer it."""
    require(by, APPEALS)
    lock_developer(appeal.developer_id)
    stored = Appeal.objects.select_related("case__app", "case__developer", "decision__revision", "developer", "proposed_by").get(pk=appeal.pk)
    require_act(by, APPEALS, stored.case)
    if stored.status != AppealStatus.OPEN:
        raise StateConflict(_("This appeal was answered already."))
    if took_part(by, stored.case):
        raise NotAllowed(_("You took part in this application; somebody else has to answer the appeal."), code="took_part")
    if not answer.strip():
        raise AppealRefused(_("Write the answer that the developer will read."), code="text_missing")
    return stored
