"""Caps, counters and cards: what must hold among messages, whatever was killed, repeated or run at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from backoffice.kernel.invariants import invariant
from backoffice.kernel.sql import fetch_all
from campaigns.choices import CONSENT_CARDS, LIFECYCLE, PERIODIC_CARDS, PERSON_DAY_CAP, REMINDER_INTERVAL_DAYS, SLOT_HOLDING, STORE_DAY_CAP

Breaches = Iterator[tuple[str, dict[str, Any]]]
WENT = ("SENT", "UNKNOWN")


def _rows(sql: str, most: int, **params: Any) -> list[dict[str, Any]]:
    return fetch_all(
        f"{sql} LIMIT %(most)s", {"most": most, "slot_holding": list(SLOT_HOLDING), "periodic": list(PERIODIC_CARDS), "went": list(WENT), **params}
    )


@invariant("caps.store_day", "nobody has more than 2 messages from a store on a local day")
def store_day(most: int) -> Breaches:
    sql = """
        SELECT store_id, person_id, local_day, count(*) AS messages, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE status = ANY(%(slot_holding)s) GROUP BY store_id, person_id, local_day HAVING count(*) > %(cap)s
    """
    for row in _rows(sql, most, cap=STORE_DAY_CAP):
        yield f"store {row['store_id']}, person {row['person_id']}, {row['local_day']}", {"messages": row["messages"], "ids": row["ids"]}


@invariant("caps.person_day", "nobody has more than 10 messages across stores on a local day")
def person_day(most: int) -> Breaches:
    sql = """
        SELECT person_id, local_day, count(*) AS messages, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE status = ANY(%(slot_holding)s) GROUP BY person_id, local_day HAVING count(*) > %(cap)s
    """
    for row in _rows(sql, most, cap=PERSON_DAY_CAP):
        yield f"person {row['person_id']}, {row['local_day']}", {"messages": row["messages"], "ids": row["ids"]}


@invariant("caps.store_counters", "every store-day counter equals the messages that hold a slot")
def store_counters(most: int) -> Breaches:
    sql = """
        SELECT store_id, person_id, local_day, coalesce(counter.used, 0) AS used, coalesce(held.slots, 0) AS slots
          FROM (SELECT store_id, person_id, local_day, used FROM campaigns_storedaycounter) AS counter
          FULL JOIN (SELECT store_id, person_id, local_day, count(*) AS slots FROM campaigns_message
                      WHERE status = ANY(%(slot_holding)s) GROUP BY store_id, person_id, local_day) AS held USING (store_id, person_id, local_day)
         WHERE coalesce(counter.used, 0) <> coalesce(held.slots, 0)
    """
    for row in _rows(sql, most):
        yield f"store {row['store_id']}, person {row['person_id']}, {row['local_day']}", {"counter": row["used"], "messages": row["slots"]}


@invariant("caps.person_counters", "every person-day counter equals the messages that hold a slot")
def person_counters(most: int) -> Breaches:
    sql = """
        SELECT person_id, local_day, coalesce(counter.used, 0) AS used, coalesce(held.slots, 0) AS slots
          FROM (SELECT person_id, local_day, used FROM campaigns_persondaycounter) AS counter
          FULL JOIN (SELECT person_id, local_day, count(*) AS slots FROM campaigns_message
                      WHERE status = ANY(%(slot_holding)s) GROUP BY person_id, local_day) AS held USING (person_id, local_day)
         WHERE coalesce(counter.used, 0) <> coalesce(held.slots, 0)
    """
    for row in _rows(sql, most):
        yield f"person {row['person_id']}, {row['local_day']}", {"counter": row["used"], "messages": row["slots"]}


@invariant("cards.one_a_day", "of balance and expiry reminder a person gets at most one a day and store")
def one_card_a_day(most: int) -> Breaches:
    sql = """
        SELECT store_id, person_id, local_day, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE scenario = ANY(%(periodic)s) AND status = ANY(%(slot_holding)s) GROUP BY store_id, person_id, local_day HAVING count(*) > 1
    """
    for row in _rows(sql, most):
        yield f"store {row['store_id']}, person {row['person_id']}, {row['local_day']}", {"ids": row["ids"]}


@invariant("cards.thirty_days_apart", "two periodic cards that went, or may have gone, to one person from one store lie 30 local days apart")
def thirty_days_apart(most: int) -> Breaches:
    sql = """
        SELECT * FROM (
            SELECT id, store_id, person_id, local_day,
                   lag(local_day) OVER pair AS earlier_day, lag(id) OVER pair AS earlier_id
              FROM campaigns_message WHERE scenario = ANY(%(periodic)s) AND status = ANY(%(went)s)
            WINDOW pair AS (PARTITION BY store_id, person_id ORDER BY local_day, id)) AS card
         WHERE local_day - earlier_day < %(interval)s
    """
    for row in _rows(sql, most, interval=REMINDER_INTERVAL_DAYS):
        yield f"message {row['id']}", {"local_day": row["local_day"], "earlier": row["earlier_id"], "earlier_day": row["earlier_day"]}


@invariant("cards.clock", "the 30-day clock of a member stands at the last card that went or may have gone, or later")
def card_clock(most: int) -> Breaches:
    sql = """
        SELECT card.member_id, card.last_day, clock.last_sent_on
          FROM (SELECT member_id, max(local_day) AS last_day FROM campaigns_message
                 WHERE scenario = ANY(%(periodic)s) AND status = ANY(%(went)s) AND member_id IS NOT NULL GROUP BY member_id) AS card
          LEFT JOIN campaigns_reminderclock AS clock ON clock.member_id = card.member_id
         WHERE clock.last_sent_on IS NULL OR clock.last_sent_on < card.last_day
    """
    for row in _rows(sql, most):
        yield f"member {row['member_id']}", {"clock": row["last_sent_on"], "last_card": row["last_day"]}


@invariant("runs.counts", "a run's figures equal the cards that it decided")
def run_counts(most: int) -> Breaches:
    sql = """
        SELECT run.id, run.store_id, run.local_day, run.due_count, coalesce(card.cards, 0) AS cards
          FROM campaigns_reminderrun AS run
          LEFT JOIN (SELECT store_id, local_day, count(*) AS cards FROM campaigns_message
                      WHERE scenario = ANY(%(periodic)s) GROUP BY store_id, local_day) AS card
            ON card.store_id = run.store_id AND card.local_day = run.local_day
         WHERE run.due_count <> coalesce(card.cards, 0)
            OR run.due_count <> run.balance_count + run.expiry_count + run.store_cap_count + run.platform_cap_count
    """
    for row in _rows(sql, most):
        yield f"run {row['id']}", {"store": row["store_id"], "local_day": row["local_day"], "due": row["due_count"], "cards": row["cards"]}


@invariant("notices.once_a_payment", "a payment has at most one notice")
def one_notice_a_payment(most: int) -> Breaches:
    sql = """
        SELECT occasion, count(*) AS notices, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE scenario = 'AFTER_PAYMENT' GROUP BY occasion HAVING count(*) > 1
    """
    for row in _rows(sql, most):
        yield f"payment {row['occasion']}", {"notices": row["notices"], "ids": row["ids"]}


@invariant("notices.of_the_day", "a notice is about a payment with credit of its store and member, and went on the local day of that payment or not at all")
def notices_of_the_day(most: int) -> Breaches:
    sql = """
        SELECT notice.id, notice.local_day, notice.sent_at, notice.occasion, payment.paid_at
          FROM campaigns_message AS notice
          LEFT JOIN members_payment AS payment ON payment.id = notice.occasion
         WHERE notice.scenario = 'AFTER_PAYMENT'
           AND (payment.id IS NULL OR payment.store_id <> notice.store_id OR payment.member_id IS DISTINCT FROM notice.member_id
                OR payment.credit_used <= 0 OR (payment.paid_at AT TIME ZONE %(zone)s)::date <> notice.local_day
                OR (notice.status = 'SENT' AND (notice.sent_at AT TIME ZONE %(zone)s)::date <> notice.local_day))
    """
    for row in _rows(sql, most, zone=settings.TIME_ZONE):
        yield f"message {row['id']}", {"payment": row["occasion"], "paid_at": row["paid_at"], "local_day": row["local_day"], "sent_at": row["sent_at"]}


@invariant("paid_cards.once_an_end", "the end of a paid term or of a benefit is told of once")
def one_card_an_end(most: int) -> Breaches:
    sql = """
        SELECT store_id, person_id, scenario, occasion / 1000 AS what_ends, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE scenario = ANY(%(paid_cards)s) AND status = ANY(%(went)s) GROUP BY store_id, person_id, scenario, occasion / 1000 HAVING count(*) > 1
    """
    for row in _rows(sql, most, paid_cards=list(CONSENT_CARDS)):
        yield f"store {row['store_id']}, person {row['person_id']}, {row['scenario']}", {"ends": row["what_ends"], "ids": row["ids"]}


@invariant("renewals.told_of", "a paid term that knows of its notice of renewal was told of it before the term ended")
def renewals_told_of(most: int) -> Breaches:
    sql = """
        SELECT id, renewal_notice_at, bought_until FROM paid_paidmembership
         WHERE renewal_notice_at IS NOT NULL AND (renewal_notice_at AT TIME ZONE %(zone)s)::date >= bought_until
    """
    for row in _rows(sql, most, zone=settings.TIME_ZONE):
        yield f"paid membership {row['id']}", {"told": row["renewal_notice_at"], "until": row["bought_until"]}


@invariant("lifecycle.once_about", "a lifecycle message about one thing went once, and to nobody who was held out")
def one_message_about_a_thing(most: int) -> Breaches:
    sql = """
        SELECT store_id, person_id, scenario, (occasion - occasion %% 100000) / 100000 AS about, array_agg(id ORDER BY id) AS ids FROM campaigns_message
         WHERE scenario = ANY(%(lifecycle)s) AND occasion >= 100000 AND (status = ANY(%(went)s) OR reason = 'held_out')
         GROUP BY store_id, person_id, scenario, (occasion - occasion %% 100000) / 100000 HAVING count(*) > 1
    """
    for row in _rows(sql, most, lifecycle=list(LIFECYCLE)):
        yield f"store {row['store_id']}, person {row['person_id']}, {row['scenario']}", {"about": row["about"], "ids": row["ids"]}


@invariant("lifecycle.counts", "a lifecycle run's figures equal what it decided")
def lifecycle_run_counts(most: int) -> Breaches:
    sql = """
        SELECT run.id, run.store_id, run.local_day, run.due_count, run.held_out_count,
               coalesce(told.due, 0) AS due, coalesce(told.held_out, 0) AS held_out
          FROM campaigns_lifecyclerun AS run
          LEFT JOIN (SELECT store_id, scenario, local_day, count(*) AS due, count(*) FILTER (WHERE reason = 'held_out') AS held_out
                       FROM campaigns_message
                      WHERE scenario = ANY(%(lifecycle)s) GROUP BY store_id, scenario, local_day) AS told
            ON told.store_id = run.store_id AND told.scenario = run.scenario AND told.local_day = run.local_day
         WHERE run.due_count <> coalesce(told.due, 0) OR run.held_out_count <> coalesce(told.held_out, 0)
    """
    for row in _rows(sql, most, lifecycle=list(LIFECYCLE)):
        yield f"run {row['id']}", {"due": row["due_count"], "messages": row["due"], "held_out": row["held_out_count"], "held_out_messages": row["held_out"]}
