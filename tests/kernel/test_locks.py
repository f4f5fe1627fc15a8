"""Services that meet a deadlock or a serialization failure are run again, others are not."""

from __future__ import annotations

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from backoffice.kernel import locks
from backoffice.kernel.locks import MOST_TRIES, in_one_statement, in_transaction
from backoffice.kernel.tenancy.models import Merchant

pytestmark = pytest.mark.django_db(transaction=True)
BOTH = pytest.mark.parametrize("decorate", [in_transaction, in_one_statement])


def failing(times, cause, calls):
    def service():
        calls.append(connection.in_atomic_block)
        if len(calls) <= times:
            raise OperationalError("again") from cause
        return "done"

    return service


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(locks.time, "sleep", lambda _seconds: None)


@BOTH
@pytest.mark.parametrize("cause", [psycopg.errors.DeadlockDetected(), psycopg.errors.SerializationFailure()])
def test_a_deadlock_is_tried_again_until_it_works(decorate, cause):
    calls = []
    assert decorate(failing(MOST_TRIES - 1, cause, calls))() == "done"
    assert len(calls) == MOST_TRIES


@BOTH
def test_not_for_ever(decorate):
    calls = []
    with pytest.raises(OperationalError):
        decorate(failing(99, psycopg.errors.DeadlockDetected(), calls))()
    assert len(calls) == MOST_TRIES


@BOTH
def test_other_failures_are_not_tried_again(decorate):
    calls = []
    with pytest.raises(OperationalError):
        decorate(failing(99, psycopg.errors.QueryCanceled(), calls))()
    assert len(calls) == 1


@BOTH
def test_inside_a_transaction_only_the_outermost_may_try_again(decorate):
    calls = []
    with pytest.raises(OperationalError), transaction.atomic():
        decorate(failing(1, psycopg.errors.DeadlockDetected(), calls))()
    assert calls == [True]


@pytest.mark.parametrize(("decorate", "alone"), [(in_transaction, True), (in_one_statement, False)])
def test_who_opens_a_transaction(decorate, alone):
    calls = []
    decorate(failing(0, None, calls))()
    assert calls == [alone]


@BOTH
def test_inside_a_transaction_a_refusal_takes_back_only_the_services_own_writes(decorate):
    def service():
        Merchant.objects.create(code="inner", name="inner")
        raise ValueError

    with transaction.atomic():
        Merchant.objects.create(code="outer", name="outer")
        with pytest.raises(ValueError, match=r"^$"):
            decorate(service)()
    assert list(Merchant.objects.values_list("code", flat=True)) == ["outer"]
