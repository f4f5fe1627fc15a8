"""A store's lifecycle messages: switch, time, days, hold-out share, own frequency rule and quiet hours of each scenario."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from campaigns.choices import HOLDOUT_PERCENT, LIFECYCLE, LIFECYCLE_DAYS, OPEN_RUN, RuleScope
from campaigns.models import FrequencyRule, LifecycleRun, LifecycleSetting
from campaigns.models.lifecycle import DEFAULT_SEND_TIME, MOST_DAYS
from campaigns.services.frequency import delete_rule, save_rule
from campaigns.services.settings import cancel_waiting


class LifecycleRefused(BusinessError):
    """The setting cannot be; nothing was changed."""

    code = "lifecycle_refused"


@dataclass(frozen=True)
class OwnRule:
    """The store's frequency rule of a scenario. Empty: the rule for all stores holds."""

    cap: int | None = None
    window_days: int = 30
    quiet_from: time | None = None
    quiet_until: time | None = None

    @property
    def is_empty(self) -> bool:
        return self.cap is None and self.quiet_from is None and self.quiet_until is None


@in_transaction
def set_lifecycle(
    *,
    store: Store,
    scenario: str,
    enabled: bool,
    by: User | None,
    now: datetime,
    send_time: time = DEFAULT_SEND_TIME,
    days: int | None = None,
    holdout_percent: int = HOLDOUT_PERCENT,
    rule: OwnRule | None = None,
) -> LifecycleSetting:
    """Switch a lifecycle scenario of a store on or off, or change it; changes act from the next run. ``rule`` None leaves the store's rule as it is.

    Off: what was not handed over is cancelled and gives its slots back. Raises ``LifecycleRefused``, ``RuleRefused``, ``StateConflict`` when a closed
    store is to be switched on, ``MerchantBarred`` when that of a barred merchant is. Nothing is written when nothing changes.
    """
    if scenario not in LIFECYCLE:
        raise LifecycleRefused(_("This is not a lifecycle message."), field="scenario")
    days = LIFECYCLE_DAYS[scenario] if days is None else days
    if not 1 <= days <= MOST_DAYS:
        raise LifecycleRefused(_("The days are 1 to %(most)d.") % {"most": MOST_DAYS}, field="days")
    if not 0 <= holdout_percent <= 50:
        raise LifecycleRefused(_("The hold-out share is 0 to 50 percent."), field="holdout_percent")
    found = LifecycleSetting.objects.filter(store=store, scenario=scenario).first()
    if enabled and not (found and found.enabled):
        if store.status != StoreStatus.OPEN:
            raise StateConflict(_("The store is closed. Messages can be switched on for an open store only."), code="store_closed")
        require_no_bar(store.pk)
    LifecycleSetting.objects.get_or_create(store=store, scenario=scenario, defaults={"days": days})
    setting = LifecycleSetting.objects.select_for_update(of=("self",)).get(store=store, scenario=scenario)
    if rule is not None:
        _set_rule(setting, rule, by=by, now=now)
    before = (setting.enabled, setting.send_time, setting.days, setting.holdout_percent)
    if before == (enabled, send_time, days, holdout_percent) and setting.updated_at is not None:
        return setting
    if enabled and not setting.enabled:
        setting.enabled_at = now
    setting.enabled, setting.send_time, setting.days, setting.holdout_percent = enabled, send_time, days, holdout_percent
    setting.updated_by, setting.updated_at = by, now
    setting.save()
    cancelled = _stop(setting) if before[0] and not enabled else 0
    record_event(
        "lifecycle_setting.changed",
        target=setting,
        by=by,
        now=now,
        store=store,
        scenario=scenario,
        enabled=enabled,
        send_time=send_time.isoformat("minutes"),
        days=days,
        holdout_percent=holdout_percent,
        was_enabled=before[0],
        was_send_time=before[1].isoformat("minutes"),
        was_days=before[2],
        was_holdout_percent=before[3],
        cancelled=cancelled,
    )
    return setting


def get_own_rule(store: Store, scenario: str) -> FrequencyRule | None:
    """The store's own rule of the scenario, in force or not."""
    return FrequencyRule.objects.filter(scope=RuleScope.SCENARIO, store=store, scenario=scenario).first()


def _set_rule(setting: LifecycleSetting, wanted: OwnRule, *, by: User | None, now: datetime) -> None:
    found = get_own_rule(setting.store, setting.scenario)
    if wanted.is_empty:
        if found is not None:
            delete_rule(rule=found, by=by, now=now)
        return
    was = (found.cap, found.window_days, found.quiet_from, found.quiet_until, found.is_active) if found else None
    if was == (wanted.cap, wanted.window_days, wanted.quiet_from, wanted.quiet_until, True):
        return
    save_rule(
        rule=found or FrequencyRule(),
        scope=RuleScope.SCENARIO,
        store=setting.store,
        scenario=setting.scenario,
        window_days=wanted.window_days,
        cap=wanted.cap,
        quiet_from=wanted.quiet_from,
        quiet_until=wanted.quiet_until,
        is_active=True,
        by=by,
        now=now,
    )


def _stop(setting: LifecycleSetting) -> int:
    """Locks the open run first: a chunk that is being decided ends before its cards are cancelled."""
    list(LifecycleRun.objects.select_for_update().filter(store=setting.store_id, scenario=setting.scenario, status__in=OPEN_RUN).order_by("pk"))
    return cancel_waiting(setting.store, [setting.scenario])
