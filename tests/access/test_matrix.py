"""Every address x every role x own, foreign, missing and malformed rows."""

from __future__ import annotations

import pytest

from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from tests.access.walk import Walk
from tests.access.world import A1, A2, make_world

pytestmark = pytest.mark.django_db

EVERYBODY = ("anonymous", "inactive", "no_seat", *Role.values)


@pytest.mark.parametrize("who", EVERYBODY)
def test_addresses(who: str) -> None:
    walk = Walk(make_world(), who)
    assert "\n".join(walk.walk()) == ""
    assert walk.cells > 50


def test_two_seats_do_not_lend_each_other_rights() -> None:
    """Operator in A1 and analyst in A2: sees both stores, writes only in the first."""
    world = make_world()
    walk = Walk(world, "two_seats")
    member = {mark: world.rows[Member][mark][0] for mark in (A1, A2)}
    assert {A1, A2} <= walk.ask("/merchant/members/member/").marks()
    for act in ("change-status", "record-consent", "cards-off", "change-phone"):
        assert walk.ask(f"/merchant/members/member/{member[A1].pk}/{act}/").status == 200
        for post in (None, {"_form_submitted": "True", "reason": "x"}):
            assert walk.ask(f"/merchant/members/member/{member[A2].pk}/{act}/", post=post).status == 403
    add = walk.ask("/merchant/members/level/add/")
    assert add.status == 200
    assert f'value="{member[A1].store_id}"'.encode() in add.body
    assert f'value="{member[A2].store_id}"'.encode() not in add.body


@pytest.mark.parametrize("row", ["suspended merchant", "revoked seat", "inactive user"])
def test_a_right_taken_away_is_gone_on_the_next_request(row: str) -> None:
    world = make_world()
    owner = world.users[Role.MERCHANT_OWNER]
    walk = Walk(world, Role.MERCHANT_OWNER)
    assert walk.ask("/merchant/members/member/").status == 200
    seat = owner.seats.get()
    if row == "suspended merchant":
        type(seat.merchant).objects.filter(pk=seat.merchant_id).update(status="SUSPENDED")
    elif row == "revoked seat":
        type(seat).objects.filter(pk=seat.pk).update(revoked_at=seat.created_at)
    else:
        type(owner).objects.filter(pk=owner.pk).update(is_active=False)
    answer = walk.ask("/merchant/members/member/")
    assert (answer.status, answer.location.startswith("/merchant/login/")) == (302, True)
