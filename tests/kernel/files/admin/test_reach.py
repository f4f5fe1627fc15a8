"""Whose rows and files an import shows: files with rows of several stores, seats that ended, full phones, what the history tells."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.utils import translation

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.audit.verbs import verb_label
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import resume_job
from backoffice.kernel.tenancy.models import Merchant, Seat, Store, User
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_member, make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, WITH_BAD, address, client_of, job_of
from tests.loading import csv_of

pytestmark = pytest.mark.django_db

FILES = ("file", "bad_rows")
TWO_STORES = csv_of("store,member_no,nickname,growth", ",M1,甲,1", "S2,M2,SECRET2,x")


@pytest.fixture
def merchant() -> Merchant:
    return make_merchant()


@pytest.fixture
def stores(merchant: Merchant) -> list[Store]:
    return [make_store(code, merchant=merchant) for code in ("S1", "S2")]


def statuses(user: User, job: ImportJob, names: tuple[str, ...] = FILES, console: str = "merchant") -> list[int]:
    client, found = client_of(user), []
    for name in names:
        answer = client.get(address(name, job.pk, console=console))
        if answer.streaming:
            assert b"".join(answer.streaming_content)
        found.append(answer.status_code)
    return found


class TestAFileThatNamesStores:
    """Handed in with S1 beside it, with rows of S2 in it."""

    @pytest.fixture
    def owner(self, merchant: Merchant, stores: list[Store]) -> User:
        return make_user(Role.MERCHANT_OWNER, merchant=merchant)

    @pytest.fixture
    def job(self, owner: User, stores: list[Store]) -> ImportJob:
        return job_of(owner, TWO_STORES, store=stores[0])

    @pytest.mark.parametrize("role", [Role.MERCHANT_OWNER, Role.MERCHANT_OPERATOR])
    def test_it_shows_others_figures_only(self, merchant: Merchant, stores: list[Store], job: ImportJob, role: str) -> None:
        user = make_user(role, merchant=merchant, stores=[stores[0]])
        page = client_of(user).get(address("change", job.pk))
        assert (page.status_code, page.context["bad_rows"], page.context["problems"], "preview" in page.context) == (200, 1, [], False)
        assert page.context["problem_groups"]
        assert "SECRET2" not in page.content.decode()
        assert statuses(user, job) == [403, 403]
        assert client_of(user).post(address("apply", job.pk), {"on_bad_rows": "skip"}).status_code == 403

    def test_it_is_its_uploaders_and_the_platforms(self, owner: User, job: ImportJob) -> None:
        page = client_of(owner).get(address("change", job.pk))
        assert (page.context["preview"] is not None, len(page.context["problems"]) > 0) == (True, True)
        assert statuses(owner, job) == [200, 200]
        assert statuses(make_user(Role.PLATFORM_MEMBER_OPS), job, console="platform") == [200, 200]

    def test_an_uploader_cut_to_one_store_loses_it(self, merchant: Merchant, stores: list[Store], owner: User, job: ImportJob) -> None:
        seat = Seat.objects.get(user=owner)
        Seat.objects.filter(pk=seat.pk).update(all_stores=False)
        seat.seat_stores.create(store=stores[0])
        assert statuses(owner, job) == [403, 403]


def test_an_uploader_who_went_to_another_merchant_leaves_the_file_behind(merchant: Merchant, stores: list[Store]) -> None:
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, csv_of("store,member_no,growth", "S2,M1,x"), store=None)
    assert statuses(user, job, ("change", *FILES)) == [200, 200, 200]
    Seat.objects.filter(user=user).update(revoked_at=database_now())
    other = make_merchant()
    make_store("T1", merchant=other)
    Seat.objects.create(user=user, role=Role.MERCHANT_OWNER, merchant=other, all_stores=True)
    assert statuses(user, job, ("change", "progress", "history", *FILES)) == [404] * 5
    Seat.objects.create(user=user, role=Role.MERCHANT_OPERATOR, merchant=merchant, all_stores=True)
    assert statuses(user, job, ("change", *FILES)) == [200, 200, 200]


class TestFullPhones:
    @pytest.fixture
    def operator(self, merchant: Merchant, stores: list[Store]) -> User:
        return make_user(Role.MERCHANT_OPERATOR, merchant=merchant)

    @pytest.fixture
    def owners(self, merchant: Merchant, stores: list[Store]) -> ImportJob:
        return job_of(make_user(Role.MERCHANT_OWNER, merchant=merchant), WITH_BAD, store=stores[0])

    def test_who_may_not_reveal_phones_gets_no_file_of_somebody_else(self, operator: User, owners: ImportJob) -> None:
        assert statuses(operator, owners) == [403, 403]
        page = client_of(operator).get(address("change", owners.pk))
        assert page.context["preview"].rows
        assert not any(address(name, owners.pk) in page.content.decode() for name in (*FILES, "reading"))
        listed = client_of(operator).get(address("changelist")).content.decode()
        assert not any(address(name, owners.pk) in listed for name in FILES)

    def test_nor_by_calling_the_phones_something_else(self, operator: User, owners: ImportJob) -> None:
        answer = client_of(operator).post(address("reading", owners.pk), {"column-member_no": "0", "column-nickname": "2"})
        assert answer.status_code == 403

    def test_nor_by_having_it_imported(self, operator: User, owners: ImportJob) -> None:
        assert client_of(operator).post(address("apply", owners.pk), {"on_bad_rows": "skip"}).status_code == 302
        owners.refresh_from_db()
        assert owners.uploaded_by == operator
        assert statuses(operator, owners) == [403, 403]

    def test_the_own_file_and_a_kind_without_phones_are_handed_out(self, operator: User, stores: list[Store], owners: ImportJob) -> None:
        assert statuses(operator, job_of(operator, WITH_BAD, store=stores[1])) == [200, 200]
        credit = csv_of("会员编号,充值单号,本金,权益金,充值时间,到期时间", "M1,A1,x,50,2026-11-01,2027-11-01")
        assert statuses(operator, job_of(owners.handed_in_by, credit, store=stores[0], kind="credit")) == [200, 200]

    def test_the_other_owner_gets_it_and_every_hand_out_is_audited(self, merchant: Merchant, owners: ImportJob) -> None:
        owner = make_user(Role.MERCHANT_OWNER, merchant=merchant)
        assert statuses(owner, owners) == [200, 200]
        events = AuditEvent.objects.filter(verb="import.file_handed_out", target_id=owners.pk).order_by("pk")
        assert [(event.actor, event.store, event.facts) for event in events] == [(owner, owners.store, {"original": original}) for original in (True, False)]


def history(user: User, job: ImportJob) -> str:
    """The history page without what is the job's own."""
    page = client_of(user).get(address("history", job.pk)).content.decode()
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|<time[^>]*>[^<]*</time>|\d\d:\d\d(:\d\d)?', "", page)
    return page.replace(f"/importjob/{job.pk}/", "/importjob/N/")


