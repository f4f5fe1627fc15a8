"""The two ways into paid membership: invited by member operations, or nominated by industry operations, at the merchant's wish or not."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import LIVE_NOMINATIONS, NOMINATION_TABLE, NominationStatus, NominationWay, ProgramStatus
from members.paid.models import Nomination, PaidProgram
from members.paid.services.entering import said
from members.paid.services.rights import PaidRefused, require_in_store, require_platform

PROPOSE = "paid.propose_store"
INVITE = "paid.invite_store"
NOMINATE = "paid.nominate_store"
_RUNNING = (ProgramStatus.CONFIGURING, ProgramStatus.LIVE)


@in_transaction
def propose_nomination(*, store: Store, reason: str, by: User | None, now: datetime) -> Nomination:
    """The merchant asks to be nominated; industry operations takes it up. Refused while a nomination of the store is proposed or open."""
    require_in_store(by, PROPOSE, store.pk)
    _require_able(store)
    made = _make(store, NominationWay.NOMINATION, NominationStatus.PROPOSED, said(reason), by=by, now=now)
    record_event("nomination.proposed", target=made, store=store, by=by, now=now, reason=made.reason)
    return made


@in_transaction
def invite_store(*, store: Store, reason: str, by: User, now: datetime) -> Nomination:
    """Member operations invites a store; a proposal of the merchant that waits is opened by it."""
    require_platform(by, INVITE)
    return _open(store, NominationWay.INVITATION, said(reason), by=by, now=now)


@in_transaction
def nominate_store(*, store: Store, reason: str, by: User, now: datetime) -> Nomination:
    """Industry operations nominates: opens the merchant's proposal, or begins one of its own."""
    require_platform(by, NOMINATE)
    return _open(store, NominationWay.NOMINATION, said(reason), by=by, now=now)


@in_transaction
def decline_nomination(*, nomination: Nomination, reason: str, by: User, now: datetime) -> Nomination:
    """The platform says no, or ends an invitation that led nowhere. Programs that were approved are closed first, never by this."""
    require_platform(by, INVITE if nomination.way == NominationWay.INVITATION else NOMINATE)
    return _end(nomination, NominationStatus.DECLINED, "nomination.declined", reason, by=by, now=now)


@in_transaction
def withdraw_nomination(*, nomination: Nomination, reason: str, by: User | None, now: datetime) -> Nomination:
    """The merchant takes its proposal back, or does not take up an invitation."""
    require_in_store(by, PROPOSE, nomination.store_id)
    return _end(nomination, NominationStatus.WITHDRAWN, "nomination.withdrawn", reason, by=by, now=now)


def _require_able(store: Store) -> None:
    require_no_bar(store.pk)
    if store.status != StoreStatus.OPEN:
        raise PaidRefused(_("The store is closed."), code="store_closed")


def _open(store: Store, way: NominationWay, reason: str, *, by: User, now: datetime) -> Nomination:
    _require_able(store)
    row = Nomination.objects.select_for_update().filter(store=store, status=NominationStatus.PROPOSED).first()
    if row is None:
        row = _make(store, way, NominationStatus.OPEN, reason, by=by, now=now)
    else:
        transition(row, NominationStatus.OPEN, table=NOMINATION_TABLE, way=way, opened_by=by, opened_at=now)
    record_event("nomination.opened", target=row, store=store, by=by, now=now, reason=reason, way=way.value)
    return row


def _make(store: Store, way: NominationWay, status: NominationStatus, reason: str, *, by: User | None, now: datetime) -> Nomination:
    told = {"proposed_by": by, "proposed_at": now} if status == NominationStatus.PROPOSED else {"opened_by": by, "opened_at": now}
    known = Nomination.objects.filter(store=store, status__in=LIVE_NOMINATIONS).first()
    try:
        with transaction.atomic():
            if known is None:
                return Nomination.objects.create(store=store, way=way, status=status, reason=reason, **told)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") != "nomination_one_live_a_store":
            raise
    if known is not None and known.status == NominationStatus.PROPOSED:
        raise PaidRefused(_("This store's wish is with industry operations already."), code="proposed_already")
    raise PaidRefused(_("This store is invited or nominated already."), code="nominated_already")


def _end(nomination: Nomination, status: NominationStatus, verb: str, reason: str, *, by: User | None, now: datetime) -> Nomination:
    reason = said(reason)
    stored = Nomination.objects.select_for_update().filter(pk=nomination.pk).first()
    if stored is None:
        raise NotFound(_("There is no such row."))
    if PaidProgram.objects.filter(nomination=stored, status__in=_RUNNING).exists():
        raise PaidRefused(_("A program of this store is configured or live. Close it first."), code="program_running")
    transition(stored, status, table=NOMINATION_TABLE, ended_by=by, ended_at=now, end_reason=reason)
    record_event(verb, target=stored, store=stored.store_id, by=by, now=now, reason=reason)
    return stored
