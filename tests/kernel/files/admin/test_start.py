"""The first step: what may be imported, into which store, and what is refused with which sentence."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import load_workbook

from backoffice.kernel.files.admin.samples import sample_file
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import apply_job, request_apply
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from tests.factories import NOON, make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, WITH_BAD, address, client_of, hand_in, job_of
from tests.loading import csv_of, load

pytestmark = pytest.mark.django_db


def test_a_file_handed_in_becomes_a_job_that_waits_for_its_check() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    answer = hand_in(client_of(user), GOOD, store="S1", on_bad_rows="skip")
    job = ImportJob.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, address("change", job.pk))
    assert (job.kind, job.store, job.console, job.uploaded_by, job.status, job.on_bad_rows) == (
        "members",
        store,
        "merchant",
        user,
        JobStatus.UPLOADED,
        BadRows.SKIP,
    )
    assert (job.file_name, job.reading["encoding"], job.apply_when_clean) == ("members.csv", "utf-8", False)
    assert Member.objects.count() == 0


def test_the_script_is_answered_in_json() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    good = client.post(
        address("start"), {"kind": "members", "store": "S1", "file": SimpleUploadedFile("m.csv", GOOD.encode())}, headers={"x-requested-with": "XMLHttpRequest"}
    )
    assert good.json() == {"next": address("change", ImportJob.objects.get().pk)}
    bad = client.post(address("start"), {"kind": "members"}, headers={"x-requested-with": "XMLHttpRequest"})
    assert (bad.status_code, bad.json()) == (422, {"errors": {"file": ["Choose a file."]}})


def test_a_foreign_store_is_answered_like_a_missing_one() -> None:
    make_store("FOREIGN")
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    answers = [hand_in(client, GOOD, store=code) for code in ("FOREIGN", "NOSUCH")]
    assert [answer.status_code for answer in answers] == [422, 422]
    assert [answer.context["start_form"].errors["store"] for answer in answers] == [["There is no such store. Check the store code."]] * 2
    assert b"FOREIGN" not in client.get(address("start")).content
    assert ImportJob.objects.count() == 0


def test_a_merchant_is_not_offered_and_cannot_send_the_stores_file() -> None:
    merchant = make_merchant()
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    codes = [card.kind.code for card in client.get(address("start")).context["cards"]]
    assert "members" in codes
    assert "stores" not in codes
    refused = hand_in(client, GOOD, kind="stores")
    assert refused.context["start_form"].errors["kind"] == ["Choose what the file holds."]
    assert client.get(address("sample", "stores", "en", "csv")).status_code == 404
    assert ImportJob.objects.count() == 0


def test_the_platform_is_offered_the_stores_file() -> None:
    client = client_of(make_user(Role.PLATFORM_ADMIN))
    codes = [card.kind.code for card in client.get(address("start", console="platform")).context["cards"]]
    assert {"stores", "members", "credit", "orders"} <= set(codes)


def test_an_analyst_reads_and_hands_nothing_in() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_ANALYST, merchant=merchant))
    assert hand_in(client, GOOD, store="S1").status_code == 403
    assert client.get(address("start")).status_code == 403
    page = client.get(address("changelist"))
    assert (page.status_code, page.context["cards"]) == (200, [])
    assert ImportJob.objects.count() == 0


def test_credit_asks_for_the_sum() -> None:
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    text = csv_of(
        ",".join(column.header_zh for column in import_kinds.get("credit").columns), ",".join(column.example for column in import_kinds.get("credit").columns)
    )
    refused = hand_in(client, text, kind="credit", store="S1")
    assert "must match to the fen" in refused.context["start_form"].errors["control_total"][0]
    assert hand_in(client, text, kind="credit", store="S1", control_total="¥1,150.00").status_code == 302
    assert ImportJob.objects.get().control_total == Decimal("1150.00")


def test_a_file_beyond_the_limit_is_not_kept_and_the_limit_is_named(settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 2_000_000
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    answer = hand_in(client, GOOD + "x" * 3_500_000, store="S1")
    assert answer.status_code == 422
    assert "larger than 2 MB" in answer.context["start_form"].errors["file"][0]
    assert not answer.wsgi_request.FILES
    slightly = hand_in(client, GOOD + "x" * 2_100_000, store="S1")
    assert "larger than 2 MB" in slightly.context["start_form"].errors["file"][0]
    assert ImportJob.objects.count() == 0


def test_the_same_file_again_says_when_it_was_imported_and_leads_there() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    first = load("members", GOOD, store=store, by=user, console="merchant")
    assert first.status == JobStatus.APPLIED
    answer = hand_in(client_of(user), GOOD, store="S1")
    assert answer.status_code == 422
    assert f"as number {first.pk}" in answer.context["start_form"].errors["file"][0]
    assert address("change", first.pk) in answer.content.decode()
    by_script = client_of(user).post(
        address("start"),
        {"kind": "members", "store": "S1", "file": SimpleUploadedFile("m.csv", GOOD.encode())},
        headers={"x-requested-with": "XMLHttpRequest"},
    )
    assert by_script.json()["link"] == {"url": address("change", first.pk), "text": "Open that import"}
    assert ImportJob.objects.count() == 1


def test_the_first_import_of_somebody_else_is_not_named() -> None:
    store = make_store("S1")
    load("members", GOOD, store=store)
    ImportJob.objects.update(store=None)  # as if its rows had named the stores
    merchant = make_merchant()
    make_store("S2", merchant=merchant)
    answer = hand_in(client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant)), GOOD)
    assert answer.context["start_form"].errors["file"] == ["This file was imported already. Nothing was done."]


def test_mended_rows_know_their_first_import_and_go_on_by_themselves() -> None:
    from backoffice.kernel.files.services import resume_job

    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    first = job_of(user, WITH_BAD, store=store)
    request_apply(job=first, on_bad_rows=BadRows.SKIP, control_total=None, by=user, now=NOON)
    apply_job(job=first, now=NOON)
    mended = csv_of("会员编号,昵称,手机号,原因", "M2,乙,13800138002,手机号被截短")
    hand_in(client_of(user), mended, store="S1", resend_of=first.pk, apply_when_clean="1")
    again = ImportJob.objects.get(resend_of=first)
    assert resume_job(job=again, now=NOON).status == JobStatus.APPLIED
    assert sorted(Member.objects.values_list("member_no", flat=True)) == ["M1", "M2", "M3"]


def test_mended_rows_that_are_still_bad_wait_for_their_owner() -> None:
    from backoffice.kernel.files.services import resume_job

    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    first = job_of(user, WITH_BAD, store=store)
    still_bad = csv_of("会员编号,昵称,手机号", "M2,乙,12345", "M4,丁,13800138004")
    hand_in(client_of(user), still_bad, store="S1", resend_of=first.pk, apply_when_clean="1")
    again = resume_job(job=ImportJob.objects.get(resend_of=first), now=NOON)
    assert (again.status, again.bad_count, Member.objects.count()) == (JobStatus.CHECKED, 1, 0)


def test_rows_of_a_foreign_import_cannot_be_sent_again() -> None:
    foreign = make_store("FOREIGN")
    first = job_of(make_user(Role.MERCHANT_OWNER, merchant=foreign.merchant), WITH_BAD, store=foreign)
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    answers = [hand_in(client, GOOD, store="S1", resend_of=number) for number in (first.pk, 987654321)]
    assert [answer.context["start_form"].non_field_errors() for answer in answers] == [["The import whose rows you mended is not there."]] * 2
    assert ImportJob.objects.count() == 1


def test_handing_in_needs_the_token() -> None:
    from django.test import Client

    merchant = make_merchant()
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    assert hand_in(client, GOOD).status_code == 403
    assert ImportJob.objects.count() == 0


@pytest.mark.parametrize("kind", ["members", "credit", "orders", "stores"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_a_sample_is_read_back_with_every_column_known(kind: str, language: str) -> None:
    from backoffice.kernel.files.reading import find_reading

    declared = import_kinds.get(kind)
    names = {column.name for column in declared.file_columns}
    for format_name in ("csv", "xlsx"):
        reading = find_reading(io.BytesIO(sample_file(declared, language, format_name, "S9")), declared, store_given=False)
        assert (set(reading.columns), reading.missing, reading.format) == (names, [], format_name)


def test_a_sample_is_an_attachment_with_a_store_of_the_reader_and_long_numbers_as_text() -> None:
    merchant = make_merchant()
    make_store("S777", merchant=merchant)
    client = client_of(make_user(Role.MERCHANT_OWNER, merchant=merchant))
    csv_file = client.get(address("sample", "members", "zh-hans", "csv"))
    assert csv_file["Content-Disposition"] == 'attachment; filename="members-sample-zh-hans.csv"'
    assert (csv_file["X-Content-Type-Options"], csv_file.content[:3]) == ("nosniff", b"\xef\xbb\xbf")
    assert csv_file.content.decode("utf-8-sig").splitlines()[1].startswith("S777,")
    book = load_workbook(io.BytesIO(client.get(address("sample", "members", "en", "xlsx")).content))
    header, row = list(book.active.iter_rows(values_only=True))
    phone = row[header.index("phone")]
    assert phone == "13800138000"
    assert client.get(address("sample", "members", "fr", "csv")).status_code == 404
    assert client.get(address("sample", "members", "en", "html")).status_code == 404
