"""A store's one switch for credit reminders."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, time

from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from campaigns.choices import CREDIT_CARDS, OPEN_RUN, MessageStatus, RunStatus, SuppressionReason
from campaigns.models import Message, ReminderRun, ReminderSetting
from campaigns.services.caps import give_back_slots
from campaigns.services.runs import open_runs


@in_transaction
def set_reminder(*, store: Store, enabled: bool, send_time: time, by: User | None, now: datetime) -> ReminderSetting:
    """Switch a store's reminders on or off, or change their time of day.

    On: the periodic cards go from the next send time. Off: everything of the three credit cards that was not handed over is cancelled and gives
    its slots back; an attempt without an answer keeps its own. A new time acts from the next run: a run of today that is due or was due already
    stays where it was. Raises ``StateConflict`` when a closed store is to be switched on, ``MerchantBarred`` when one of a barred merchant is: it
    begins nothing new, and what was on stays on. Nothing is written when nothing changes.
    """
    if enabled and store.status != StoreStatus.OPEN:
        raise StateConflict(_("The store is closed. Reminders can be switched on for an open store only."), code="store_closed")
    if enabled and not ReminderSetting.objects.filter(store=store, enabled=True).exists():
        require_no_bar(store.pk)
    ReminderSetting.objects.get_or_create(store=store, defaults={"send_time": send_time})
    setting = ReminderSetting.objects.select_for_update(of=("self",)).get(store=store)
    before = (setting.enabled, setting.send_time)
    if before == (enabled, send_time) and setting.updated_at is not None:
        return setting
    if setting.enabled and enabled:
        _keep_run_of_today(setting, new_time=send_time, now=now)
    if enabled and not setting.enabled:
        setting.enabled_at = now
    setting.enabled, setting.send_time, setting.updated_by, setting.updated_at = enabled, send_time, by, now
    setting.save()
    cancelled = 0 if enabled else _stop(store, now=now)
    record_event(
        "reminder_setting.changed",
        target=setting,
        by=by,
        now=now,
        store=store,
        enabled=enabled,
        send_time=send_time.isoformat("minutes"),
        was_enabled=before[0],
        was_send_time=before[1].isoformat("minutes"),
        cancelled=cancelled,
    )
    return setting


def _keep_run_of_today(setting: ReminderSetting, *, new_time: time, now: datetime) -> None:
    """A run missed so far today is opened under the old time; one still ahead stays there when the new time of today is over already."""
    open_runs(now=now, store_ids=[setting.store_id])
    today = clock.local_day(now)
    old_at, new_at = clock.at_local(today, setting.send_time), clock.at_local(today, new_time)
    if new_at <= now < old_at and (setting.enabled_at is None or setting.enabled_at <= old_at):
        ReminderRun.objects.get_or_create(store_id=setting.store_id, local_day=today, defaults={"scheduled_at": old_at})


def _stop(store: Store, *, now: datetime) -> int:
    """Cancel what was not handed over; the number of messages. The runs are locked first: a chunk being decided ends before its cards are cancelled."""
    runs = ReminderRun.objects.select_for_update().filter(store=store, status__in=OPEN_RUN)
    for run in runs.order_by("pk"):
        if run.started_at is None:
            run.delete()
        else:
            ReminderRun.objects.filter(pk=run.pk).update(status=RunStatus.DONE, finished_at=now)
    return cancel_waiting(store, CREDIT_CARDS)


def cancel_waiting(store: Store, scenarios: Collection[str]) -> int:
    """Cancel the store's messages of these scenarios that were not handed over, as switched off; the number of them. Their slots come back."""
    waiting = Message.objects.filter(store=store, status=MessageStatus.PENDING, scenario__in=scenarios, lease_token=None, in_doubt=False)
    cancelled = list(waiting.order_by("pk").select_for_update().values_list("pk", flat=True))
    Message.objects.filter(pk__in=cancelled).update(status=MessageStatus.CANCELLED, reason=SuppressionReason.SETTING_OFF)
    give_back_slots(cancelled)
    return len(cancelled)
