"""The history: whose imports, which queue, how many queries."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, NO_STORE_NAMED, WITH_BAD, address, client_of, job_of
from tests.loading import csv_of

pytestmark = pytest.mark.django_db

LIST_QUERIES = 8


def listed(answer: Any) -> set[int]:
    return {job.pk for job in answer.context["cl"].result_list}


def test_a_merchant_sees_own_stores_and_own_files_only() -> None:
    foreign = make_store("FOREIGN")
    job_of(make_user(Role.MERCHANT_OWNER, merchant=foreign.merchant), GOOD, store=foreign, name="FOREIGN.csv")
    merchant = make_merchant()
    first, second = make_store("S1", merchant=merchant), make_store("S2", merchant=merchant)
    owner, operator = make_user(Role.MERCHANT_OWNER, merchant=merchant), make_user(Role.MERCHANT_OPERATOR, merchant=merchant, stores=[first])
    in_first, in_second = job_of(owner, GOOD, store=first), job_of(owner, WITH_BAD, store=second)
    named_inside = job_of(owner, csv_of("店铺编码,会员编号", "S1,M1"), store=None)
    page = client_of(owner).get(address("changelist"))
    assert listed(page) == {in_first.pk, in_second.pk, named_inside.pk}
    assert b"FOREIGN" not in page.content
    assert listed(client_of(operator).get(address("changelist"))) == {in_first.pk}


def test_the_tabs_count_what_they_show() -> None:
    merchant = make_merchant()
    store = make_store("S1", merchant=merchant)
    me, colleague = (make_user(Role.MERCHANT_OWNER, merchant=merchant) for _ in range(2))
    waiting, theirs = job_of(me, GOOD, store=store), job_of(colleague, csv_of("会员编号", "M9"), store=store)
    with_bad, mended = job_of(me, WITH_BAD, store=store), job_of(me, csv_of("会员编号,手机号", "M7,7"), store=store)
    ImportJob.objects.filter(pk=mended.pk).update(status=JobStatus.APPLIED, applied_at=mended.finished_at)
    resent = job_of(me, csv_of("会员编号", "M7"), store=store, resend_of=mended)
    incomplete = job_of(me, NO_STORE_NAMED, store=None)
    failed = job_of(colleague, csv_of("会员编号", "M8"), store=store)
    ImportJob.objects.filter(pk=failed.pk).update(status=JobStatus.FAILED)
    client = client_of(me)
    wanted = {
        "mine": {waiting.pk, with_bad.pk, resent.pk, incomplete.pk},
        "running": {incomplete.pk},
        "bad": {with_bad.pk},
        "failed": {failed.pk},
        "": {waiting.pk, theirs.pk, with_bad.pk, mended.pk, resent.pk, incomplete.pk, failed.pk},
    }
    for code, rows in wanted.items():
        page = client.get(address("changelist"), {"queue": code} if code else {})
        assert listed(page) == rows, code
        assert {tab.code: tab.number for tab in page.context["tabs"]}[code] == len(rows), code
        assert [tab.code for tab in page.context["tabs"] if tab.is_here] == [code]


def test_the_list_asks_the_same_of_the_database_for_one_import_and_for_three(django_assert_num_queries: Any) -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    client = client_of(user)
    job_of(user, WITH_BAD, store=store)
    client.get(address("changelist"))
    for number in (1, 3):
        while ImportJob.objects.count() < number:
            job_of(make_user(Role.MERCHANT_OWNER, merchant=merchant), csv_of("会员编号", f"M{ImportJob.objects.count()}"), store=store)
        with django_assert_num_queries(LIST_QUERIES):
            client.get(address("changelist"))


def test_platform_staff_have_no_name_for_merchants() -> None:
    merchant = make_merchant()
    store = make_store("S1", merchant=merchant)
    job_of(make_user(Role.PLATFORM_ADMIN, display_name="SECRETNAME"), GOOD, store=store, console="platform")
    page = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant)).get(address("changelist"))
    assert b"SECRETNAME" not in page.content
    assert b"Platform staff" in page.content
    assert b"SECRETNAME" in client_of(make_user(Role.PLATFORM_ADMIN)).get(address("changelist", console="platform")).content


def test_files_are_offered_to_those_who_may_have_them() -> None:
    merchant = make_merchant()
    store, owner = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    clean, with_bad = job_of(owner, GOOD, store=store), job_of(owner, WITH_BAD, store=store)
    offers = {(name, job.pk): address(name, job.pk) for name in ("file", "bad_rows") for job in (clean, with_bad)}
    for user, wanted in (
        (owner, {("file", clean.pk), ("file", with_bad.pk), ("bad_rows", with_bad.pk)}),
        (make_user(Role.MERCHANT_ANALYST, merchant=merchant), set()),
    ):
        page = client_of(user).get(address("changelist")).content.decode()
        assert {offer for offer, url in offers.items() if url in page} == wanted


def test_an_empty_list_says_what_to_do_first() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    page = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant), "zh-hans").get(address("changelist"))
    assert "请在上方选择要导入的内容并放入文件" in page.content.decode()


@pytest.mark.parametrize("query", ["file_hash__startswith=a", "uploaded_by__password__startswith=p", "reading__missing=x"])
def test_other_columns_cannot_be_asked(query: str) -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job_of(user, GOOD, store=store)
    answer = client_of(user).get(f"{address('changelist')}?{query}")
    assert answer.status_code == 400
