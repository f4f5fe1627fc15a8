"""Business numbers of paid membership: within their range, by member operations, from now on."""

from __future__ import annotations

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.tenancy.roles import Role
from members.paid.choices import NUMBERS
from members.paid.models import PaidNumber
from members.paid.selectors.numbers import get_numbers
from members.paid.services.numbers import set_number
from members.paid.services.rights import PaidRefused
from tests.factories import make_merchant, make_user
from tests.members.paid.making import NOW
from tests.members.paid.setting_up import Shop

pytestmark = pytest.mark.django_db


def by_ops(**given):
    return set_number(**{"by": make_user(Role.PLATFORM_MEMBER_OPS), "now": NOW} | given)


def test_a_number_holds_once_it_is_changed():
    assert get_numbers().reply_days == 5
    by_ops(code="reply_days", value=9)
    by_ops(code="reply_days", value=8)
    assert get_numbers().reply_days == 8
    events = AuditEvent.objects.filter(verb="paid_number.changed").order_by("pk")
    assert [(event.facts["before"], event.facts["after"]) for event in events] == [(5, 9), (9, 8)]


@pytest.mark.parametrize(
    ("code", "value", "refusal"),
    [
        ("nothing", 1, "unknown_number"),
        *((code, number.least - 1, "out_of_range") for code, number in NUMBERS.items()),
        *((code, number.most + 1, "out_of_range") for code, number in NUMBERS.items()),
        ("least_card_fee", 301, "fees_cross"),
    ],
)
def test_what_is_refused_changes_nothing(code, value, refusal):
    with pytest.raises(PaidRefused) as caught:
        by_ops(code=code, value=value)
    assert caught.value.code == refusal
    assert not PaidNumber.objects.exists()


@pytest.mark.parametrize("role", [Role.PLATFORM_INDUSTRY_OPS, Role.PLATFORM_AUDITOR, Role.PLATFORM_REVIEWER])
def test_only_member_operations_changes_numbers(role):
    for by in (make_user(role), make_user(Role.MERCHANT_OWNER, merchant=make_merchant())):
        with pytest.raises(NotAllowed):
            by_ops(code="reply_days", value=9, by=by)
    assert not PaidNumber.objects.exists()


def test_the_fees_of_a_pack_are_held_against_the_numbers_in_force():
    shop = Shop().invite()
    pack = shop.drafted()
    by_ops(code="least_card_fee", value=20)
    with pytest.raises(PaidRefused) as caught:
        shop.approve(pack)
    assert [lack.code for lack in caught.value.facts["lacks"]] == ["unreasonable_fee"]
