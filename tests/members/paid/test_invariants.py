"""What must hold of paid membership is found broken when it is broken behind the services' back."""

from __future__ import annotations

import re
from datetime import date

import pytest
from django.db import connection

from backoffice.kernel.invariants import find_breaches
from members.paid.models import CouponCode
from tests.factories import make_member
from tests.members.paid.selling import buy, cancel, live_program, run

pytestmark = pytest.mark.django_db
DAY = date(2027, 1, 31)


@pytest.fixture
def program():
    """A term that runs, one that was cancelled, codes and a promise."""
    benefits = {
        "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY", "code_pool": "spring"},
        "week": {"schedule": "EVERY_N_DAYS", "every_days": 7},
        "day": {"schedule": "ON_DATE", "on_date": date(2027, 2, 14)},
        "tea": {"kind": "CUSTOM"},
    }
    program = live_program(benefits, unit="QUARTER", stock_limit=2)
    CouponCode.objects.bulk_create(CouponCode(store=program.store, pool="spring", code=f"C{number}") for number in range(9))
    buy(program, make_member(program.store), DAY)
    cancel(buy(program, make_member(program.store), DAY), DAY)
    run(date(2027, 3, 1))
    return program


def broken(*statements):
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for statement in statements:
            cursor.execute(re.sub(r":(\w+)", lambda found: OF.format(found[1]), statement))
        cursor.execute("SET session_replication_role = DEFAULT")
    return {breach.invariant for breach in find_breaches() if breach.invariant.startswith("paid.")}


# ``:key`` in a statement below: the issues of that benefit to the term that runs.
OF = "paid_membership_id IN (SELECT id FROM paid_paidmembership WHERE status = 'ACTIVE') AND benefit_id IN (SELECT id FROM paid_benefit WHERE key = '{}')"


def test_nothing_is_broken(program):
    assert broken() == set()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE paid_benefitissue SET due_on = due_on + 1 WHERE :coupon AND period = 1", {"paid.issues_in_term"}),
        (
            "UPDATE paid_benefitissue SET period = 30, due_on = '2027-08-29', expires_on = '2028-01-01' WHERE :week AND period = 0",
            {"paid.issues_in_term", "paid.issues_missing"},
        ),
        ("UPDATE paid_benefitissue SET member_id = member_id + 1 WHERE :day", {"paid.issues_in_term"}),
        ("DELETE FROM paid_benefitissue WHERE :day", {"paid.issues_missing"}),
        ("DELETE FROM paid_benefitissue WHERE :week AND period = 4", {"paid.issues_missing"}),
        ("UPDATE paid_paidmembership SET next_issue_on = NULL WHERE status = 'ACTIVE'", {"paid.issues_missing"}),
        ("UPDATE paid_paidprogram SET sold_count = 2", {"paid.places"}),
        ("UPDATE paid_paidprogram SET sold_count = 0", {"paid.places"}),
        ("UPDATE paid_couponcode SET issue_id = NULL WHERE code = 'C0'", {"paid.codes"}),
        ("UPDATE paid_couponcode SET code = 'other' WHERE code = 'C0'", {"paid.codes"}),
        ("UPDATE paid_paidrefund SET amount = 1000", {"paid.refunds"}),
        ("UPDATE paid_paidrefund SET amount = 1", {"paid.refunds"}),
        (
            "UPDATE paid_benefitissue SET status = 'USED' WHERE status = 'REVOKED' AND code <> ''",
            {"paid.refunds"},
        ),
        ("UPDATE paid_benefitissue SET status = 'ISSUED', ended_at = NULL WHERE status = 'REVOKED' AND code <> ''", {"paid.refunds"}),
        ("DELETE FROM paid_fulfilment WHERE status = 'DUE'", {"paid.promises"}),
        ("UPDATE paid_fulfilment SET status = 'DUE'", {"paid.promises"}),
    ],
)
def test_what_is_broken_is_named(program, statement, found):
    assert broken(statement) == found


def test_terms_that_overlap_are_named(program):
    take_away = "ALTER TABLE paid_paidmembership DROP CONSTRAINT paid_terms_do_not_overlap"
    overlap = "UPDATE paid_paidmembership SET member_id = (SELECT max(member_id) FROM paid_paidmembership), ends_on = '2027-04-30'"
    assert "paid.terms" in broken("SET CONSTRAINTS ALL IMMEDIATE", take_away, overlap)
