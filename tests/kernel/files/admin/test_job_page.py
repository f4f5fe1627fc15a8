"""The page of one import: who sees it, what it says, how much it asks of the database."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.utils import translation

from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.models import Seat
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, NO_STORE_NAMED, WITH_BAD, address, client_of, job_of
from tests.loading import csv_of, load

pytestmark = pytest.mark.django_db

PAGE_QUERIES = 11
CREDIT = csv_of("会员编号,充值单号,本金,权益金,充值时间,到期时间", "M1,A1,100,50,2026-11-01,2027-11-01")


def _without_noise(answer: Any, number: int) -> bytes:
    body = re.sub(rb'name="csrfmiddlewaretoken" value="[^"]*"', b"", answer.content)
    return body.replace(str(number).encode(), b"N")


def test_a_foreign_import_answers_like_a_missing_one_on_every_address() -> None:
    foreign = make_store("FOREIGN")
    job = job_of(make_user(Role.MERCHANT_OWNER, merchant=foreign.merchant), WITH_BAD, store=foreign, name="FOREIGN.csv")
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    for name in ("change", "history", "progress", "file", "bad_rows"):
        got, missing = client.get(address(name, job.pk)), client.get(address(name, 987654321))
        assert (got.status_code, _without_noise(got, job.pk)) == (404, _without_noise(missing, 987654321)), name
    for name in ("apply", "cancel", "reading"):
        got, missing = client.post(address(name, job.pk)), client.post(address(name, 987654321))
        assert (got.status_code, _without_noise(got, job.pk)) == (404, _without_noise(missing, 987654321)), name
    job.refresh_from_db()
    assert (job.status, job.cancel_requested) == (JobStatus.CHECKED, False)


def test_an_import_whose_rows_name_the_store_is_its_uploaders_alone() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    owner, colleague = (make_user(Role.MERCHANT_OWNER, merchant=merchant) for _ in range(2))
    stranger = make_user(Role.MERCHANT_OWNER, merchant=make_merchant())
    job = job_of(owner, csv_of("店铺编码,会员编号", "S1,M1"), store=None)
    assert job.store is None
    seen = {user: client_of(user).get(address("change", job.pk)).status_code for user in (owner, colleague, stranger)}
    assert list(seen.values()) == [200, 404, 404]
    assert client_of(make_user(Role.PLATFORM_ADMIN)).get(address("change", job.pk, console="platform")).status_code == 200


def test_a_user_of_both_consoles_sees_in_the_merchants_only_what_was_handed_in_there() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    both = make_user(Role.PLATFORM_ADMIN)
    Seat.objects.create(user=both, role=Role.MERCHANT_OWNER, merchant=merchant, all_stores=True)
    job = job_of(both, csv_of("店铺编码,会员编号", "S1,M1"), store=None, console="platform")
    client = client_of(both)
    assert client.get(address("change", job.pk)).status_code == 404
    assert client.get(address("change", job.pk, console="platform")).status_code == 200


def test_bad_rows_are_told_with_line_column_value_and_how_to_mend_them() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, WITH_BAD, store=store)
    page = client_of(user, "zh-hans").get(address("change", job.pk))
    with translation.override("zh-hans"):
        row = page.context["problems"][0]
        assert (row.line, row.column, row.value) == (3, "手机号", "1.3****E+10")
        assert row.sentence in page.content.decode()
        assert "1 行不能导入，2 行可以导入" in page.content.decode()
    assert [(share.code, share.number) for share in page.context["shares"]] == [("create", 2), ("update", 0), ("unchanged", 0), ("conflict", 0), ("bad", 1)]
    assert address("bad_rows", job.pk) in page.content.decode()
    assert "1.38E+10" not in page.content.decode()


def test_the_file_is_shown_as_understood_with_phones_masked() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    text = client_of(user).get(address("change", job.pk)).content.decode()
    assert "138****8001" in text
    assert "13800138001" not in text
    assert "UTF-8" in text


def test_who_may_not_import_sees_figures_and_no_rows() -> None:
    merchant = make_merchant()
    store = make_store("S1", merchant=merchant)
    job = job_of(make_user(Role.MERCHANT_OWNER, merchant=merchant), WITH_BAD, store=store)
    page = client_of(make_user(Role.MERCHANT_ANALYST, merchant=merchant)).get(address("change", job.pk))
    assert page.status_code == 200
    assert "preview" not in page.context
    for name in ("file", "bad_rows", "apply", "cancel"):
        assert address(name, job.pk) not in page.content.decode()


def test_a_missing_column_and_a_missing_store_are_named_and_asked_for() -> None:
    merchant = make_merchant()
    for code in ("S1", "S2"):
        make_store(code, merchant=merchant)
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, NO_STORE_NAMED, store=None)
    page = client_of(user, "zh-hans").get(address("change", job.pk))
    assert page.context["missing"] == "店铺编码、会员编号"
    assert page.context["progress"]["running"] is False
    assert address("reading", job.pk) in page.content.decode()


def test_totals_stand_beside_the_control_total() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    load("members", csv_of("会员编号,手机号", "M1,13800138001"), store=store)
    job = job_of(user, CREDIT, store=store, kind="credit", control_total=Decimal("151.00"))
    assert job.file_total == Decimal("150.00")
    page = client_of(user).get(address("change", job.pk))
    totals = page.context["totals"]
    assert (totals.file, totals.typed, totals.fits, totals.difference) == (Decimal("150.00"), Decimal("151.00"), False, Decimal("-1.00"))
    assert "¥150.00" in page.content.decode()
    assert "2027-11-01 24:00" in page.content.decode()  # a day on which something ends includes that day
    assert page.context["refusal"]


def test_what_was_imported_leads_to_the_list_of_such_rows() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = load("members", GOOD, store=store, by=user, console="merchant")
    client = client_of(user)
    link = client.get(address("change", job.pk)).context["shares"][0].url
    assert link.startswith("/merchant/members/member/")
    assert client.get(link).status_code == 200
    assert client.get(link).context["cl"].result_count == 2


def test_the_page_asks_the_same_of_the_database_for_one_bad_row_and_for_three(django_assert_num_queries: Any) -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    one = job_of(user, WITH_BAD, store=store)
    three = job_of(user, csv_of("会员编号,手机号", "M1,1", "M2,2", "M3,3", "M4,13800138004"), store=store)
    client = client_of(user)
    client.get(address("change", one.pk))
    for job in (one, three):
        with django_assert_num_queries(PAGE_QUERIES):
            client.get(address("change", job.pk))


def test_a_page_of_problems_ends_and_goes_on() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, csv_of("会员编号,手机号", *(f"M{number},{number}" for number in range(60))), store=store)
    client = client_of(user)
    first, second = (client.get(address("change", job.pk), {"problems": start}) for start in ("", "50"))
    assert [len(page.context["problems"]) for page in (first, second)] == [50, 10]
    assert (first.context["next_problems"], second.context["next_problems"], second.context["earlier_problems"]) == (50, None, 0)
    for odd in ("-1", "abc", "９", "9" * 30):
        assert len(client.get(address("change", job.pk), {"problems": odd}).context["problems"]) == 50
    assert first.context["problem_groups"][0].number == 60


def test_the_page_itself_takes_no_post() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    assert client_of(user).post(address("change", job.pk), {"status": "APPLIED"}).status_code == 405
    job.refresh_from_db()
    assert job.status == JobStatus.CHECKED


def test_nobody_sees_a_page_without_logging_in() -> None:
    job = job_of(make_user(Role.PLATFORM_ADMIN), GOOD, store=make_store("S1"), console="platform")
    answer = Client().get(address("change", job.pk, console="platform"))
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/admin/login/")


@pytest.mark.parametrize("status", JobStatus.values)
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_every_state_has_a_page_with_something_to_do_next(status: str, language: str) -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    changes = {"applied_at": job.finished_at} if status == JobStatus.APPLIED else {}
    ImportJob.objects.filter(pk=job.pk).update(status=status, error_code="internal_error" if status == JobStatus.FAILED else "", **changes)
    page = client_of(user, language).get(address("change", job.pk))
    text = page.content.decode()
    to_do = {
        JobStatus.UPLOADED: address("cancel", job.pk),
        JobStatus.CHECKING: address("cancel", job.pk),
        JobStatus.APPLYING: address("cancel", job.pk),
        JobStatus.CHECKED: address("apply", job.pk),
    }.get(JobStatus(status), address("start"))
    assert page.status_code == 200
    assert to_do in text
    assert ("data-progress-url" in text) == (status in (JobStatus.UPLOADED, JobStatus.CHECKING, JobStatus.APPLYING))
