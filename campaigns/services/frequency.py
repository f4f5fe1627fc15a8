"""Extra frequency rules: holding cards to them, and changing them; ranks and the slots that a scenario leaves free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from datetime import datetime, time
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import fetch_all, load_sql
from backoffice.kernel.tenancy.models import Store, User
from campaigns.choices import CREDIT_CARDS, NO_EXTRA_RULES, PERSON_DAY_CAP, SCENARIO_RANKS, SLOT_HOLDING, STORE_DAY_CAP, RuleScope, RuleWindow
from campaigns.models import FrequencyRule, ScenarioRank
from campaigns.models.frequency import MOST_RULE_DAYS
from campaigns.selectors.frequency import get_ranks, list_own_stores, list_rules
from campaigns.services.caps import give_back_slots


class RuleRefused(BusinessError):
    """The rule or the rank cannot be; nothing was changed."""

    code = "rule_refused"


def hold_to_rules(scenario: str, store_ids: Collection[int], finding: dict[str, Any]) -> Counter[int]:
    """Hold back what no rule allows of the cards just decided (in ``due_card``), in the caller's transaction; how many by store. Their slots come back.

    Asked after both slots were taken: the counters are locked then, so that two decisions for one person never count past each other.
    """
    rules = list_rules(scenario, store_ids)
    if not rules:
        return Counter()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    rows = fetch_all(
        load_sql("campaigns", "hold_to_rules"),
        {
            "local_day": finding["local_day"],
            "scenario": scenario,
            "slot_holding": list(SLOT_HOLDING),
            "exempt": list(NO_EXTRA_RULES),
            "own_stores": list_own_stores(rules),
            "ids": [rule.pk for rule in rules],
            "stores": [rule.store_id or 0 for rule in rules],
            "days": [rule.window_days for rule in rules],
            "caps": [rule.cap for rule in rules],
            "scopes": [rule.scope for rule in rules],
        },
    )
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = on")
    give_back_slots([row["id"] for row in rows])
    return Counter(row["store_id"] for row in rows)


@in_transaction
def save_rule(
    *,
    rule: FrequencyRule,
    scope: str,
    store: Store | None,
    scenario: str,
    window_days: int,
    cap: int | None,
    quiet_from: time | None,
    quiet_until: time | None,
    is_active: bool,
    by: User | None,
    now: datetime,
) -> FrequencyRule:
    """Make or change an extra rule. Raises ``RuleRefused`` for one that names a credit scenario or a duty, that says nothing, or that is there already,
    and ``StateConflict`` for a base row: base rows stay as they are."""
    is_new = rule.pk is None
    if rule.is_base:
        raise StateConflict(_("This is a base rule: it is never loosened and never deleted. Add a rule of your own beside it."), code="base_rule")
    scenario = scenario if scope == RuleScope.SCENARIO else ""
    store = None if scope == RuleScope.PLATFORM else store
    _check(scope, scenario, window_days, cap, quiet_from, quiet_until)
    others = FrequencyRule.objects.exclude(pk=rule.pk)
    if scope == RuleScope.SCENARIO and others.filter(scope=scope, scenario=scenario, store=store).exists():
        raise RuleRefused(_("There is a rule for this scenario and store already. Change that one."), field="scenario")
    if not is_new:
        FrequencyRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    rule.scope, rule.store, rule.scenario, rule.cap = scope, store, scenario, cap
    rule.window, rule.window_days = (RuleWindow.LOCAL_DAY if window_days == 1 else RuleWindow.ROLLING), window_days
    rule.quiet_from, rule.quiet_until, rule.is_active = quiet_from, quiet_until, is_active
    rule.updated_by, rule.updated_at = by, now
    rule.save()
    record_event(
        "frequency_rule.saved",
        target=rule,
        by=by,
        now=now,
        store=store,
        scope=scope,
        scenario=scenario,
        window_days=window_days,
        cap=cap,
        quiet=None if quiet_from is None or quiet_until is None else f"{quiet_from:%H:%M}-{quiet_until:%H:%M}",
        is_active=is_active,
    )
    return rule


def _check(scope: str, scenario: str, window_days: int, cap: int | None, quiet_from: time | None, quiet_until: time | None) -> None:
    if scope not in RuleScope.values:
        raise RuleRefused(_("Choose what the rule counts."), field="scope")
    if scenario in NO_EXTRA_RULES:
        refusal = _("Credit reminders and notices of renewal obey the base limits and nothing else: no rule can name them.")
        raise RuleRefused(refusal, code="credit_scenario", field="scenario")
    if scope == RuleScope.SCENARIO and scenario not in {code.value for code in SCENARIO_RANKS}:
        raise RuleRefused(_("Choose the scenario that the rule is for."), field="scenario")
    if not 1 <= window_days <= MOST_RULE_DAYS:
        raise RuleRefused(_("The window is 1 to %(most)d days.") % {"most": MOST_RULE_DAYS}, field="window_days")
    if cap is not None and cap < 1:
        raise RuleRefused(_("At least one message. To send none, switch the scenario off."), field="cap")
    if (quiet_from is None) != (quiet_until is None) or (quiet_from is not None and quiet_from == quiet_until):
        raise RuleRefused(_("Quiet hours need a beginning and an end that differ."), field="quiet_until")
    if cap is None and quiet_from is None:
        raise RuleRefused(_("The rule says nothing. Give it a limit or quiet hours."), field="cap")


@in_transaction
def delete_rule(*, rule: FrequencyRule, by: User | None, now: datetime) -> None:
    """Take an extra rule away. Raises ``StateConflict`` for a base row."""
    if rule.is_base:
        raise StateConflict(_("This is a base rule: it is never loosened and never deleted. Add a rule of your own beside it."), code="base_rule")
    record_event("frequency_rule.deleted", target=rule, by=by, now=now, store=rule.store, scope=rule.scope, scenario=rule.scenario, cap=rule.cap)
    rule.delete()


@in_transaction
def set_rank(*, scenario: str, place: int, store_slots_left: int, person_slots_left: int, by: User | None, now: datetime) -> ScenarioRank:
    """Move a scenario to ``place`` (the others close up) and set how many slots of a day it leaves free.

    Raises ``RuleRefused`` for the three credit scenarios, which stand first as they ship, for a place before them or behind the last, and for slots
    kept free from a duty. Nothing is written when nothing changes.
    """
    first, last = len(CREDIT_CARDS) + 1, len(SCENARIO_RANKS)
    if scenario in CREDIT_CARDS:
        raise RuleRefused(_("The credit reminders go first, in their own order."), code="credit_scenario", field="place")
    if not first <= place <= last:
        raise RuleRefused(_("The rank is %(first)d to %(last)d: the credit reminders stand before.") % {"first": first, "last": last}, field="place")
    if not 0 <= store_slots_left < STORE_DAY_CAP or not 0 <= person_slots_left < PERSON_DAY_CAP:
        raise RuleRefused(_("At least one slot must be left for the scenario itself."), field="store_slots_left")
    if scenario in NO_EXTRA_RULES and (store_slots_left or person_slots_left):
        raise RuleRefused(_("This message is owed to the member: it leaves no slot to others."), code="duty", field="store_slots_left")
    list(ScenarioRank.objects.order_by("pk").select_for_update())
    order = get_ranks().order
    was = order.index(scenario) + 1
    stored = {rank.scenario: rank for rank in ScenarioRank.objects.all()}
    found = stored.get(scenario)
    before = (was, found.store_slots_left, found.person_slots_left) if found else (was, 0, 0)
    if found and before == (place, store_slots_left, person_slots_left):
        return found
    order.remove(scenario)
    order.insert(place - 1, scenario)
    ScenarioRank.objects.bulk_create(
        [ScenarioRank(scenario=code, place=at if code in CREDIT_CARDS else 100 + at) for at, code in enumerate(order, start=1) if code not in stored]
    )
    for at, code in enumerate(order, start=1):
        ScenarioRank.objects.filter(scenario=code).exclude(place=at).update(place=at)
    ScenarioRank.objects.filter(scenario=scenario).update(store_slots_left=store_slots_left, person_slots_left=person_slots_left, updated_by=by, updated_at=now)
    rank = ScenarioRank.objects.get(scenario=scenario)
    record_event(
        "scenario_rank.changed",
        target=rank,
        by=by,
        now=now,
        scenario=scenario,
        place=place,
        was=was,
        store_slots_left=store_slots_left,
        person_slots_left=person_slots_left,
    )
    return rank
