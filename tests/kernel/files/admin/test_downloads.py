"""Files handed out: to whom, under which name, never to be shown inside a page."""

from __future__ import annotations

import pytest

from backoffice.kernel.files.admin.downloads import bad_rows_name, clean_name
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, WITH_BAD, address, client_of, job_of

pytestmark = pytest.mark.django_db


def test_the_file_comes_back_byte_for_byte_as_an_attachment() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, WITH_BAD, store=store, name="会员.html")
    answer = client_of(user).get(address("file", job.pk))
    assert b"".join(answer.streaming_content) == WITH_BAD.encode()
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert (answer["Content-Type"], answer["X-Content-Type-Options"]) == ("application/octet-stream", "nosniff")
    assert "no-store" in answer["Cache-Control"]


def test_the_bad_rows_come_back_with_their_reason() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant, language="zh-hans")
    job = job_of(user, WITH_BAD, store=store)
    answer = client_of(user).get(address("bad_rows", job.pk))
    assert answer["Content-Disposition"] == 'attachment; filename="members-bad-rows.csv"'
    header, row = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert header == "会员编号,昵称,手机号,原因"
    assert row.startswith("M2,乙,1.38E+10,")


def test_an_import_without_bad_rows_has_no_file_of_them() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    assert client_of(user).get(address("bad_rows", job_of(user, GOOD, store=store).pk)).status_code == 404


def test_who_may_not_import_gets_no_file() -> None:
    merchant = make_merchant()
    store = make_store("S1", merchant=merchant)
    job = job_of(make_user(Role.MERCHANT_OWNER, merchant=merchant), WITH_BAD, store=store)
    client = client_of(make_user(Role.MERCHANT_ANALYST, merchant=merchant))
    assert [client.get(address(name, job.pk)).status_code for name in ("file", "bad_rows")] == [403, 403]
    auditor = client_of(make_user(Role.PLATFORM_AUDITOR))
    assert [auditor.get(address(name, job.pk, console="platform")).status_code for name in ("file", "bad_rows")] == [403, 403]


def test_a_file_that_is_gone_is_not_found() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    job.file.storage.delete(job.file.name)
    client = client_of(user)
    assert client.get(address("file", job.pk)).status_code == 404
    assert client.get(address("change", job.pk)).status_code == 200


@pytest.mark.parametrize(
    ("name", "cleaned"),
    [
        ("members.csv", "members.csv"),
        ("../../etc/passwd", "etc_passwd"),
        ('a"b\r\nc.csv', "a_b_c.csv"),
        ("\u202efdp.exe", "fdp.exe"),
        ("", "file"),
        ("长" * 200 + ".csv", "长" * 76 + ".csv"),
    ],
)
def test_a_name_is_no_path_and_no_trick(name: str, cleaned: str) -> None:
    assert clean_name(name) == cleaned


@pytest.mark.parametrize(
    ("name", "bad"), [("m.csv", "m-bad-rows.csv"), ("m.csv.gz", "m-bad-rows.csv"), ("m", "m-bad-rows.csv"), ("会员 1.xlsx", "会员 1-bad-rows.xlsx")]
)
def test_the_bad_rows_are_named_after_their_file(name: str, bad: str) -> None:
    assert bad_rows_name(name) == bad
