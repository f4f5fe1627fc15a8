"""The ledger is whole: entries, lots and accounts say the same. Rows point to rows that are there (ADR 0020: no foreign keys for these)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django.conf import settings

from backoffice.kernel.invariants import invariant
from backoffice.kernel.sql import fetch_all
from members.selectors.proof import prove_ledger


@invariant("ledger.proof", "sum of entries = what is left in the lots = balance, to the fen, for every account")
def ledger_proof(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for difference in prove_ledger(most_named=most).differences:
        facts = difference.as_json()
        yield f"{difference.what} {difference.id}", {"rule": facts["rule"], "told": facts["told"], "proved": facts["proved"]}


@invariant("ledger.payouts", "every payout is what its PAYOUT entry took, to the fen, and every PAYOUT entry has one payout")
def payouts_are_their_entries(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT 'payout ' || p.id AS row, p.amount, -(e.principal_amount + e.bonus_amount) AS taken
        FROM members_creditpayout p LEFT JOIN members_creditentry e ON e.id = p.entry_id AND e.kind = 'PAYOUT'
        WHERE p.amount IS DISTINCT FROM -(e.principal_amount + e.bonus_amount) OR (p.store_id, p.account_id, p.lot_id) <> (e.store_id, e.account_id, e.lot_id)
        UNION ALL
        SELECT 'entry ' || e.id, NULL, -(e.principal_amount + e.bonus_amount) FROM members_creditentry e
        WHERE e.kind = 'PAYOUT' AND NOT EXISTS (SELECT FROM members_creditpayout p WHERE p.entry_id = e.id)
        ORDER BY 1 LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield row["row"], {"payout": _told(row["amount"]), "entry": _told(row["taken"])}


@invariant("ledger.paid_back_once", "a top-up is refunded at most once, and a lot never pays back more in all than was paid for it")
def paid_back_once(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT l.id, l.principal_amount, sum(p.amount) AS paid_back, count(*) FILTER (WHERE p.cause = 'TOP_UP_REFUND' AND p.lot_id = l.id) AS refunds
        FROM members_creditpayout p JOIN members_creditlot o ON o.id = p.lot_id JOIN members_creditlot l ON l.id = coalesce(o.origin_id, o.id)
        GROUP BY l.id
        HAVING sum(p.amount) > l.principal_amount OR count(*) FILTER (WHERE p.cause = 'TOP_UP_REFUND') > 1
        ORDER BY l.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"lot {row['id']}", {"paid": _told(row["principal_amount"]), "paid back": _told(row["paid_back"]), "refunds": row["refunds"]}


@invariant("ledger.adjustments", "an applied adjustment is the sum of its entries, one that is not applied has none, and no ADJUST entry is without one")
def adjustments_are_their_entries(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        WITH booked AS (
            SELECT store_id, account_id, idempotency_key, sum(principal_amount) AS principal, sum(bonus_amount) AS bonus, min(id) AS first_id
            FROM members_creditentry WHERE kind = 'ADJUST' GROUP BY store_id, account_id, idempotency_key
        ), adjustment AS (
            SELECT id, store_id, account_id, 'adjust:' || id AS idempotency_key, CASE WHEN status = 'APPLIED' THEN principal_amount ELSE 0 END AS principal,
                   CASE WHEN status = 'APPLIED' THEN bonus_amount ELSE 0 END AS bonus
            FROM members_creditadjustment
        )
        SELECT coalesce('adjustment ' || a.id, 'entry ' || b.first_id) AS row, a.principal, a.bonus, b.principal AS booked_principal, b.bonus AS booked_bonus
        FROM adjustment a FULL JOIN booked b USING (store_id, account_id, idempotency_key)
        WHERE coalesce(a.principal, 0) <> coalesce(b.principal, 0) OR coalesce(a.bonus, 0) <> coalesce(b.bonus, 0) OR a.id IS NULL
        ORDER BY 1 LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        told = {name: _told(row[name]) for name in ("principal", "bonus", "booked_principal", "booked_bonus")}
        yield row["row"], {"adjustment": [told["principal"], told["bonus"]], "entries": [told["booked_principal"], told["booked_bonus"]]}


def _told(amount: Decimal | None) -> str | None:
    return None if amount is None else str(amount)


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _told(fact) if isinstance(fact, Decimal) else fact for name, fact in row.items()}


@invariant("ledger.refunds", "what was given back of a SPEND or CAPTURE entry is in the same account, store and order, and never more than it took")
def refunds_within_what_was_taken(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT back.id, e.kind, e.kind IN ('SPEND', 'CAPTURE') AND NOT back.elsewhere AS of_the_same,
               CASE e.kind WHEN 'CAPTURE' THEN e.captured_principal ELSE -e.principal_amount END AS principal, back.principal AS principal_back,
               CASE e.kind WHEN 'CAPTURE' THEN e.captured_bonus ELSE -e.bonus_amount END AS bonus, back.bonus AS bonus_back
        FROM (
            SELECT r.refund_of_id AS id, sum(r.principal_amount) AS principal, sum(r.bonus_amount) AS bonus,
                   bool_or((r.store_id, r.account_id, r.order_no, r.line_no) IS DISTINCT FROM (t.store_id, t.account_id, t.order_no, t.line_no)) AS elsewhere
            FROM members_creditentry r LEFT JOIN members_creditentry t ON t.id = r.refund_of_id
            WHERE r.refund_of_id IS NOT NULL
            GROUP BY r.refund_of_id
        ) back
        LEFT JOIN members_creditentry e ON e.id = back.id
        WHERE e.kind IS NULL OR e.kind NOT IN ('SPEND', 'CAPTURE') OR back.elsewhere
           OR back.principal > CASE e.kind WHEN 'CAPTURE' THEN e.captured_principal ELSE -e.principal_amount END
           OR back.bonus > CASE e.kind WHEN 'CAPTURE' THEN e.captured_bonus ELSE -e.bonus_amount END
        ORDER BY back.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"entry {row.pop('id')}", _facts(row)


@invariant("ledger.orders", "an order never has more credit back than it spent and captured")
def orders_never_get_more_back(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT store_id, order_no, spent, back FROM (
            SELECT store_id, order_no,
                   coalesce(sum(CASE kind WHEN 'CAPTURE' THEN captured_principal + captured_bonus ELSE -(principal_amount + bonus_amount) END)
                       FILTER (WHERE kind IN ('SPEND', 'CAPTURE')), 0) AS spent,
                   coalesce(sum(principal_amount + bonus_amount) FILTER (WHERE kind = 'REFUND'), 0) AS back
            FROM members_creditentry
            WHERE kind IN ('SPEND', 'CAPTURE', 'REFUND')
            GROUP BY store_id, order_no
        ) sums
        WHERE back NOT BETWEEN 0 AND spent
        ORDER BY store_id, order_no LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"order {row['order_no']} of store {row['store_id']}", {"spent": _told(row["spent"]), "given back": _told(row["back"])}


@invariant("ledger.holds", "a hold is what its HOLD entries took; once settled, it is what was captured and what went back")
def holds_are_their_entries(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT coalesce(h.id, moved.hold_id) AS id, h.status, h.amount, h.captured_amount, moved.held, moved.captured, moved.released
        FROM members_credithold h
        FULL JOIN (
            SELECT e.hold_id, min(e.account_id) AS account_id, max(e.account_id) AS other_account_id, min(e.store_id) AS store_id,
                   max(e.store_id) AS other_store_id, min(e.order_no) AS order_no, max(e.order_no) AS other_order_no,
                   coalesce(-sum(e.principal_amount + e.bonus_amount) FILTER (WHERE e.kind = 'HOLD'), 0) AS held,
                   coalesce(sum(e.captured_principal + e.captured_bonus), 0) AS captured,
                   coalesce(sum(e.principal_amount + e.bonus_amount) FILTER (WHERE e.kind = 'RELEASE'), 0) AS released
            FROM members_creditentry e
            WHERE e.hold_id IS NOT NULL
            GROUP BY e.hold_id
        ) moved ON moved.hold_id = h.id
        WHERE h.id IS NULL OR moved.hold_id IS NULL
           OR (h.account_id, h.account_id) <> (moved.account_id, moved.other_account_id) OR (h.store_id, h.store_id) <> (moved.store_id, moved.other_store_id)
           OR (h.order_no, h.order_no) <> (moved.order_no, moved.other_order_no)
           OR h.amount <> moved.held OR h.captured_amount <> moved.captured
           OR moved.released <> CASE h.status WHEN 'HELD' THEN 0 ELSE h.amount - h.captured_amount END
        ORDER BY 1 LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"hold {row.pop('id')}", _facts(row)


@invariant("ledger.held", "what an account holds is the sum of its open holds")
def held_is_the_open_holds(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT a.id, a.held, coalesce(h.amount, 0) AS open
        FROM members_creditaccount a
        FULL JOIN (SELECT account_id, sum(amount) AS amount FROM members_credithold WHERE status = 'HELD' GROUP BY account_id) h ON h.account_id = a.id
        WHERE a.held IS DISTINCT FROM coalesce(h.amount, 0)
        ORDER BY a.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"account {row['id']}", {"held": _told(row["held"]), "open holds": _told(row["open"])}


@invariant("payments.lines", "a payment is the sum of its order lines, and its refunds are what its refund rows say")
def payments_are_their_rows(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT p.id, p.amount, p.credit_used, p.refunded_amount, p.credit_refunded, l.amount AS of_lines, l.credit AS credit_of_lines,
               coalesce(r.amount, 0) AS of_refunds, coalesce(r.credit, 0) AS credit_of_refunds
        FROM members_payment p
        LEFT JOIN LATERAL (SELECT sum(o.amount) AS amount, sum(o.credit_used) AS credit, sum(o.refunded_amount) AS refunded
                           FROM members_orderline o WHERE o.store_id = p.store_id AND o.order_no = p.order_no) l ON true
        LEFT JOIN LATERAL (SELECT sum(f.amount) AS amount, sum(f.credit) AS credit FROM members_paymentrefund f WHERE f.payment_id = p.id) r ON true
        WHERE (l.amount, l.credit) IS DISTINCT FROM (p.amount, p.credit_used) OR l.refunded < p.refunded_amount
           OR (coalesce(r.amount, 0), coalesce(r.credit, 0)) <> (p.refunded_amount, p.credit_refunded)
        ORDER BY p.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"payment {row.pop('id')}", {name: _told(value) for name, value in row.items()}


@invariant("payments.credit", "the credit of a payment was spent or captured for its order, and what it gave back went back in the ledger")
def payments_are_in_the_ledger(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT p.id, p.credit_used, p.credit_refunded, coalesce(e.taken, 0) AS taken, coalesce(e.back, 0) AS back
        FROM members_payment p
        LEFT JOIN LATERAL (
            SELECT sum(coalesce(e.captured_principal + e.captured_bonus, -(e.principal_amount + e.bonus_amount))) AS taken,
                   sum((SELECT sum(b.principal_amount + b.bonus_amount) FROM members_creditentry b WHERE b.refund_of_id = e.id)) AS back
            FROM members_creditentry e JOIN members_creditaccount a ON a.id = e.account_id AND a.member_id = p.member_id
            WHERE e.store_id = p.store_id AND e.order_no = p.order_no AND e.kind IN ('SPEND', 'CAPTURE')) e ON true
        WHERE p.credit_used > 0 AND (coalesce(e.taken, 0) < p.credit_used OR coalesce(e.back, 0) < p.credit_refunded)
        ORDER BY p.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"payment {row.pop('id')}", {name: _told(value) for name, value in row.items()}


@invariant("payments.purchases", "what a member bought is what their order lines say: paid and not refunded in full")
def purchases_are_the_lines(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT member_id, coalesce(s.order_count, 0) AS told, coalesce(o.orders, 0) AS orders,
               coalesce(s.amount, 0) AS amount, coalesce(o.amount, 0) AS of_lines
        FROM members_purchasesummary s
        FULL JOIN (SELECT member_id, count(DISTINCT order_no) AS orders, sum(amount - refunded_amount) AS amount
                   FROM members_orderline WHERE member_id IS NOT NULL AND refunded_amount < amount GROUP BY member_id) o USING (member_id)
        WHERE coalesce(s.order_count, 0) <> coalesce(o.orders, 0) OR coalesce(s.amount, 0) <> coalesce(o.amount, 0)
        ORDER BY member_id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield (
            f"member {row['member_id']}",
            {"orders": row["told"], "of lines": row["orders"], "amount": _told(row["amount"]), "amount of lines": _told(row["of_lines"])},
        )


@invariant("members.point_to_rows", "the person and the level of every member, and the person of every live identity, exist")
def members_point_to_rows(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT 'member ' || m.id AS row, 'person' AS what, m.person_id AS id FROM members_member m
        WHERE NOT EXISTS (SELECT FROM members_person p WHERE p.id = m.person_id)
        UNION ALL
        SELECT 'member ' || m.id, 'level', m.level_id FROM members_member m
        WHERE m.level_id IS NOT NULL AND NOT EXISTS (SELECT FROM members_level l WHERE l.id = m.level_id AND l.store_id = m.store_id)
        UNION ALL
        SELECT 'identity ' || i.id, 'person', i.person_id FROM members_identity i
        WHERE i.ended_at IS NULL AND NOT EXISTS (SELECT FROM members_person p WHERE p.id = i.person_id)
        ORDER BY 1 LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield row["row"], {row["what"]: row["id"]}


@invariant("members.phone_is_known", "a phone that a store knows of a member stands for that member's person")
def phone_is_known(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT m.id, m.person_id, i.person_id AS stands_for FROM members_member m
        LEFT JOIN members_identity i ON i.kind_id = 'phone' AND i.value_hash = m.phone_hash AND i.ended_at IS NULL
        WHERE m.phone_hash IS NOT NULL AND i.person_id IS DISTINCT FROM m.person_id
        ORDER BY m.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"member {row['id']}", {"person": row["person_id"], "phone stands for": row["stands_for"]}


@invariant("pushes.buyers", "what a person bought in a store, member or not, is what their order lines say: days, last purchase and amount")
def buyers_are_the_lines(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT store_id, person_id, b.last_days, c.last_days AS days_of_lines, b.amount, c.amount AS of_lines,
               b.last_paid_at::text AS last_paid_at, c.last_paid_at::text AS last_of_lines
        FROM members_buyer b
        FULL JOIN (
            SELECT store_id, person_id, max(paid_at) AS last_paid_at, sum(amount - refunded_amount) AS amount,
                   (array_agg(DISTINCT (paid_at AT TIME ZONE %(zone)s)::date ORDER BY (paid_at AT TIME ZONE %(zone)s)::date DESC))[1:5] AS last_days
            FROM members_orderline WHERE refunded_amount < amount GROUP BY store_id, person_id
        ) c USING (store_id, person_id)
        WHERE (coalesce(b.last_days, '{}'), coalesce(b.amount, 0), b.last_paid_at)
              IS DISTINCT FROM (coalesce(c.last_days, '{}'), coalesce(c.amount, 0), c.last_paid_at)
        ORDER BY store_id, person_id LIMIT %(most)s
        """,
        {"most": most, "zone": settings.TIME_ZONE},
    )
    for row in found:
        facts = {name: [str(day) for day in row[name] or []] for name in ("last_days", "days_of_lines")}
        facts |= {name: _told(row[name]) for name in ("amount", "of_lines")} | {name: row[name] for name in ("last_paid_at", "last_of_lines")}
        yield f"person {row['person_id']} in store {row['store_id']}", facts


