"""Imports that meet each other, are cancelled, or whose process dies: each row once, or nothing."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction

from backoffice.kernel.files import engine, leases
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import apply_job, cancel_job, create_job
from backoffice.kernel.files.tasks import resume_imports
from backoffice.kernel.tenancy.models import Store
from members.models import Identity, Member, Person
from tests.factories import NOON, make_store
from tests.loading import csv_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _world(settings: Any, tmp_path: Any) -> Iterator[None]:
    """Own folder; the identity kinds come from a migration and go with the flush."""
    settings.MEDIA_ROOT = tmp_path
    from importlib import import_module

    from django.apps import apps

    import_module("members.migrations.0002_storage_and_identity_kinds").add_kinds(apps, None)
    yield
    connection.close()


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


def hand_in(text: str, store: Store | None = None) -> ImportJob:
    return create_job(kind="members", content=io.BytesIO(text.encode()), file_name="list.csv", store=store, console="command", by=None, now=NOON)


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run the functions in threads that start together; their results."""
    barrier = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)

    def run(place: int) -> None:
        try:
            barrier.wait()
            results[place] = works[place]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(place,)) for place in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def rows(prefix: str, count: int, first_phone: int) -> list[str]:
    return [f"{prefix}{number},{13_800_000_000 + first_phone + number}" for number in range(count)]


def test_two_imports_that_share_phones_make_one_person_a_phone(store: Store) -> None:
    other = make_store("YS02")
    mine = hand_in(csv_of("member_no,phone", *rows("A", 300, 0)), store)
    theirs = hand_in(csv_of("member_no,phone", *reversed(rows("B", 300, 150))), other)
    done = at_once(lambda: apply_job(job=mine, now=NOON), lambda: apply_job(job=theirs, now=NOON))

    assert [job.status for job in done] == ["APPLIED", "APPLIED"]
    assert Member.objects.count() == 600
    assert Identity.objects.count() == Person.objects.count() == 450
    shared = {bytes(value): person for value, person in Identity.objects.values_list("value_hash", "person_id")}
    assert all(shared[bytes(value)] == person for value, person in Member.objects.values_list("phone_hash", "person_id"))


def test_an_insert_that_lies_open_elsewhere_is_waited_for_and_then_reckoned_with(store: Store) -> None:
    """The API links the phone while the file is being applied: the file meets the unique key, begins anew and finds the person."""
    job = hand_in(csv_of("member_no,phone", "M1,13800138000"), store)
    from backoffice.kernel.secrets import lookup_hash

    holding, may_commit = threading.Event(), threading.Event()
    made: list[int] = []

    def link() -> None:
        with transaction.atomic():
            person = Person.objects.create()
            Identity.objects.create(kind_id="phone", value_hash=lookup_hash("phone", "13800138000"), person=person)
            made.append(person.pk)
            holding.set()
            may_commit.wait(20)

    def apply() -> ImportJob:
        holding.wait(20)
        threading.Timer(1.0, may_commit.set).start()
        return apply_job(job=job, now=NOON)

    done = at_once(link, apply)[1]
    assert (done.status, Member.objects.get().person_id) == ("APPLIED", made[0])
    assert Person.objects.count() == 1


def test_the_same_file_twice_at_the_same_time_is_applied_once(store: Store) -> None:
    text = csv_of("member_no,nickname", *(f"M{number},a" for number in range(200)))
    jobs = [hand_in(text, store) for _ in range(3)]
    done = at_once(*(lambda job=job: apply_job(job=job, now=NOON) for job in jobs))

    assert sorted(job.status for job in done) == ["APPLIED", "REFUSED", "REFUSED"]
    first = next(job for job in done if job.status == "APPLIED")
    assert [(job.error_code, job.error_params) for job in done if job.status == "REFUSED"] == [("repeated", {"job": first.pk})] * 2
    assert Member.objects.count() == 200


def test_one_job_in_two_workers_is_applied_once(store: Store) -> None:
    job = hand_in(csv_of("member_no", *(f"M{number}" for number in range(200))), store)
    at_once(*(lambda: apply_job(job=ImportJob.objects.get(pk=job.pk), now=NOON) for _ in range(3)))

    assert ImportJob.objects.get(pk=job.pk).status == JobStatus.APPLIED
    assert Member.objects.count() == 200


def stopped_at(monkeypatch: pytest.MonkeyPatch, step: str) -> tuple[threading.Event, threading.Event]:
    """A running import waits at ``step``: (it has come there, it may go on)."""
    there, go_on = threading.Event(), threading.Event()
    at = leases.Lease.at

    def wait(self: leases.Lease, name: str) -> None:
        if name == step:
            there.set()
            go_on.wait(30)
        at(self, name)

    monkeypatch.setattr(leases.Lease, "at", wait)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 0.05)
    return there, go_on


