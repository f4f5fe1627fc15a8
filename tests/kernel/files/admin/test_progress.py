"""The bar of a running import: figures for people, in their language, and an answer for the script."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import translation

from backoffice.kernel.files.admin.progress import progress
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.roles import Role
from tests.factories import NOON, make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, address, client_of, job_of


def running(**fields: object) -> ImportJob:
    """A job ten seconds after a worker took it."""
    held = {"status": JobStatus.CHECKING, "started_at": NOON, "created_at": NOON, "lease_until": NOON + timedelta(seconds=60), "reading": {"missing": []}}
    return ImportJob(**(held | fields))


def test_half_of_the_rows_read_is_told_with_rate_and_time_left() -> None:
    job = running(step="staging", rows_done=20_000, rows_total=50_000)
    with translation.override("zh-hans"):
        told = progress(job, NOON + timedelta(seconds=10))
    assert told["rows"] == "已读 20,000 / 50,000 行"
    assert told["rate"] == "每秒 2,000 行"
    assert (told["percent"], told["running"], told["step"]) == (23, True, "正在读取各行")
    assert told["left"] == "约剩 33 秒"


def test_the_bar_never_goes_back_from_step_to_step() -> None:
    steps = ["", "reading", "staging", "checking", "waiting", "comparing", "reporting", "applying", "committing"]
    shares = [progress(running(step=step, rows_done=5 if step == "staging" else 10, rows_total=10), NOON + timedelta(seconds=5))["percent"] for step in steps]
    assert shares == sorted(shares)
    assert shares[-1] < 100


def test_more_rows_than_estimated_stay_within_the_bar() -> None:
    told = progress(running(step="staging", rows_done=12, rows_total=10), NOON + timedelta(seconds=5))
    assert told["percent"] == 55
    with translation.override("en"):
        assert progress(running(step="staging", rows_done=12, rows_total=10), NOON)["rows"] == "10 of 10 rows read"


def test_before_the_first_count_the_lines_of_the_file_say_how_many_rows_to_expect() -> None:
    job = running(step="staging", rows_done=10, reading={"missing": [], "lines": 41, "header_row": 1})
    with translation.override("en"):
        assert progress(job, NOON + timedelta(seconds=5))["rows"] == "10 of 40 rows read"


def test_a_worker_that_has_just_begun_reads_the_file() -> None:
    with translation.override("en"):
        assert progress(running(step=""), NOON)["step"] == "Reading the file"


def test_a_job_that_nobody_takes_says_what_to_do() -> None:
    job = running(status=JobStatus.UPLOADED, lease_until=None, started_at=None)
    with translation.override("en"):
        assert progress(job, NOON + timedelta(seconds=5))["step"] == "Waiting for a worker"
        assert "ask the administrator" in progress(job, NOON + timedelta(seconds=60))["step"]


def test_a_job_whose_worker_died_waits_again() -> None:
    job = running(step="applying", status=JobStatus.APPLYING, lease_until=NOON - timedelta(seconds=1))
    told = progress(job, NOON)
    assert (told["percent"], told["running"]) == (0, True)


@pytest.mark.parametrize("status", [JobStatus.CHECKED, JobStatus.APPLIED, JobStatus.REFUSED, JobStatus.FAILED, JobStatus.CANCELLED])
def test_an_ended_job_does_not_run(status: str) -> None:
    assert progress(running(status=status), NOON)["running"] is False


@pytest.mark.django_db
def test_the_script_asks_and_is_never_answered_from_a_cache() -> None:
    merchant = make_merchant()
    store, user = make_store("S1", merchant=merchant), make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=store)
    answer = client_of(user).get(address("progress", job.pk))
    assert answer["Content-Type"] == "application/json"
    assert "no-store" in answer["Cache-Control"]
    assert (answer.json()["status"], answer.json()["running"]) == ("CHECKED", False)
