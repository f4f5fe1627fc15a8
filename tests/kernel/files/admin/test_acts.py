"""Going on with an import: correct the reading, import, cancel. Every act is a POST and asks the rights again."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.test import Client

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.services import resume_job
from backoffice.kernel.tenancy.models import Seat
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from tests.factories import NOON, make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, NO_STORE_NAMED, WITH_BAD, address, client_of, job_of
from tests.loading import csv_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["apply", "cancel", "reading"])
def test_an_act_is_not_done_by_opening_its_address(name: str) -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    assert client_of(user).get(address(name, job.pk)).status_code == 405
    without_token = Client(enforce_csrf_checks=True)
    without_token.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    assert without_token.post(address(name, job.pk), {"on_bad_rows": "abort"}).status_code == 403
    job.refresh_from_db()
    assert job.status == JobStatus.CHECKED


def test_the_good_rows_are_imported_and_the_bad_ones_stay_out() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, WITH_BAD, store=store)
    answer = client_of(user).post(address("apply", job.pk), {"on_bad_rows": "skip"})
    assert (answer.status_code, answer["Location"]) == (302, address("change", job.pk))
    job.refresh_from_db()
    assert (job.status, job.on_bad_rows) == (JobStatus.APPLYING, BadRows.SKIP)
    assert resume_job(job=job, now=NOON).status == JobStatus.APPLIED
    assert sorted(Member.objects.values_list("member_no", flat=True)) == ["M1", "M3"]
    verbs = list(AuditEvent.objects.filter(target_id=job.pk, target_type="files.importjob").order_by("pk").values_list("verb", "actor"))
    assert verbs == [("import.handed_in", user.pk), ("import.apply_requested", user.pk), ("import.applied", user.pk)]


def test_all_or_nothing_leaves_nothing_when_a_row_is_bad() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, WITH_BAD, store=store)
    client_of(user).post(address("apply", job.pk), {"on_bad_rows": "abort"})
    job.refresh_from_db()
    assert resume_job(job=job, now=NOON).status == JobStatus.REFUSED
    assert Member.objects.count() == 0


def test_an_odd_answer_to_the_dialog_changes_nothing() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, WITH_BAD, store=store)
    answer = client_of(user).post(address("apply", job.pk), {"on_bad_rows": "everything"})
    assert len(list(get_messages(answer.wsgi_request))) == 1
    job.refresh_from_db()
    assert job.status == JobStatus.CHECKED


def test_a_wrong_control_total_is_told_and_imports_nothing() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    rows = csv_of("会员编号,充值单号,本金,权益金,充值时间,到期时间", "M1,A1,100,50,2026-11-01,2027-11-01")
    job = job_of(user, rows, store=store, kind="credit")
    answer = client_of(user).post(address("apply", job.pk), {"on_bad_rows": "abort", "control_total": "99.99"})
    assert "99.99" in str(next(iter(get_messages(answer.wsgi_request))))
    job.refresh_from_db()
    assert (job.status, job.control_total) == (JobStatus.CHECKED, None)


def test_a_right_taken_away_works_at_once() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    Seat.objects.filter(user=user).update(role=Role.MERCHANT_ANALYST)
    client = client_of(user)
    for name in ("apply", "cancel", "reading"):
        assert client.post(address(name, job.pk), {"on_bad_rows": "abort"}).status_code == 403, name
    Seat.objects.filter(user=user).update(revoked_at=database_now())
    assert client.post(address("apply", job.pk), {"on_bad_rows": "abort"}).status_code == 302
    job.refresh_from_db()
    assert job.status == JobStatus.CHECKED


def test_an_import_is_carried_on_where_it_was_handed_in() -> None:
    store = make_store("S1")
    owner, staff = make_user(Role.MERCHANT_OWNER, merchant=store.merchant), make_user(Role.PLATFORM_ADMIN)
    theirs, ours = job_of(owner, GOOD, store=store), job_of(staff, WITH_BAD, store=store, console="platform")
    assert client_of(staff).post(address("apply", theirs.pk, console="platform"), {"on_bad_rows": "abort"}).status_code == 403
    assert client_of(owner).post(address("apply", ours.pk), {"on_bad_rows": "skip"}).status_code == 403
    assert client_of(staff).post(address("cancel", theirs.pk, console="platform")).status_code == 302
    theirs.refresh_from_db()
    ours.refresh_from_db()
    assert (theirs.status, ours.status) == (JobStatus.CANCELLED, JobStatus.CHECKED)


def test_cancel_ends_an_import_and_a_second_time_says_so() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    client = client_of(user)
    assert client.post(address("cancel", job.pk)).status_code == 302
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED
    again = client.post(address("cancel", job.pk))
    assert [str(message) for message in get_messages(again.wsgi_request)] == ["This import has ended already."]


def test_a_column_and_the_store_are_named_by_hand() -> None:
    merchant = make_merchant()
    store = make_store("S1", merchant=merchant)
    make_store("S2", merchant=merchant)
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, csv_of("卡,昵称", "M1,甲"), store=None)
    assert job.reading["missing"] == ["store", "member_no"]
    fields = {"encoding": "utf-8", "delimiter": "comma", "header_row": "1", "store": "S1", "column-member_no": "0", "column-nickname": "1"}
    assert client_of(user).post(address("reading", job.pk), fields).status_code == 302
    job.refresh_from_db()
    assert (job.store, job.reading["missing"], job.reading["columns"]) == (store, [], {"member_no": 0, "nickname": 1})
    assert resume_job(job=job, now=NOON).created_count == 1


def test_a_foreign_store_named_by_hand_is_answered_like_a_missing_one() -> None:
    make_store("FOREIGN")
    merchant = make_merchant()
    make_store("S1", merchant=merchant)
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, NO_STORE_NAMED, store=None)
    client = client_of(user)
    answers = [client.post(address("reading", job.pk), {"store": code, "column-member_no": "0"}) for code in ("FOREIGN", "NOSUCH")]
    assert [(answer.status_code, answer.context["reading_errors"]) for answer in answers] == [(422, ["There is no such store. Check the store code."])] * 2
    job.refresh_from_db()
    assert job.store is None


def test_one_column_of_the_file_cannot_stand_for_two() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    answer = client_of(user).post(address("reading", job.pk), {"column-member_no": "0", "column-nickname": "0"})
    assert (answer.status_code, answer.context["reading_errors"]) == (422, ["One column of the file stands for two of ours. Choose each only once."])


def test_another_header_row_finds_the_columns_anew() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, csv_of("会员编号,昵称", "会员编号,手机号", "M1,13800138001"), store=store)
    assert set(job.reading["columns"]) == {"member_no", "nickname"}
    client_of(user).post(address("reading", job.pk), {"header_row": "2", "column-member_no": "0", "column-nickname": "1"})
    job.refresh_from_db()
    assert (job.status, job.reading["header_row"], job.reading["columns"]) == (JobStatus.CHECKING, 2, {"member_no": 0, "phone": 1})


def test_two_seats_do_not_lend_each_other_rights() -> None:
    """Operator in one store, analyst in another: sees both stores' imports, goes on only with those of the first."""
    merchant = make_merchant()
    first, second = make_store("S1", merchant=merchant), make_store("S2", merchant=merchant)
    owner = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    mixed = make_user(Role.MERCHANT_OPERATOR, merchant=merchant, stores=[first])
    Seat.objects.create(user=mixed, role=Role.MERCHANT_ANALYST, merchant=merchant).seat_stores.create(store=second)
    own, other = job_of(owner, WITH_BAD, store=first), job_of(owner, WITH_BAD, store=second)
    client = client_of(mixed)
    pages = [client.get(address("change", job.pk)) for job in (own, other)]
    assert [page.status_code for page in pages] == [200, 200]
    assert ["preview" in page.context for page in pages] == [True, False]
    assert client.get(address("file", other.pk)).status_code == 403
    assert [client.post(address("apply", job.pk), {"on_bad_rows": "skip"}).status_code for job in (own, other)] == [302, 403]
    other.refresh_from_db()
    assert other.status == JobStatus.CHECKED
    page = client.get(address("start"))
    assert [store.code for store in page.context["stores"]] == ["S1"]
