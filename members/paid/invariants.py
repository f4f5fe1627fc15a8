"""What must hold of paid terms, issues, places, codes and refunds, whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings

from backoffice.kernel.invariants import invariant
from backoffice.kernel.sql import fetch_all

Found = Iterator[tuple[str, dict[str, Any]]]

# Days on which a benefit that reaches a term falls inside it, written apart from the engine's own statement: every day of the term is looked at.
_EXPECTED = """
    SELECT m.id, m.member_id, m.store_id, r.benefit_id, day.period, day.due_on
    FROM paid_paidmembership m
    JOIN paid_packreach r ON r.pack_id = m.pack_id
    JOIN paid_benefit b ON b.id = r.benefit_id
    CROSS JOIN LATERAL (
        SELECT 0 AS period, coalesce(greatest(m.starts_on, r.from_on), m.starts_on) AS due_on
        WHERE b.schedule = 'AT_ONCE' AND (NOT m.is_renewal OR b.kind IN ('EARLY_ACCESS', 'STORE_DISCOUNT', 'ITEM_DISCOUNT')
               OR (r.from_on IS NOT NULL AND r.from_on >= m.starts_on))
        UNION ALL SELECT 0, b.on_date WHERE b.schedule = 'ON_DATE' AND b.on_date >= m.starts_on
        UNION ALL SELECT n, m.starts_on + n * b.every_days FROM generate_series(0, m.bought_until - m.starts_on) n WHERE b.schedule = 'EVERY_N_DAYS'
        UNION ALL
        SELECT n, (m.anchor_on + (m.months_before + n) * interval '1 month')::date
        FROM generate_series(0, (m.bought_until - m.starts_on) / 28 + 1) n WHERE b.schedule = 'MONTHLY'
    ) day
    WHERE m.starts_on IS NOT NULL AND day.due_on < m.bought_until AND (r.from_on IS NULL OR day.due_on >= r.from_on)
