"""Trying a dead letter again, by a person's wish."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from campaigns.choices import AT_ONCE, MESSAGE_TRANSITIONS, MessageStatus, SuppressionReason
from campaigns.models import Message
from campaigns.services.caps import take_slots

DECIDED_AGAIN = _("This message was for another day. The next run decides again, with the figures of its day.")
ONE_DAY_ONLY = _("This notice was for the day of its payment and does not go on another one.")


class RetryRefused(BusinessError):
    """The message is not tried again; nothing was changed."""

    code = "retry_refused"


@in_transaction
def retry_message(*, message: Message, by: User | None, now: datetime) -> Message:
    """Let a failed message wait to be handed over again, in a new slot of today's caps and with its key, figures and text as decided.

    Only on the day for which it was decided: its figures are of that day, and the next day's run decides a reminder afresh. Raises
    ``StateConflict`` when it did not fail, ``RetryRefused`` on another day or when a cap is met.
    """
    stored = Message.objects.select_for_update().get(pk=message.pk)
    if stored.status != MessageStatus.FAILED or MessageStatus.PENDING not in MESSAGE_TRANSITIONS[MessageStatus(stored.status)]:
        raise StateConflict(_("Only a message that failed can be tried again. Load the page again and look before you act."))
    if stored.local_day != clock.local_day(now):
        raise RetryRefused(ONE_DAY_ONLY if stored.scenario in AT_ONCE else DECIDED_AGAIN, code="another_day")
    met = take_slots(store_id=stored.store_id, person_id=stored.person_id, local_day=stored.local_day)
    if met is not None:
        raise RetryRefused(_("It cannot be tried again today: %(reason)s.") % {"reason": SuppressionReason(met).label}, code=met.value)
    stored.status = MessageStatus.PENDING
    stored.attempt_count, stored.in_doubt, stored.first_attempt_at, stored.next_attempt_at = 0, False, None, None
    stored.lease_token, stored.lease_until = None, None
    stored.save(update_fields=["status", "attempt_count", "in_doubt", "first_attempt_at", "next_attempt_at", "lease_token", "lease_until"])
    record_event("message.retried", target=stored, store=stored.store_id, by=by, now=now, error=stored.error)
    return stored
