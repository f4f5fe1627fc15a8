"""A store's two switches for reminders about paid membership, and their time of day."""

from __future__ import annotations

from datetime import datetime, time

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from campaigns.choices import OPEN_RUN, ScenarioCode
from campaigns.models import PaidReminderRun, PaidReminderSetting
from campaigns.services.settings import cancel_waiting


@in_transaction
def set_paid_reminder(*, store: Store, ending_on: bool, benefits_on: bool, send_time: time, by: User | None, now: datetime) -> PaidReminderSetting:
    """Switch a store's reminders about paid membership on or off, or change their time of day, which acts from the next run.

    Off: what of that reminder was not handed over is cancelled and gives its slots back. Raises ``StateConflict`` when a closed store is to be
    switched on, ``MerchantBarred`` when that of a barred merchant is. Nothing is written when nothing changes.
    """
    found = PaidReminderSetting.objects.filter(store=store).first()
    was = (found.ending_on, found.benefits_on) if found else (False, False)
    if (ending_on and not was[0]) or (benefits_on and not was[1]):
        if store.status != StoreStatus.OPEN:
            raise StateConflict(_("The store is closed. Reminders can be switched on for an open store only."), code="store_closed")
        require_no_bar(store.pk)
    PaidReminderSetting.objects.get_or_create(store=store, defaults={"send_time": send_time})
    setting = PaidReminderSetting.objects.select_for_update(of=("self",)).get(store=store)
    before = (setting.ending_on, setting.benefits_on, setting.send_time)
    if before == (ending_on, benefits_on, send_time) and setting.updated_at is not None:
        return setting
    setting.ending_on, setting.benefits_on, setting.send_time = ending_on, benefits_on, send_time
    setting.updated_by, setting.updated_at = by, now
    setting.save()
    off = [
        scenario.value
        for scenario, was_on, is_on in (
            (ScenarioCode.PAID_ENDING, before[0], ending_on),
            (ScenarioCode.BENEFIT_ENDING, before[1], benefits_on),
        )
        if was_on and not is_on
    ]
    cancelled = _stop(store, off) if off else 0
    record_event(
        "paid_reminder_setting.changed",
        target=setting,
        by=by,
        now=now,
        store=store,
        ending_on=ending_on,
        benefits_on=benefits_on,
        send_time=send_time.isoformat("minutes"),
        was_ending_on=before[0],
        was_benefits_on=before[1],
        was_send_time=before[2].isoformat("minutes"),
        cancelled=cancelled,
    )
    return setting


def _stop(store: Store, scenarios: list[str]) -> int:
    """Locks the open runs first: a chunk that is being decided ends before its cards are cancelled. The run itself goes on with what is still on."""
    list(PaidReminderRun.objects.select_for_update().filter(store=store, status__in=OPEN_RUN).order_by("pk"))
    return cancel_waiting(store, scenarios)
