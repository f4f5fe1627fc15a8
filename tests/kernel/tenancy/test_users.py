"""Users and seats as services: what is refused changes nothing, what is done leaves an event."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import Seat, User
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services import users as services
from backoffice.kernel.tenancy.services.users import UserRefused
from tests.factories import NOON, make_developer, make_merchant, make_store, make_user

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-password"


def verbs() -> list[str]:
    return list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True))


def test_a_user_is_made_with_an_event_and_no_right() -> None:
    admin = make_user()
    user = services.create_user(username="wang", password=PASSWORD, display_name="王芳", by=admin, now=NOON)
    assert user.check_password(PASSWORD)
    assert not allows(user, "members.view_member")
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.target_id, event.happened_at) == ("user.created", admin, user.pk, NOON)
    assert PASSWORD not in str(event.facts)


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("wang", "short", "password"),
        ("wang", "password1234", "password"),
        ("", PASSWORD, "username"),
        ("bad name!", PASSWORD, "username"),
        ("TAKEN", PASSWORD, "username"),
    ],
)
def test_a_user_that_is_refused_leaves_nothing(username: str, password: str, field: str) -> None:
    make_user(username="taken")
    with pytest.raises(UserRefused) as refused:
        services.create_user(username=username, password=password, by=None, now=NOON)
    assert refused.value.facts["field"] == field
    assert (User.objects.count(), verbs()) == (1, [])


def test_a_seat_at_some_stores_covers_exactly_those() -> None:
    merchant = make_merchant()
    first, second = make_store(merchant=merchant), make_store(merchant=merchant)
    user = services.create_user(username="wang", password=PASSWORD, by=None, now=NOON)
    services.grant_seat(user=user, role=Role.MERCHANT_OPERATOR, merchant=merchant, stores=[first], by=None, now=NOON)
    assert list(stores_of(user)) == [first]
    services.grant_seat(user=user, role=Role.MERCHANT_OWNER, merchant=merchant, by=None, now=NOON)
    assert set(stores_of(user)) == {first, second}
    assert verbs() == ["user.created", "seat.granted", "seat.granted"]


def test_seats_that_do_not_fit_are_refused() -> None:
    merchant, other, developer = make_merchant(), make_store(), make_developer()
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    wrong: list[dict[str, Any]] = [
        {"role": "KING"},
        {"role": Role.PLATFORM_ADMIN, "merchant": merchant},
        {"role": Role.MERCHANT_OWNER},
        {"role": Role.DEVELOPER_OWNER, "merchant": merchant},
        {"role": Role.DEVELOPER_OWNER, "merchant": merchant, "developer": developer},
        {"role": Role.MERCHANT_OPERATOR, "merchant": merchant, "stores": [other]},
        {"role": Role.MERCHANT_OPERATOR, "merchant": merchant, "stores": []},
        {"role": Role.MERCHANT_OWNER, "merchant": merchant},
    ]
    for arguments in wrong:
        with pytest.raises(UserRefused):
            services.grant_seat(user=user, by=None, now=NOON, **arguments)
    assert (Seat.objects.count(), verbs()) == (1, [])


def test_an_ended_seat_gives_nothing_and_may_be_granted_anew() -> None:
    merchant = make_merchant()
    make_user(Role.PLATFORM_ADMIN)
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    services.end_seat(seat=user.seats.get(), by=None, now=NOON, reason="left the company")
    assert not allows(User.objects.get(pk=user.pk), "members.view_member")
    with pytest.raises(UserRefused):
        services.end_seat(seat=user.seats.get(), by=None, now=NOON, reason="again")
    services.grant_seat(user=user, role=Role.MERCHANT_OWNER, merchant=merchant, by=None, now=NOON)
    assert allows(User.objects.get(pk=user.pk), "members.view_member")


def test_the_last_administrator_stays() -> None:
    admin = make_user(Role.PLATFORM_ADMIN)
    with pytest.raises(UserRefused, match=r"last administrator|最后一位管理员"):
        services.end_seat(seat=admin.seats.get(), by=admin, now=NOON, reason="tired")
    assert admin.seats.get().revoked_at is None
    make_user(Role.PLATFORM_ADMIN)
    services.end_seat(seat=admin.seats.get(), by=admin, now=NOON, reason="tired")


def test_nobody_switches_themselves_off() -> None:
    admin = make_user()
    with pytest.raises(UserRefused):
        services.set_active(user=admin, active=False, by=admin, now=NOON, reason="x")
    services.set_active(user=admin, active=False, by=None, now=NOON, reason="x")
    assert not User.objects.get(pk=admin.pk).is_active
    with pytest.raises(UserRefused):
        services.set_active(user=admin, active=False, by=None, now=NOON, reason="twice")
    assert verbs() == ["user.deactivated"]