@invariant("pushes.fans", "a fan's second purchase day is the buyer's, and the day of the last visit is that visit's local day if it came after following")
def fans_stand_beside_buyers(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT f.id, f.second_day::text AS second_day, b.last_days[2]::text AS of_buyer, f.seen_on::text AS seen_on, v.seen_on::text AS of_visit
        FROM members_fan f
        LEFT JOIN members_buyer b ON b.store_id = f.store_id AND b.person_id = f.person_id
        CROSS JOIN LATERAL (SELECT CASE WHEN f.last_seen_at > f.fan_since THEN (f.last_seen_at AT TIME ZONE %(zone)s)::date END AS seen_on) v
        WHERE f.second_day IS DISTINCT FROM b.last_days[2] OR f.seen_on IS DISTINCT FROM v.seen_on OR b.store_id IS NULL
        ORDER BY f.id LIMIT %(most)s
        """,
        {"most": most, "zone": settings.TIME_ZONE},
    )
    for row in found:
        yield f"fan {row.pop('id')}", row


@invariant("pushes.figures", "the figures of every push account, folded in and waiting, are what its fans and posts say")
def figures_are_the_rows(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        WITH kept AS (
            SELECT store_id, NULL::date AS day, fan_count, subscriber_count, 0 AS returning_fan_count, 0 AS seen_fan_count, 0 AS post_count
            FROM members_pushaccount
            UNION ALL SELECT store_id, day, 0, 0, returning_fan_count, seen_fan_count, post_count FROM members_pushaccountday
            UNION ALL SELECT store_id, day, fan_count, subscriber_count, returning_fan_count, seen_fan_count, post_count FROM members_pushaccountchange
        ), counted AS (
            SELECT store_id, NULL::date AS day, 1 AS fan_count, subscribed::int AS subscriber_count, 0 AS returning_fan_count, 0 AS seen_fan_count,
                   0 AS post_count
            FROM members_fan WHERE fan_since IS NOT NULL
            UNION ALL SELECT store_id, second_day, 0, 0, 1, 0, 0 FROM members_fan WHERE fan_since IS NOT NULL AND second_day IS NOT NULL
            UNION ALL SELECT store_id, seen_on, 0, 0, 0, 1, 0 FROM members_fan WHERE fan_since IS NOT NULL AND seen_on IS NOT NULL
            UNION ALL SELECT store_id, published_on, 0, 0, 0, 0, 1 FROM members_post
        )
        SELECT store_id, day::text AS day, sum(fan_count) AS fans, sum(subscriber_count) AS subscribers, sum(returning_fan_count) AS returning_fans,
               sum(seen_fan_count) AS seen_fans, sum(post_count) AS posts
        FROM (
            SELECT * FROM kept
            UNION ALL
            SELECT store_id, day, -fan_count, -subscriber_count, -returning_fan_count, -seen_fan_count, -post_count FROM counted
        ) difference
        GROUP BY store_id, day
        HAVING sum(fan_count) <> 0 OR sum(subscriber_count) <> 0 OR sum(returning_fan_count) <> 0 OR sum(seen_fan_count) <> 0 OR sum(post_count) <> 0
        ORDER BY store_id, day LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"store {row.pop('store_id')}, day {row.pop('day')}", {f"{name} too many": int(difference) for name, difference in row.items() if difference}
