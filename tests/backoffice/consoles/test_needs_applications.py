"""What of capability applications stands on the first page of each console, with links to the rows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from applications.models import Grant, StoreEnablement
from applications.services.grants import propose_revocation
from applications.services.review import claim
from applications.services.standing import propose_bar
from applications.services.submit import write_to_platform
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import logged_in, text
from tests.applications.cases import (
    approved,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    queued,
    staff,
    submitted,
)
from tests.factories import make_merchant, make_store

pytestmark = pytest.mark.django_db


def senior() -> Any:
    return logged_in(staff(Role.PLATFORM_SENIOR))


def test_platform_sees_its_queues_and_what_waits_for_a_second_person() -> None:
    world = make_world()
    queued(world)
    developer = onboarded()
    grant = approved(world, developer=developer).app.grants.get()
    propose_revocation(grant=grant, reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
    propose_bar(developer=developer, reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
    page = text(senior(), "/admin/")
    for words in (
        "1 application waits for review",
        "1 bar waits for a yes or no",
        "1 revocation waits for a second person",
        "/admin/applications/application/queue/",
    ):
        assert words in page
    auditor = text(logged_in(staff(Role.PLATFORM_AUDITOR)), "/admin/")
    assert "1 bar waits" not in auditor
    assert "application/queue/" not in text(logged_in(staff(Role.PLATFORM_MEMBER_OPS)), "/admin/")


def test_platform_sees_grants_to_certify_before_they_end() -> None:
    grant = approved(make_world()).app.grants.get()
    line = "1 grant to certify before it ends"
    assert line not in text(senior(), "/admin/")
    Grant.objects.filter(pk=grant.pk).update(expires_at=database_now() + timedelta(days=20))
    page = text(senior(), "/admin/")
    assert line in page
    assert "/admin/applications/grant/?waits=certifying" in page
    assert grant.app.name in text(senior(), "/admin/applications/grant/?waits=certifying")
    assert "ends on" in text(logged_in(owner_of(grant.app.developer)), "/developer/")


def test_a_reviewer_reads_first_what_is_claimed_and_when_the_first_of_all_is_due() -> None:
    world, reviewer = make_world(), staff()
    now = database_now()
    own, other = queued(world, developer=onboarded(), now=now - timedelta(hours=2)), queued(world, developer=onboarded(), now=now - timedelta(days=90))
    queued(world, developer=onboarded(), now=now - timedelta(hours=1))
    claim(case=own, by=reviewer, now=now)
    for case in (own, other):
        write_to_platform(case=case, text="在吗", by=owner_of(case.developer), now=now)
    page = text(logged_in(reviewer), "/admin/")
    lines = page.split('id="needs-title"')[1].split("</section>")[0]
    told = ["You have claimed 1 application", "The developer of 1 application that you claimed has written", "1 application is over its due date"]
    assert [lines.index(words) for words in told] == sorted(lines.index(words) for words in told)
    assert "answered a developer's message on 1 application" in lines.replace("&#x27;", "'")
    assert lines.count("due first") == 2
    assert "look=news" in lines
    assert "You have claimed" not in text(logged_in(staff()), "/admin/")


def test_merchant_sees_who_waits_for_its_word_once_and_what_is_paused() -> None:
    world, merchant = make_world(), make_merchant(tier="PREMIUM")
    store = make_store(merchant=merchant)
    make_store(merchant=merchant)
    app = make_app(onboarded(), world, build="CUSTOM")
    submitted(make_draft(world, world.special, app=app, merchant=merchant.code, audience_group=""))
    now = database_now()
    StoreEnablement.objects.create(app=approved(world).app, store=store, status="PAUSED", tier_fell_on=local_day(now), changed_at=now)
    page = text(logged_in(merchant_owner(merchant)), "/merchant/")
    assert "1 application for an app made for you waits for your word" in page
    assert "1 app is paused because the tier fell" in page
    assert "waits for your word" not in text(logged_in(merchant_owner(make_merchant())), "/merchant/")