def test_the_history_does_not_tell_a_foreign_store_from_a_missing_one(merchant: Merchant, stores: list[Store]) -> None:
    make_store("FOREIGN")
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    foreign, missing = (job_of(user, csv_of("store,member_no", f"{code},M1"), store=None) for code in ("FOREIGN", "NOSUCH"))
    assert AuditEvent.objects.filter(verb="import.foreign_store_named").count() == 1
    assert history(user, foreign) == history(user, missing)
    verbs = [list(AuditEvent.objects.filter(target_type="files.importjob", target_id=job.pk).values_list("verb", flat=True)) for job in (foreign, missing)]
    assert verbs[0] == verbs[1]


def test_phones_of_other_people_are_counted_once_a_job(merchant: Merchant, stores: list[Store]) -> None:
    make_member(make_store("ELSEWHERE"), "X", phone="13800138001")
    make_member(stores[0], "M1", phone="13800138005")
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant)
    job = job_of(user, GOOD, store=stores[0])
    client_of(user).post(address("apply", job.pk), {"on_bad_rows": "skip"})
    job.refresh_from_db()
    assert resume_job(job=job, now=database_now()).conflict_count == 1
    event = AuditEvent.objects.get(verb="import.phone_conflicts_met")
    assert (event.target_id, event.actor, event.facts) == (job.pk, user, {"rows": 1})


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_what_happened_to_an_import_is_said_in_words(language: str) -> None:
    acts = ["handed_in", "reading_changed", "apply_requested", "cancel_requested", "applied", "refused"]
    acts += ["file_handed_out", "foreign_store_named", "phone_conflicts_met"]
    with translation.override(language):
        named: dict[str, Any] = {act: str(verb_label(f"import.{act}")) for act in acts}
    assert all(re.search("[\u4e00-\u9fff]", words) if language == "zh-hans" else " " in words for words in named.values()), named
