"""Grants: given by a ruling, suspended, revoked by two people, given up, expired, certified again."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _

from applications.choices import (
    APPLY,
    EXPIRY_WARNINGS,
    GRANT_TRANSITIONS,
    LIVE_GRANTS,
    RE_REVIEW_TRANSITIONS,
    AppBuild,
    GrantStatus,
    NoticeKind,
    ReReviewStatus,
)
from applications.content import content_of
from applications.models import Application, Capability, Decision, Grant, Notification, ReReview
from applications.selectors.numbers import get_numbers
from applications.services.locks import lock_grant
from applications.services.notices import tell_developer
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User

SUSPEND = "applications.suspend_grant"
REVOKE = "applications.revoke_grant"


class GrantRefused(BusinessError):
    """A grant cannot be changed like this; nothing was changed."""

    code = "grant_refused"


def give_grant(*, case: Application, decision: Decision, capability: Capability, now: datetime) -> Grant:
    """The live grant of the case's app for ``capability``: a new one, or the one that is there, certified anew. The caller holds the case's lock.

    Build and target are those of the revision that was decided, whatever the app has become since.
    """
    judged = content_of(decision.revision.content)
    merchant = case.merchant if judged.build == AppBuild.CUSTOM else None
    expires_at = now + timedelta(days=get_numbers().grant_days)
    live = Grant.objects.select_for_update().filter(app=case.app, capability=capability, merchant=merchant, status__in=LIVE_GRANTS).first()
    if live is not None:
        Grant.objects.filter(pk=live.pk).update(expires_at=expires_at, decision=decision)
        record_event("grant.certified", target=live, by=None, now=now, decision=decision.pk)
        live.expires_at, live.decision = expires_at, decision
        return live
    audience = judged.audience if merchant is None else {}
    grant = Grant.objects.create(
        app=case.app,
        capability=capability,
        build=judged.build,
        merchant=merchant,
        audience=audience,
        decision=decision,
        granted_at=now,
        expires_at=expires_at,
    )
    record_event("grant.given", target=grant, by=None, now=now, app=case.app.code, capability=capability.code, decision=decision.pk)
    return grant


@in_transaction
def suspend_grant(*, grant: Grant, reason: str, by: User, now: datetime) -> None:
    """No call passes any more until it is resumed. At once, by one person: it can be taken back."""
    require(by, SUSPEND)
    _move(grant, GrantStatus.SUSPENDED, "grant.suspended", NoticeKind.GRANT_SUSPENDED, reason=_said(reason), by=by, now=now)


@in_transaction
def resume_grant(*, grant: Grant, reason: str, by: User, now: datetime) -> None:
    require(by, SUSPEND)
    _move(grant, GrantStatus.ACTIVE, "grant.resumed", NoticeKind.GRANT_RESUMED, reason=_said(reason), by=by, now=now)


@in_transaction
def propose_revocation(*, grant: Grant, reason: str, by: User, now: datetime) -> None:
    """Put it forward; the grant works until another person confirms. ``reason`` is what the developer will read."""
    require(by, REVOKE)
    stored = lock_grant(grant.pk)
    if stored.status not in LIVE_GRANTS:
        raise StateConflict(_("This grant has ended already."))
    if stored.revocation_proposed_by_id is not None:
        raise GrantRefused(_("Revoking this grant is proposed already."), code="proposed_already")
    Grant.objects.filter(pk=stored.pk).update(revocation_proposed_by=by, revocation_proposed_at=now, revocation_reason=_said(reason))
    record_event("grant.revocation_proposed", target=stored, by=by, now=now, reason=_said(reason))


@in_transaction
def confirm_revocation(*, grant: Grant, by: User, now: datetime) -> None:
    """The second person: from this moment every call of the app with this capability is refused."""
    require(by, REVOKE)
    stored = lock_grant(grant.pk)
    _proposed(stored)
    if stored.revocation_proposed_by_id == by.pk:
        raise GrantRefused(_("Another person than the one who proposed it has to revoke a grant."), code="same_person")
    Grant.objects.filter(pk=stored.pk).update(revoked_by=by)
    _move(stored, GrantStatus.REVOKED, "grant.revoked", NoticeKind.GRANT_REVOKED, reason=stored.revocation_reason, by=by, now=now)


@in_transaction
def drop_revocation(*, grant: Grant, reason: str, by: User, now: datetime) -> None:
    """The proposal is taken back, or the second person does not agree."""
    require(by, REVOKE)
    stored = lock_grant(grant.pk)
    _proposed(stored)
    Grant.objects.filter(pk=stored.pk).update(revocation_proposed_by=None, revocation_proposed_at=None, revocation_reason="")
    record_event("grant.revocation_dropped", target=stored, by=by, now=now, reason=_said(reason))


@in_transaction
def give_up_grant(*, grant: Grant, by: User, now: datetime) -> None:
    """The developer needs the capability no longer. Narrowing is at once; widening takes a new application. Not while the platform would revoke it."""
    stored = lock_grant(grant.pk)
    require(by, APPLY, developer=stored.app.developer)
    if stored.revocation_proposed_by_id is not None:
        raise GrantRefused(_("The platform is looking at this grant; it cannot be given up meanwhile."), code="under_review")
    _move(stored, GrantStatus.REVOKED, "grant.given_up", NoticeKind.GRANT_REVOKED, reason="", by=by, now=now)


@in_transaction
def certify_grant(*, grant: Grant, reason: str, by: User, now: datetime) -> None:
    """Certified again for another year."""
    require(by, SUSPEND)
    stored = lock_grant(grant.pk)
    if stored.status not in LIVE_GRANTS:
        raise StateConflict(_("This grant has ended already."))
    Grant.objects.filter(pk=stored.pk).update(expires_at=now + timedelta(days=get_numbers().grant_days))
    record_event("grant.certified", target=stored, by=by, now=now, reason=_said(reason))


@in_transaction
def expire_grant(*, grant: Grant, now: datetime) -> None:
    """The year is over. ``selectors.grants`` refuses from that moment on, whenever this runs."""
    stored = lock_grant(grant.pk)
    if stored.expires_at > now:
        raise StateConflict(_("This grant holds on."))
    _move(stored, GrantStatus.EXPIRED, "grant.expired", NoticeKind.GRANT_EXPIRED, reason="", by=None, now=now)


def list_expiring_untold(now: datetime) -> list[Grant]:
    """Live grants that end soon and whose developer was not told of this step yet. Two queries."""
    soon = Grant.objects.filter(status__in=LIVE_GRANTS, expires_at__gt=now, expires_at__lte=now + timedelta(days=max(EXPIRY_WARNINGS)))
    grants = list(soon.select_related("app__developer", "capability").order_by("pk"))
    keys = {_expiry_key(grant, now): grant for grant in grants}
    told = Notification.objects.filter(kind=NoticeKind.GRANT_EXPIRING, developer__in={grant.app.developer_id for grant in grants})
    done = {key.split("/")[0] for key in told.values_list("key", flat=True)} if grants else set()
    return [grant for key, grant in keys.items() if key not in done]


def _expiry_key(grant: Grant, now: datetime) -> str:
    """Once per grant, its date of expiry and the nearest step: certified anew, it is told again."""
    step = min(days for days in EXPIRY_WARNINGS if grant.expires_at <= now + timedelta(days=days))
    return f"grant:{grant.pk}:{grant.expires_at:%Y%m%d}:expires:{step}"


@in_transaction
def warn_of_expiry(*, grant: Grant, now: datetime) -> None:
    """The developer is told that the grant ends soon, once per step."""
    stored = lock_grant(grant.pk)
    if stored.status not in LIVE_GRANTS or not now < stored.expires_at <= now + timedelta(days=max(EXPIRY_WARNINGS)):
        raise StateConflict(_("This grant does not end soon."))
    tell_developer(
        NoticeKind.GRANT_EXPIRING, developer=stored.app.developer, key=f"{_expiry_key(stored, now)}/", now=now,
        app=stored.app.name, capability=stored.capability.names, until_at=stored.expires_at.isoformat(),
    )  # fmt: skip


@in_transaction
def close_re_review(*, re_review: ReReview, keep: bool, reason: str, by: User, now: datetime) -> None:
    """The grant stays as it is, or it is suspended; revoking it then takes two people as always."""
    require(by, SUSPEND)
    said = _said(reason)
    target = ReReviewStatus.KEPT if keep else ReReviewStatus.ENDED
    transition(re_review, target, table=RE_REVIEW_TRANSITIONS, closed_by=by, closed_at=now, reason=said)
    record_event("re_review.closed", target=re_review, by=by, now=now, reason=said, kept=keep)
    grant = lock_grant(re_review.grant_id)
    if not keep and grant.status == GrantStatus.ACTIVE:
        _move(grant, GrantStatus.SUSPENDED, "grant.suspended", NoticeKind.GRANT_SUSPENDED, reason=said, by=by, now=now)


def _proposed(grant: Grant) -> None:
    if grant.revocation_proposed_by_id is None:
        raise StateConflict(_("Nobody has proposed to revoke this grant."))


def _said(reason: str) -> str:
    if not reason.strip():
        raise GrantRefused(_("Say why."), code="reason_missing")
    return reason.strip()[:500]


def _move(grant: Grant, target: str, verb: str, notice: str, *, reason: str, by: User | None, now: datetime) -> None:
    stored = lock_grant(grant.pk)
    ended_at = None if target in LIVE_GRANTS else now
    transition(stored, target, table=GRANT_TRANSITIONS, status_reason=reason, ended_at=ended_at)
    grant.status, grant.status_reason, grant.ended_at = stored.status, reason, ended_at
    event = record_event(verb, target=stored, by=by, now=now, reason=reason, app=stored.app.code, capability=stored.capability.code)
    developer = stored.app.developer
    tell_developer(notice, developer=developer, key=f"grant:{event.pk}", now=now, app=stored.app.name, capability=stored.capability.names, reason=reason)
