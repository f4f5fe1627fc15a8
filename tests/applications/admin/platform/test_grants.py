"""Grants in the platform's console: what revoking stops, two people, suspending, certifying, re-reviews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from applications.models import Grant
from applications.services.apps import announce_change
from applications.services.enable import enable_app
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import act, logged_in, queries, text
from tests.applications.cases import approved, make_world, merchant_owner, owner_of, staff
from tests.factories import make_merchant, make_store

LIST = "/admin/applications/grant/"
RE_REVIEWS = "/admin/applications/rereview/"

pytestmark = pytest.mark.django_db


def senior() -> Any:
    return logged_in(staff(Role.PLATFORM_SENIOR))


def used_grant() -> Grant:
    grant: Grant = approved(make_world(), now=database_now()).app.grants.get()
    merchant = make_merchant(tier="PREMIUM")
    enable_app(app=grant.app, store=make_store(merchant=merchant), by=merchant_owner(merchant), now=database_now() + timedelta(minutes=3))
    return grant


def test_revoking_takes_two_people_the_typed_code_and_says_what_it_stops() -> None:
    grant, first, second = used_grant(), senior(), senior()
    assert "1 store uses the app now" in text(first, f"{LIST}{grant.pk}/change/")
    act(first, f"{LIST}{grant.pk}/propose-revocation/", reason="违规引流")
    assert "违规引流" in text(second, f"{LIST}{grant.pk}/change/")
    assert grant.app.name in text(second, f"{LIST}?waits=revocation")
    refused = act(first, f"{LIST}{grant.pk}/confirm-revocation/", code=grant.app.code).content.decode()
    assert "Another person than the one who proposed it" in refused
    dialog = text(second, f"{LIST}{grant.pk}/confirm-revocation/")
    assert "1 store uses the app now" in dialog
    assert "not the app" in act(second, f"{LIST}{grant.pk}/confirm-revocation/", code="other").content.decode()
    act(second, f"{LIST}{grant.pk}/confirm-revocation/", code=grant.app.code)
    grant.refresh_from_db()
    assert grant.status == "REVOKED"
    assert second.get(f"{LIST}{grant.pk}/suspend/").status_code == 404


def test_a_proposal_can_be_dropped() -> None:
    grant, client = used_grant(), senior()
    act(client, f"{LIST}{grant.pk}/propose-revocation/", reason="x")
    act(client, f"{LIST}{grant.pk}/drop-revocation/", reason="误会")
    grant.refresh_from_db()
    assert (grant.status, grant.revocation_proposed_by) == ("ACTIVE", None)


def test_suspend_resume_and_certify() -> None:
    grant, client = used_grant(), senior()
    act(client, f"{LIST}{grant.pk}/suspend/", reason="核查中")
    grant.refresh_from_db()
    assert grant.status == "SUSPENDED"
    act(client, f"{LIST}{grant.pk}/resume/", reason="核查完毕")
    Grant.objects.filter(pk=grant.pk).update(expires_at=database_now() + timedelta(days=5))
    assert grant.app.name in text(client, f"{LIST}?waits=certifying")
    act(client, f"{LIST}{grant.pk}/certify/", reason="年度复核")
    grant.refresh_from_db()
    assert grant.status == "ACTIVE"
    assert grant.expires_at > database_now() + timedelta(days=300)
    assert grant.app.name not in text(client, f"{LIST}?waits=certifying")


@pytest.mark.parametrize(("path", "status", "left"), [("keep-grant", "KEPT", "ACTIVE"), ("end-grant", "ENDED", "SUSPENDED")])
def test_re_review_is_closed_either_way(path: str, status: str, left: str) -> None:
    grant, client = used_grant(), senior()
    announce_change(app=grant.app, cause="DEMO", by=owner_of(grant.app.developer), now=database_now())
    row = grant.re_reviews.get()
    assert str(grant) in text(client, f"{RE_REVIEWS}?status__exact=OPEN")
    text(client, f"{RE_REVIEWS}{row.pk}/change/")
    act(client, f"{RE_REVIEWS}{row.pk}/{path}/", reason="已复核")
    row.refresh_from_db()
    grant.refresh_from_db()
    assert (row.status, grant.status) == (status, left)


def test_reviewers_read_grants_and_change_none() -> None:
    grant, client = used_grant(), logged_in(staff())
    page = text(client, f"{LIST}{grant.pk}/change/")
    assert "Propose to revoke" not in page
    assert act(client, f"{LIST}{grant.pk}/suspend/", reason="x").status_code == 403


@pytest.mark.parametrize("number", [1, 3])
def test_lists_take_as_many_queries_for_one_row_as_for_three(number: int) -> None:
    world = make_world()
    for _ in range(number):
        grant = approved(world).app.grants.get()
        announce_change(app=grant.app, cause="DEMO", by=owner_of(grant.app.developer), now=database_now())
    client = senior()
    assert queries(client, LIST, f"{LIST}{grant.pk}/change/", RE_REVIEWS) == [4, 8, 5]