"""


def _facts(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, int) else str(value) for name, value in row.items()}


def _named(kind: str, sql: str, most: int) -> Found:
    for row in fetch_all(sql, {"most": most}):
        yield f"{kind} {row.pop('id')}", _facts(row)


@invariant("paid.terms", "paid terms of a member do not overlap, and an order that was never paid has none")
def terms_do_not_overlap(most: int) -> Found:
    sql = """
        SELECT a.id, b.id AS other, a.starts_on, a.ends_on FROM paid_paidmembership a
        JOIN paid_paidmembership b ON b.member_id = a.member_id AND b.id > a.id
         AND daterange(a.starts_on, a.ends_on) && daterange(b.starts_on, b.ends_on)
        WHERE a.starts_on IS NOT NULL AND b.starts_on IS NOT NULL
        UNION ALL
        SELECT id, NULL, starts_on, ends_on FROM paid_paidmembership WHERE status IN ('PENDING', 'LAPSED') AND starts_on IS NOT NULL
        ORDER BY 1 LIMIT %(most)s
    """
    yield from _named("paid membership", sql, most)


@invariant("paid.issues_in_term", "every issue is of a benefit that reaches its term, on a day inside it that the benefit's schedule names, to its member")
def issues_in_term(most: int) -> Found:
    sql = f"""
        SELECT i.id, i.paid_membership_id, i.benefit_id, i.period, i.due_on FROM paid_benefitissue i
        LEFT JOIN ({_EXPECTED}) e ON (e.id, e.benefit_id, e.period) = (i.paid_membership_id, i.benefit_id, i.period)
        WHERE (e.due_on, e.member_id, e.store_id) IS DISTINCT FROM (i.due_on, i.member_id, i.store_id)
        ORDER BY i.id LIMIT %(most)s
    """  # noqa: S608
    yield from _named("benefit issue", sql, most)


@invariant("paid.issues_once", "a benefit is issued once a period, whatever version of the pack it comes from")
def issues_once(most: int) -> Found:
    sql = """
        SELECT min(i.id) AS id, i.paid_membership_id, b.key, i.period, count(*) AS times
        FROM paid_benefitissue i JOIN paid_benefit b ON b.id = i.benefit_id
        GROUP BY i.paid_membership_id, b.key, i.period HAVING count(*) > 1
        ORDER BY 1 LIMIT %(most)s
    """
    yield from _named("benefit issue", sql, most)


@invariant("paid.issues_missing", "nothing is missing before the day on which the issue engine looks next")
def issues_missing(most: int) -> Found:
    # A benefit that was switched on again reaches those who bought meanwhile from then on: what it missed before is not owed.
    sql = f"""
        SELECT e.id, e.benefit_id, e.period, e.due_on FROM ({_EXPECTED}) e
        JOIN paid_paidmembership m ON m.id = e.id AND m.status = 'ACTIVE' AND e.due_on < coalesce(m.next_issue_on, m.ends_on)
        JOIN paid_benefit b ON b.id = e.benefit_id AND (b.disabled_at IS NULL OR b.disabled_at > m.opened_at)
        WHERE NOT EXISTS (SELECT FROM paid_benefitissue i WHERE (i.paid_membership_id, i.benefit_id, i.period) = (e.id, e.benefit_id, e.period))
          AND NOT EXISTS (SELECT FROM audit_auditevent a WHERE a.verb = 'benefit.switched' AND a.target_type = 'paid.benefit' AND a.target_id = b.id)
          -- A term that a file brought is owed nothing of the days before the file.
          AND (m.source <> 'FILE' OR e.due_on >= (m.created_at AT TIME ZONE '{settings.TIME_ZONE}')::date)
        ORDER BY e.id, e.benefit_id, e.period LIMIT %(most)s
    """  # noqa: S608
    yield from _named("paid membership", sql, most)


@invariant("paid.places", "places taken of a program's stock are its openings, less those that lapsed or were refunded in full")
def places_taken(most: int) -> Found:
    sql = """
        SELECT p.id, p.sold_count, p.stock_limit, coalesce(t.taken, 0) AS taken FROM paid_paidprogram p
        LEFT JOIN (
            SELECT m.program_id, count(*) AS taken FROM paid_paidmembership m LEFT JOIN paid_paidrefund r ON r.paid_membership_id = m.id
            WHERE NOT m.is_renewal AND m.status <> 'LAPSED' AND r.cause IS DISTINCT FROM 'FULL'
              -- Nothing is refunded of a free one; unused, its place is free again all the same.
              AND NOT (m.status = 'CANCELLED' AND m.price = 0
                       AND NOT EXISTS (SELECT FROM paid_benefitissue i WHERE i.paid_membership_id = m.id AND i.status = 'USED'))
            GROUP BY m.program_id
        ) t ON t.program_id = p.id
        WHERE p.sold_count <> coalesce(t.taken, 0) OR p.sold_count > p.stock_limit
        ORDER BY p.id LIMIT %(most)s
    """
    yield from _named("paid program", sql, most)


@invariant("paid.codes", "a coupon code is given to one issue, which bears it")
def codes_given_once(most: int) -> Found:
    sql = """
        SELECT c.id, c.code, i.id AS issue, i.code AS borne FROM paid_couponcode c JOIN paid_benefitissue i ON i.id = c.issue_id
        JOIN paid_benefit b ON b.id = i.benefit_id
        WHERE c.code <> i.code OR c.store_id <> i.store_id OR c.pool <> b.code_pool
        UNION ALL
        SELECT min(i.id), i.code, min(i.id), min(i.code) FROM paid_benefitissue i LEFT JOIN paid_couponcode c ON c.issue_id = i.id
        WHERE i.code <> '' GROUP BY i.store_id, i.code HAVING count(*) > 1 OR count(c.id) <> 1
        ORDER BY 1 LIMIT %(most)s
    """
    yield from _named("coupon code or issue", sql, most)


@invariant("paid.refunds", "a refund is of an ended term, at most its price, the whole price only with nothing used; an ended term has nothing open")
def refunds_fit(most: int) -> Found:
    sql = """
        SELECT m.id, m.status, m.price, r.amount, r.cause FROM paid_paidmembership m JOIN paid_paidrefund r ON r.paid_membership_id = m.id
        WHERE m.status NOT IN ('CANCELLED', 'REPLACED') OR r.amount > m.price OR r.store_id <> m.store_id
           OR r.cause = 'FULL' AND (r.amount <> m.price
              OR EXISTS (SELECT FROM paid_benefitissue i WHERE i.paid_membership_id = m.id AND i.status = 'USED'))
        UNION ALL
        SELECT m.id, m.status, m.price, NULL, i.status FROM paid_paidmembership m JOIN paid_benefitissue i ON i.paid_membership_id = m.id
        WHERE m.status IN ('CANCELLED', 'REPLACED') AND i.status IN ('ISSUED', 'FAILED')
        ORDER BY 1 LIMIT %(most)s
    """
    yield from _named("paid membership", sql, most)


@invariant("paid.promises", "every issue of a custom benefit has its fulfilment, and nothing else has one; a revoked one is no longer owed")
def promises_are_watched(most: int) -> Found:
    sql = """
        SELECT i.id, b.kind, i.status, f.status AS fulfilment FROM paid_benefitissue i JOIN paid_benefit b ON b.id = i.benefit_id
        LEFT JOIN paid_fulfilment f ON f.issue_id = i.id
        WHERE (b.kind = 'CUSTOM') <> (f.issue_id IS NOT NULL) OR i.status = 'REVOKED' AND f.status = 'DUE' OR f.store_id <> i.store_id
        ORDER BY i.id LIMIT %(most)s
    """
    yield from _named("benefit issue", sql, most)