@pytest.mark.parametrize("step", ["staging", "applying", "committing"])
def test_a_running_import_can_be_cancelled_and_keeps_nothing(store: Store, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    job = hand_in(csv_of("member_no,phone", *rows("M", 50, 0)), store)
    there, go_on = stopped_at(monkeypatch, step)

    def cancel() -> None:
        assert there.wait(20)
        cancel_job(job=ImportJob.objects.get(pk=job.pk), by=None, now=NOON)
        go_on.set()

    done, _ = at_once(lambda: apply_job(job=job, now=NOON), cancel)
    assert done.status == JobStatus.CANCELLED
    assert not Member.objects.exists()
    assert not Person.objects.exists()


def test_a_statement_that_runs_is_stopped_by_cancel(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hand_in(csv_of("member_no", "M1"), store)
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 0.05)
    sleeping = threading.Event()

    def sleep(cursor: Any, *_: Any) -> None:
        sleeping.set()
        cursor.execute("SELECT pg_sleep(60)")

    monkeypatch.setattr(engine, "_apply", sleep)

    def cancel() -> None:
        assert sleeping.wait(20)
        cancel_job(job=ImportJob.objects.get(pk=job.pk), by=None, now=NOON)

    done, _ = at_once(lambda: apply_job(job=job, now=NOON), cancel)
    assert done.status == JobStatus.CANCELLED


def test_progress_is_seen_from_another_connection(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    job = hand_in(csv_of("member_no", *(f"M{number}" for number in range(30))), store)
    there, go_on = stopped_at(monkeypatch, "applying")
    seen: list[Any] = []

    def look() -> None:
        assert there.wait(20)
        end = time.monotonic() + 10
        while time.monotonic() < end and not seen:
            seen.extend(ImportJob.objects.filter(pk=job.pk, rows_done=30).values_list("status", "step"))
            time.sleep(0.05)
        go_on.set()

    at_once(lambda: apply_job(job=job, now=NOON), look)
    assert seen[0][0] == JobStatus.APPLYING


def test_a_worker_that_lost_its_lease_writes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was stopped for minutes, another one took the job: the token of the lease tells them apart."""
    job = hand_in(csv_of("member_no", "M1"), store)
    there, go_on = stopped_at(monkeypatch, "committing")
    monkeypatch.setattr(leases, "_BEAT_SECONDS", 60)

    def take_over() -> None:
        assert there.wait(20)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE files_importjob SET lease_token = gen_random_uuid(), lease_until = clock_timestamp() + interval '30 s'")
        go_on.set()

    at_once(lambda: apply_job(job=job, now=NOON), take_over)
    assert ImportJob.objects.get().status == JobStatus.APPLYING
    assert not Member.objects.exists()


CHILD = """
import django, sys
django.setup()
from backoffice.kernel.files import leases
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import apply_job
from django.conf import settings
from django.db import connection
from tests.factories import NOON
connection.settings_dict["NAME"] = sys.argv[1]
settings.MEDIA_ROOT = sys.argv[2]
at = leases.Lease.at
def announce(self, step):
    at(self, step)
    if step == sys.argv[4]:
        print("there", flush=True)
        import time
        time.sleep(60)
leases.Lease.at = announce
apply_job(job=ImportJob.objects.get(pk=int(sys.argv[3])), now=NOON)
"""


@pytest.mark.parametrize("step", ["staging", "committing"])
def test_a_killed_process_leaves_nothing_and_the_job_is_taken_up_again(store: Store, settings: Any, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    job = hand_in(csv_of("member_no,phone", *rows("M", 40, 0)), store)
    arguments = [sys.executable, "-c", CHILD, connection.settings_dict["NAME"], str(settings.MEDIA_ROOT), str(job.pk), step]
    child = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"})
    assert child.stdout is not None
    with child:
        assert child.stdout.readline() == "there\n"
        os.kill(child.pid, signal.SIGKILL)
    assert not Member.objects.exists()
    assert not Person.objects.exists()

    woken: list[int] = []
    monkeypatch.setattr("backoffice.kernel.files.tasks.run_import.delay", woken.append)
    assert (resume_imports(), woken) == (0, []), "the dead worker's lease still runs"
    with connection.cursor() as cursor:
        cursor.execute("UPDATE files_importjob SET lease_until = clock_timestamp() - interval '1 s'")
    assert (resume_imports(), woken) == (1, [job.pk])
    from backoffice.kernel.files.tasks import run_import

    run_import(job.pk)
    run_import(job.pk)
    job.refresh_from_db()
    assert (job.status, job.created_count, Member.objects.count(), Person.objects.count()) == ("APPLIED", 40, 40, 40)
