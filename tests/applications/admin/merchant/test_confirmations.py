"""The merchant's word on a custom build, in its console."""

from __future__ import annotations

from typing import Any

import pytest

from applications.models import Application, InternalNote, MerchantConfirmation
from applications.services.submit import save_draft, submit
from backoffice.kernel.clock import database_now
from tests.applications.admin.consoles import act, logged_in
from tests.applications.cases import (
    MONDAY,
    NAME_MARK,
    NOTE_MARK,
    World,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    staff,
    submitted,
)
from tests.factories import make_merchant, make_store

LIST = "/merchant/applications/merchantconfirmation/"

pytestmark = pytest.mark.django_db


def waiting(world: World, merchant: Any) -> MerchantConfirmation:
    app = make_app(onboarded(), world, build="CUSTOM")
    case = submitted(make_draft(world, world.special, app=app, merchant=merchant.code, audience_group=""))
    return MerchantConfirmation.objects.get(case=case)


def premium() -> Any:
    merchant = make_merchant(tier="PREMIUM")
    make_store(merchant=merchant)
    make_store(merchant=merchant)
    return merchant


def test_merchant_reads_and_confirms_and_the_case_is_queued() -> None:
    merchant = premium()
    row = waiting(make_world(), merchant)
    client = logged_in(merchant_owner(merchant))
    page = client.get(f"{LIST}?status__exact=WAITING").content.decode()
    assert row.case.number in page
    assert "Custom levels" in page
    InternalNote.objects.create(case=row.case, text=NOTE_MARK, written_by=staff(), written_at=MONDAY)
    page = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert row.case.developer.name in page
    assert "会员因此得到第 1 项可感知的好处" in page
    assert NOTE_MARK not in page
    assert NAME_MARK not in page
    act(client, f"{LIST}{row.pk}/confirm/")
    assert Application.objects.get(pk=row.case_id).state == "QUEUED"


def test_declining_needs_a_reason_and_gives_the_draft_back() -> None:
    merchant = premium()
    row = waiting(make_world(), merchant)
    client = logged_in(merchant_owner(merchant))
    act(client, f"{LIST}{row.pk}/decline/", reason="")
    assert Application.objects.get(pk=row.case_id).state == "AWAITING_MERCHANT"
    act(client, f"{LIST}{row.pk}/decline/", reason="我们没有委托过这个应用")
    row.refresh_from_db()
    assert (row.status, row.reason, Application.objects.get(pk=row.case_id).state) == ("DECLINED", "我们没有委托过这个应用", "DRAFT")


def test_another_merchants_confirmation_is_like_a_missing_one() -> None:
    row = waiting(make_world(), premium())
    client = logged_in(merchant_owner(premium()))
    assert row.case.number not in client.get(LIST).content.decode()
    for path in ("change", "confirm", "decline"):
        assert client.get(f"{LIST}{row.pk}/{path}/").status_code == 404
    assert act(client, f"{LIST}{row.pk}/confirm/").status_code == 404


def test_a_confirmation_is_one_row_however_many_stores_the_merchant_has() -> None:
    merchant = premium()
    row = waiting(make_world(), merchant)
    page = logged_in(merchant_owner(merchant)).get(LIST).content.decode()
    assert page.count(f"{LIST}{row.pk}/change/") == 1


@pytest.mark.parametrize("number", [1, 3])
def test_list_takes_as_many_queries_for_one_row_as_for_three(number: int, django_assert_num_queries: Any) -> None:
    world, merchant = make_world(), premium()
    for _ in range(number):
        waiting(world, merchant)
    client = logged_in(merchant_owner(merchant))
    client.get(LIST)
    with django_assert_num_queries(6):
        client.get(LIST)


def test_what_is_written_for_another_merchant_later_stays_hidden() -> None:
    """A declines, the developer writes the draft anew for B and hands it in: A still sees what it was asked, and no state of what is B's now."""
    first, second = premium(), premium()
    world = make_world()
    row = waiting(world, first)
    client = logged_in(merchant_owner(first))
    act(client, f"{LIST}{row.pk}/decline/", reason="不是我们的应用")
    case = Application.objects.get(pk=row.case_id)
    applicant, now = owner_of(case.developer), database_now()
    changed = {"merchant": second.code, "contact_other": "只给乙商家的联系方式"}
    save_draft(case=case, content=changed, draft_version=case.draft_version, by=applicant, now=now)
    for step in ("written", "handed in"):
        page = client.get(f"{LIST}{row.pk}/change/").content.decode()
        assert "会员因此得到第 1 项可感知的好处" in page
        assert "只给乙商家的联系方式" not in page
        assert "The application now" not in page
        assert client.get(LIST).status_code == 200
        if step == "written":
            submit(case=case, by=applicant, now=now)
    assert Application.objects.get(pk=case.pk).merchant_id == second.pk
