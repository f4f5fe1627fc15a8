"""Reading credit: what can be spent, what lapses when."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from backoffice.kernel import clock
from members.models import CreditLot
from members.selectors.credit import get_balance, get_expiring, get_figures, lapsing, list_lapses, list_lots, preview_spend
from tests.factories import NOON, make_member, make_store
from tests.members.ledger import account_of, give, take, yuan

pytestmark = pytest.mark.django_db
MICROSECOND = timedelta(microseconds=1)


def midnight(year: int, month: int, day: int) -> datetime:
    return clock.day_start(date(year, month, day))


@pytest.fixture
def member():
    return make_member(make_store())


def test_figures_of_an_account(member):
    give(member, 100, 20, expires_at=NOON + timedelta(days=9))
    give(member, 10, expires_at=NOON + timedelta(days=9))
    give(member, 7, 3)
    give(member, 5, now=NOON - timedelta(days=2), expires_at=NOON - timedelta(days=1))
    take(member, 60)
    figures = get_figures(account_of(member), NOON)
    assert (figures.spendable, figures.principal, figures.bonus) == (yuan(80), yuan(67), yuan(13))
    assert (figures.held, figures.lapsed) == (yuan(0), yuan(5))
    assert (figures.next_expiry_at, figures.next_expiry_amount) == (NOON + timedelta(days=9), yuan(70))
    assert get_balance(account_of(member), NOON) == yuan(80)


def test_an_account_that_was_spent_has_nothing_to_lapse(member):
    give(member, 10, expires_at=NOON + timedelta(days=9))
    take(member, 10)
    figures = get_figures(account_of(member), NOON)
    assert (figures.spendable, figures.next_expiry_at, figures.next_expiry_amount) == (yuan(0), None, yuan(0))
    assert list_lapses(account_of(member), NOON) == []


@pytest.mark.parametrize(("offset", "counted"), [(timedelta(0), True), (MICROSECOND, False), (-timedelta(days=3), True)])
def test_expiring_counts_whole_local_days(member, offset, counted):
    """With 7 days: today (the 22nd) and up to the end of the 29th, that is the first instant of the 30th."""
    give(member, 10, expires_at=midnight(2026, 11, 30) + offset)
    assert get_expiring(account_of(member), NOON, 7) == (yuan(10) if counted else yuan(0))


def test_what_has_lapsed_expires_no_more(member):
    give(member, 10, now=NOON - timedelta(days=9), expires_at=NOON)
    assert get_expiring(account_of(member), NOON, 7) == 0
    assert get_expiring(account_of(member), NOON - MICROSECOND, 7) == yuan(10)


def test_midnight_of_the_first_lapses_with_the_month_before(member):
    give(member, 1, expires_at=midnight(2026, 12, 1))
    give(member, 2, expires_at=midnight(2026, 12, 1) + MICROSECOND)
    give(member, 4, 1, expires_at=midnight(2026, 12, 15))
    give(member, 8)
    lapses = [(lapse.month, lapse.principal, lapse.bonus, lapse.amount) for lapse in list_lapses(account_of(member), NOON)]
    assert lapses == [
        (date(2026, 11, 1), yuan(1), yuan(0), yuan(1)),
        (date(2026, 12, 1), yuan(6), yuan(1), yuan(7)),
        (None, yuan(8), yuan(0), yuan(8)),
    ]


def test_spans_of_the_lots_list(member):
    ends = {
        "today": NOON + MICROSECOND,
        "week": midnight(2026, 11, 30),
        "month": midnight(2026, 12, 1),
        "next": midnight(2026, 12, 1) + MICROSECOND,
        "next_end": midnight(2027, 1, 1),
        "later": midnight(2027, 1, 1) + MICROSECOND,
        "never": None,
    }
    names = {give(member, 1, source_no=name, expires_at=until).lot_id: name for name, until in ends.items()}
    give(member, 1, source_no="lapsed", now=NOON - timedelta(days=2), expires_at=NOON)

    def found(span):
        return {names[lot.pk] for lot in CreditLot.objects.filter(lapsing(span, NOON))}

    assert found("week") == {"today", "week"}
    assert found("this_month") == {"today", "week", "month"}
    assert found("next_month") == {"next", "next_end"}
    assert found("never") == {"never"}
    assert found("nonsense") == found(None) == set()


def test_lots_stand_in_spending_order(member):
    never = give(member, 1).lot_id
    late = give(member, 1, expires_at=NOON + timedelta(days=2)).lot_id
    soon = give(member, 1, expires_at=NOON + timedelta(days=1)).lot_id
    assert [lot.pk for lot in list_lots(account_of(member))] == [soon, late, never]


def test_a_preview_tells_the_lots_and_what_is_missing(member, django_assert_num_queries):
    lots = [give(member, 10, 2, expires_at=NOON + timedelta(days=days)).lot_id for days in range(1, 4)]
    account = account_of(member)
    with django_assert_num_queries(2):  # the store's policy, and the lots
        preview = preview_spend(account, yuan(18), NOON)
    assert [(share.lot.pk, share.principal, share.bonus, share.amount) for share in preview.shares] == [
        (lots[0], yuan(10), yuan(2), yuan(12)),
        (lots[1], yuan(5), yuan(1), yuan(6)),
    ]
    assert (preview.principal, preview.bonus, preview.missing) == (yuan(15), yuan(3), yuan(0))
    refused = preview_spend(account, yuan(37), NOON)
    assert (refused.shares, refused.missing, refused.available) == ((), yuan(1), yuan(36))
