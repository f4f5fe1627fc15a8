"""A sanction against what begins at the same moment: whatever wins, nothing of the merchant is live or begun afterwards."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import time
from typing import Any

import pytest
from django.db import connections

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import get_bar_of_store
from campaigns.models import ReminderSetting
from campaigns.services.settings import set_reminder
from members.paid.models import Decoration, PaidProgram, Sanction
from members.paid.services.decorations import rule_on_decoration
from members.paid.services.nominations import invite_store
from members.paid.services.programs import create_program
from members.paid.services.sanctions import impose_sanction
from tests.factories import make_store, make_user
from tests.members.paid.making import NOW, make_program
from tests.members.paid.services.test_sanctions import SOON, make_complaint

pytestmark = pytest.mark.django_db(transaction=True)
ROUNDS = 4


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Results of acts that begin together; a refusal as its code."""
    results: list[Any] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int, act: Callable[[], Any]) -> None:
        try:
            start.wait(10)
            results[number] = act()
        except BusinessError as error:
            results[number] = error.code
        except BaseException as error:  # noqa: BLE001 - handed to the test
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number, act)) for number, act in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def accused(number: int) -> tuple[Any, Any, Any]:
    """A store with a live program, another store of the same merchant, and a complaint that can be ruled on."""
    ops = make_user(Role.PLATFORM_MEMBER_OPS)
    one = make_store(f"R{number}")
    two = make_store(f"R{number}b", merchant=one.merchant)
    complaint = make_complaint(make_program(one, by=ops))
    sanction = lambda: impose_sanction(complaint=complaint, verdict="Broken.", typed_merchant_code=one.merchant.code, by=ops, now=SOON)  # noqa: E731
    return one, two, sanction


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_program_that_goes_live_at_the_same_moment_ends_revoked(number: int) -> None:
    _one, two, sanction = accused(number)
    ops = make_user(Role.PLATFORM_MEMBER_OPS)
    program = make_program(two, status="CONFIGURING", by=ops)
    decoration = Decoration.objects.create(program=program, modules=["gift"], status="IN_REVIEW", submitted_at=NOW, created_at=NOW)
    done, live = at_once(sanction, lambda: rule_on_decoration(decoration=decoration, ruling="APPROVED", by=ops, now=SOON))
    assert isinstance(done, Sanction)
    assert isinstance(live, Decoration) or live in ("merchant_barred", "program_over")
    assert set(PaidProgram.objects.filter(store__merchant=two.merchant).values_list("status", flat=True)) == {"REVOKED"}
    program.refresh_from_db()
    assert program.status_before == ("LIVE" if isinstance(live, Decoration) else "CONFIGURING")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_what_begins_at_the_same_moment_is_there_before_the_bar_or_refused(number: int) -> None:
    _one, two, sanction = accused(number)
    ops = make_user(Role.PLATFORM_MEMBER_OPS)
    owner = make_user(Role.MERCHANT_OWNER, merchant=two.merchant)
    done, reminder, invited = at_once(
        sanction,
        lambda: set_reminder(store=two, enabled=True, send_time=time(10), by=owner, now=SOON),
        lambda: invite_store(store=two, reason="Loyal buyers", by=ops, now=SOON),
    )
    assert isinstance(done, Sanction)
    assert get_bar_of_store(two.pk) is not None
    for begun in (reminder, invited):
        assert begun == "merchant_barred" or not isinstance(begun, str)
    assert ReminderSetting.objects.filter(store=two, enabled=True).exists() == isinstance(reminder, ReminderSetting)
    # Afterwards nothing begins any more.
    refusals = at_once(lambda: set_reminder(store=make_store(f"L{number}", merchant=two.merchant), enabled=True, send_time=time(10), by=owner, now=SOON))
    assert refusals == ["merchant_barred"]


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_new_program_at_the_same_moment_is_revoked_or_refused(number: int) -> None:
    one, _two, sanction = accused(number)
    owner = make_user(Role.MERCHANT_OWNER, merchant=one.merchant)
    done, made = at_once(sanction, lambda: create_program(store=one, name="Second plan", rank=5, by=owner, now=SOON))
    assert isinstance(done, Sanction)
    assert isinstance(made, PaidProgram) or made == "merchant_barred"
    assert set(PaidProgram.objects.filter(store__merchant=one.merchant).values_list("status", flat=True)) == {"REVOKED"}
    assert done.effects["programs"] == (2 if isinstance(made, PaidProgram) else 1)


def test_the_same_verdict_twice_at_the_same_moment_is_one_sanction() -> None:
    _one, _two, sanction = accused(0)
    results = at_once(sanction, sanction, sanction)
    assert sorted(isinstance(result, Sanction) for result in results) == [False, False, True]
    assert {result for result in results if isinstance(result, str)} == {"state_conflict"}
    assert Sanction.objects.count() == 1
