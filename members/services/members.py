"""A member's status and wishes: status changes, marketing consent, the switch for credit cards."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO, format_yuan
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.models import User
from members.choices import MEMBER_TRANSITIONS, ConsentSource, MemberStatus
from members.models import Member, MemberStatusChange
from members.services.locks import lock_account_of, lock_member

ENDS_MEMBERSHIP = (MemberStatus.LEFT, MemberStatus.CLOSED)


class ReasonMissing(BusinessError):
    """The act needs a reason."""

    code = "reason_missing"


class BalanceNotConfirmed(BusinessError):
    """The member leaves with credit; ``balance`` (yuan) must be confirmed exactly. The money stays theirs."""

    code = "balance_not_confirmed"

    def __init__(self, balance: Decimal) -> None:
        self.balance = balance
        sentence = _("This member still has %(balance)s yuan of credit. It stays theirs. Confirm by entering this balance.") % {"balance": format_yuan(balance)}
        super().__init__(sentence, balance=balance, field="confirmed_with_balance")


@in_transaction
def change_status(*, member: Member, to: str, reason: str, by: User | None, now: datetime, confirmed_with_balance: Decimal | None = None) -> MemberStatusChange:
    """Move ``member`` to status ``to`` as the transition table allows, with who, when and why.

    Leaving or closing with a balance needs ``confirmed_with_balance`` equal to it. Raises ``ReasonMissing``, ``BalanceNotConfirmed`` or
    ``StateConflict``; then nothing changed.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(_("Say why the status is changed."), field="reason")
    account = lock_account_of(member)
    stored = lock_member(member)
    if to not in MEMBER_TRANSITIONS[stored.status]:
        raise StateConflict(
            _("The member is “%(now)s” and cannot become “%(to)s”. Load the page again.") % {"now": stored.get_status_display(), "to": MemberStatus(to).label}
        )
    balance = account.balance + account.held if account else ZERO
    if to in ENDS_MEMBERSHIP and balance > 0 and confirmed_with_balance != balance:
        raise BalanceNotConfirmed(balance)
    before = stored.status
    transition(stored, to, table=MEMBER_TRANSITIONS, updated_at=now)
    change = MemberStatusChange.objects.create(member=stored, from_status=before, to_status=to, by=by, reason=reason, happened_at=now)
    facts = {"balance": str(balance)} if to in ENDS_MEMBERSHIP else {}
    record_event("member_status.changed", target=stored, store=stored.store_id, by=by, now=now, reason=reason, from_status=before, to_status=to, **facts)
    return change


@in_transaction
def record_consent(*, member: Member, agrees: bool, source: str, version: str, by: User | None, now: datetime) -> Member:
    """Record the member's marketing consent, or that it was taken back, with where it comes from and under which version of the terms."""
    if source not in (ConsentSource.CONSOLE, ConsentSource.MEMBER, ConsentSource.FILE):
        raise BusinessError(_("Say where the member's wish is known from."), code="consent_source_invalid", field="source")
    stored = lock_member(member)
    stored.marketing_consent, stored.consent_source, stored.consent_version = agrees, source, version.strip()
    stored.consent_at = stored.updated_at = now
    stored.save(update_fields=["marketing_consent", "consent_source", "consent_version", "consent_at", "updated_at"])
    record_event("consent.recorded", target=stored, store=stored.store_id, by=by, now=now, agrees=agrees, source=source, version=version.strip())
    return stored


@in_transaction
def switch_credit_cards(*, member: Member, on: bool, reason: str, by: User | None, now: datetime) -> Member:
    """Turn the three credit cards on or off for this member, as the member wished. Marketing consent is another thing."""
    reason = reason.strip()
    if not reason:
        raise ReasonMissing(_("Say how the member's wish is known."), field="reason")
    stored = lock_member(member)
    if stored.credit_cards_on == on:
        raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
    stored.credit_cards_on, stored.updated_at = on, now
    stored.save(update_fields=["credit_cards_on", "updated_at"])
    record_event("credit_cards.switched", target=stored, store=stored.store_id, by=by, now=now, reason=reason, on=on)
    return stored
