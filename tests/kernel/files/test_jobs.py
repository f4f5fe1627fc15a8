"""Jobs: dry run, problems, the fix-and-resend file, totals, repeats, rights."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from openpyxl import load_workbook

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.files.choices import BadRows, JobStatus
from backoffice.kernel.files.faults import FileFault, RepeatedFile
from backoffice.kernel.files.leases import open_jobs
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.services import apply_job, cancel_job, change_reading, check_job, create_job, request_apply, resume_job
from backoffice.kernel.files.services.jobs import clean_name
from backoffice.kernel.tenancy.choices import Language, StoreStatus
from backoffice.kernel.tenancy.models import Seat, Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import CreditLot, Member
from tests.factories import NOON, make_member, make_merchant, make_store, make_user
from tests.kernel.files.sheets_made import workbook
from tests.loading import csv_of, load, outcome, problems

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_folder(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


def hand_in(content: bytes | str, kind: str = "members", **options: Any) -> ImportJob:
    fields = {"store": None, "console": "command", "by": None, "now": NOON, "file_name": "list.csv"} | options
    return create_job(kind=kind, content=io.BytesIO(content.encode() if isinstance(content, str) else content), **fields)


def resend_rows(job: ImportJob, encoding: str, delimiter: str = ",") -> Sequence[list[str]]:
    with job.errors_file.open("rb") as opened:
        return list(csv.reader(io.StringIO(opened.read().decode(encoding), newline=""), delimiter=delimiter))


BAD = "会员编号,昵称,成长值\r\nM1,小林,1\r\nM2,=1+1,x\r\n,无名,2\r\n\r\nM4,大林,3\r\nM4,大林,3\r\n合计,,9\r\n"


class TestDryRun:
    def test_it_counts_everything_and_changes_nothing(self, store: Store) -> None:
        make_member(store, "M1", nickname="旧")
        make_member(store, "M5", nickname="同")
        job = load("members", csv_of("member_no,nickname", "M1,新", "M5,同", "M6,新人", ",缺号"), store=store, dry=True)

        assert outcome(job) == {"status": "CHECKED", "created": 1, "updated": 1, "unchanged": 1, "bad": 1}
        assert (job.rows_total, job.applied_at) == (4, None)
        assert list(Member.objects.order_by("member_no").values_list("member_no", "nickname")) == [("M1", "旧"), ("M5", "同")]

    def test_every_bad_row_is_told_with_line_column_value_and_reason(self, store: Store) -> None:
        job = load("members", BAD, store=store, dry=True)

        assert problems(job) == [
            (3, "growth", "not_number"),
            (4, "member_no", "required"),
            (6, "member_no", "key_twice"),
            (7, "member_no", "key_twice"),
            (8, "", "total_row"),
        ]
        assert job.problems.get(line=3).value == "x"
        assert (job.bad_count, job.notes["blank_rows"]) == (5, 1)
        for code in job.problems.values_list("code", flat=True):
            assert sentence_for(code) != code

    def test_phones_in_problems_are_masked(self, store: Store) -> None:
        job = load("members", csv_of("member_no,phone", "M1,12412345678", "M2,1380013"), store=store, dry=True)

        assert list(job.problems.order_by("line").values_list("value", flat=True)) == ["124****5678", "*******"]

    def test_short_long_and_huge_rows_are_bad_rows_and_the_others_go_on(self, store: Store) -> None:
        job = load(
            "members", csv_of("member_no,nickname,growth", "M1,a", "M2,b,1,extra", f"M3,{'x' * 200_000},1", "M4,d,1,,", "M5,e,1"), store=store, skip=True
        )

        assert [(line, code) for line, _, code in problems(job)] == [(2, "too_few_columns"), (3, "too_many_columns"), (4, "too_long")]
        assert sorted(Member.objects.values_list("member_no", flat=True)) == ["M4", "M5"]
        told = resend_rows(job, "utf-8")
        assert [row[:3] for row in told[1:3]] == [["M1", "a", ""], ["M2", "b", "1"]]
        assert told[2][4:] == ["extra"], "nothing of a row that is too long is lost"

    def test_it_can_be_checked_again_with_another_reading(self, store: Store) -> None:
        job = hand_in("a,b\r\n会员编号,昵称\r\nM1,小林\r\n", store=store)
        assert job.reading["header_row"] == 2
        check_job(job=job, now=NOON)
        job = change_reading(job=job, by_hand={"columns": {"member_no": 1, "nickname": 0}, "header_row": 2}, by=None, now=NOON)
        assert job.status == JobStatus.CHECKING
        job = resume_job(job=job, now=NOON)
        assert outcome(job) == {"status": "CHECKED", "created": 1}
        job = resume_job(job=request_apply(job=job, on_bad_rows=BadRows.ABORT, control_total=None, by=None, now=NOON), now=NOON)
        assert (job.status, Member.objects.get().member_no) == ("APPLIED", "小林")


class TestBadRows:
    def test_by_default_nothing_is_applied(self, store: Store) -> None:
        job = load("members", BAD, store=store)

        assert (job.status, job.error_code, job.error_params) == ("REFUSED", "bad_rows", {"bad": 5, "conflict": 0})
        assert not Member.objects.exists()

    def test_good_rows_alone_when_asked(self, store: Store) -> None:
        job = load("members", BAD, store=store, skip=True)

        assert outcome(job) == {"status": "APPLIED", "created": 1, "bad": 5}
        assert list(Member.objects.values_list("member_no", flat=True)) == ["M1"]

    @pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8", ","), ("utf-8-sig", ";"), ("utf-16", "\t"), ("gb18030", ",")])
    def test_the_resend_file_has_the_bad_rows_as_they_were_with_reasons(self, store: Store, encoding: str, delimiter: str) -> None:
        job = load("members", BAD.replace(",", delimiter).encode(encoding), store=store, skip=True)

        rows = resend_rows(job, encoding, delimiter)
        assert rows[0] == ["会员编号", "昵称", "成长值", "原因"]
        assert [row[:3] for row in rows[1:]] == [["M2", "'=1+1", "x"], ["", "无名", "2"], ["M4", "大林", "3"], ["M4", "大林", "3"], ["合计", "", "9"]]
        assert all(row[3] for row in rows[1:])

    def test_the_reason_is_in_the_users_language(self, store: Store) -> None:
        user = make_user(Role.PLATFORM_ADMIN, language=Language.EN)
        job = load("members", BAD, store=store, dry=True, by=user)

        rows = resend_rows(job, "utf-8")
        assert (rows[0][3], rows[2][3]) == ("reason", "member_no: This value is required. Fill it in.")

    def test_mended_and_sent_again_the_rows_go_in(self, store: Store) -> None:
        job = load("members", csv_of("会员编号,昵称,成长值", "M1,=1+1,x", "M2,b,2"), store=store, skip=True)
        with job.errors_file.open("rb") as opened:
            mended = opened.read().decode().replace(",x,", ",7,")
        again = load("members", mended, store=store)

        assert outcome(again) == {"status": "APPLIED", "created": 1}
        assert Member.objects.get(member_no="M1").nickname == "=1+1", "the apostrophe against formulas is taken away again"
        assert again.reading["ignored"] == []

    def test_a_workbook_gets_a_workbook_back(self, store: Store) -> None:
        job = load("members", workbook([["会员编号", "手机号", "昵称"], ["M1", 13800138000, "a"], ["M2", 138001380, "=x"]]), store=store, skip=True)

        with job.errors_file.open("rb") as opened:
            rows = [list(row) for row in load_workbook(opened).active.iter_rows(values_only=True)]
        assert [row[:3] for row in rows] == [["会员编号", "手机号", "昵称"], ["M2", "138001380", rows[1][2]]]
        assert rows[1][3]

    def test_problems_are_stored_up_to_a_limit_and_the_file_has_all(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("backoffice.kernel.files.reporting.STORED_PROBLEMS", 10)
        monkeypatch.setattr("backoffice.kernel.files.reporting._FETCH", 7)
        job = load("members", csv_of("member_no,growth", *(f"M{number},x" for number in range(30))), store=store, dry=True)

        assert (job.problems.count(), job.bad_count, job.notes["problems"]) == (10, 30, 30)
        assert len(resend_rows(job, "utf-8")) == 31


class TestControlTotal:
    HEADER = "member_no,source_no,principal_amount,bonus_amount"

    def test_it_must_match_to_the_fen(self, store: Store) -> None:
        make_member(store, "M1")
        text = csv_of(self.HEADER, "M1,A1,100.00,20", "M1,A2,0.01,")
        refused = load("credit", text, store=store, total="120.02")
        missing = load("credit", text + "\r\n", store=store)

        assert (refused.status, refused.error_code, refused.error_params) == ("REFUSED", "control_total_differs", {"typed": "120.02", "found": "120.01"})
        assert (missing.status, missing.error_code) == ("REFUSED", "control_total_missing")
        assert not CreditLot.objects.exists()
        assert load("credit", text + "\r\n\r\n", store=store, total="120.01").status == "APPLIED"

    def test_a_dry_run_needs_none_and_tells_a_wrong_one(self, store: Store) -> None:
        make_member(store, "M1")
        text = csv_of(self.HEADER, "M1,A1,100.00,20")
        assert load("credit", text, store=store, dry=True).file_total == Decimal(120)
        job = load("credit", text, store=store, dry=True, total="1")
        assert (job.status, job.error_code) == ("CHECKED", "control_total_differs")

    def test_with_skip_the_applied_total_stands_beside_it(self, store: Store) -> None:
        make_member(store, "M1")
        job = load("credit", csv_of(self.HEADER, "M1,A1,100.00,20", "M9,A2,50,"), store=store, total="170", skip=True)

        assert (job.status, job.file_total, job.applied_total) == ("APPLIED", Decimal(170), Decimal(120))


class TestRepeats:
    def test_the_same_file_again_does_nothing(self, store: Store) -> None:
        first = load("members", csv_of("member_no", "M1"), store=store)
        Member.objects.update(nickname="later")
        with pytest.raises(RepeatedFile) as caught:
            hand_in(csv_of("member_no", "M1"), store=store)

        assert caught.value.facts == {"job": first.pk}
        assert ImportJob.objects.count() == 1

    def test_another_store_kind_or_a_refused_file_is_no_repeat(self, store: Store) -> None:
        text = csv_of("member_no", "M1")
        load("members", text, store=store)
        assert load("members", text, store=make_store("YS02")).status == "APPLIED"
        load("members", BAD, store=store)
        assert load("members", BAD, store=store, skip=True).status == "APPLIED"

    def test_a_job_handed_in_twice_before_either_ran_is_applied_once(self, store: Store) -> None:
        one, two = (hand_in(csv_of("member_no", "M1"), store=store) for _ in range(2))
        assert apply_job(job=one, now=NOON).status == "APPLIED"
        two = apply_job(job=two, now=NOON)
        assert (two.status, two.error_code, two.error_params) == ("REFUSED", "repeated", {"job": one.pk})


class TestRights:
    @pytest.fixture
    def theirs(self) -> Store:
        return make_store("B-1", merchant=make_merchant("B"))

    @pytest.fixture
    def owner(self, store: Store) -> User:
        return make_user(Role.MERCHANT_OWNER, merchant=store.merchant)

    def test_a_row_for_another_store_reads_like_a_row_for_no_store(self, store: Store, theirs: Store, owner: User) -> None:
        make_member(theirs, "M1", nickname="原样")
        rows = (f"{store.code},M1,a", f"{theirs.code},M1,偷", "NOWHERE,M1,c", ",M4,d")
        job = load("members", csv_of("store,member_no,nickname", *rows), by=owner, console="merchant", skip=True)

        assert problems(job) == [(3, "store", "unknown_store"), (4, "store", "unknown_store"), (5, "store", "required")]
        reasons = [row[-1] for row in resend_rows(job, "utf-8")[1:]]
        assert reasons[0] == reasons[1]
        assert list(Member.objects.filter(store=theirs).values_list("member_no", "nickname")) == [("M1", "原样")]
        event = AuditEvent.objects.get(verb="import.foreign_store_named")
        assert (event.target_type, event.target_id, event.facts) == ("tenancy.user", owner.pk, {"rows": 1, "job": job.pk})

    def test_the_store_named_outside_wins_over_the_files_column(self, store: Store, owner: User) -> None:
        sister = make_store("YS02", merchant=store.merchant)
        job = load("members", csv_of("store,member_no", f"{sister.code},M1", ",M2", f"{store.code},M3"), store=store, by=owner, console="merchant", skip=True)

        assert problems(job) == [(2, "store", "unknown_store")]
        assert sorted(Member.objects.values_list("store__code", "member_no")) == [("YS01", "M2"), ("YS01", "M3")]

    def test_a_foreign_store_answers_like_a_missing_one(self, theirs: Store, owner: User) -> None:
        with pytest.raises(NotFound):
            hand_in(csv_of("member_no", "M1"), store=theirs, by=owner, console="merchant")

    @pytest.mark.parametrize(("role", "kind"), [(Role.MERCHANT_ANALYST, "members"), (Role.MERCHANT_OWNER, "stores")])
    def test_a_role_without_the_import_is_refused(self, store: Store, role: str, kind: str) -> None:
        user = make_user(role, merchant=store.merchant)
        for console in ("merchant", "platform", "command"):
            with pytest.raises(NotAllowed):
                hand_in(csv_of("member_no", "M1"), kind, by=user, console=console)

    def test_a_right_taken_away_before_the_commit_stops_everything(self, store: Store, owner: User) -> None:
        job = hand_in(csv_of("member_no", "M1"), store=store, by=owner, console="merchant")
        Seat.objects.update(revoked_at=NOON)
        job = apply_job(job=job, now=NOON)

        assert (job.status, job.error_code, Member.objects.count()) == ("REFUSED", "rights_lost", 0)

    def test_a_right_taken_away_while_the_file_is_applied(self, store: Store, owner: User, monkeypatch: pytest.MonkeyPatch) -> None:
        from backoffice.kernel.files import engine

        applied = engine._apply

        def apply_and_lose(*args: Any) -> None:
            applied(*args)
            Seat.objects.update(revoked_at=NOON)

        monkeypatch.setattr(engine, "_apply", apply_and_lose)
        job = load("members", csv_of("member_no", "M1"), store=store, by=owner, console="merchant")

        assert (job.status, job.error_code, Member.objects.count()) == ("REFUSED", "rights_lost", 0)

    def test_a_closed_store_takes_nothing(self, store: Store) -> None:
        closed = make_store("CLOSED", status=StoreStatus.CLOSED)
        job = load("members", csv_of("store,member_no", "CLOSED,M1", "YS01,M1"), skip=True)

        assert (problems(job), list(Member.objects.values_list("store", flat=True))) == ([(2, "store", "store_closed")], [store.pk])
        assert not Member.objects.filter(store=closed).exists()


class TestCancel:
    def test_a_waiting_job_is_cancelled_at_once_and_never_runs(self, store: Store) -> None:
        job = hand_in(csv_of("member_no", "M1"), store=store)
        assert cancel_job(job=job, by=None, now=NOON).status == JobStatus.CANCELLED
        assert apply_job(job=job, now=NOON).status == JobStatus.CANCELLED
        assert not Member.objects.exists()
        with pytest.raises(StateConflict):
            cancel_job(job=job, by=None, now=NOON)

    def test_an_applied_job_cannot_be_cancelled(self, store: Store) -> None:
        job = load("members", csv_of("member_no", "M1"), store=store)
        with pytest.raises(StateConflict):
            cancel_job(job=job, by=None, now=NOON)


def test_what_happened_is_in_the_audit_log(store: Store) -> None:
    user = make_user(Role.PLATFORM_ADMIN)
    job = load("members", csv_of("member_no", "M1"), store=store, by=user)

    events = AuditEvent.objects.filter(target_type="files.importjob", target_id=job.pk).order_by("pk")
    assert [(event.verb, event.actor, event.store) for event in events] == [("import.handed_in", user, store), ("import.applied", user, store)]
    assert events[1].facts["created"] == 1


def test_a_crashing_file_is_given_up_after_three_attempts(store: Store) -> None:
    job = hand_in(csv_of("member_no", "M1"), store=store)
    ImportJob.objects.filter(pk=job.pk).update(status=JobStatus.APPLYING, attempt_count=3)
    job = resume_job(job=ImportJob.objects.get(pk=job.pk), now=NOON)

    assert (job.status, job.error_code, Member.objects.count()) == ("FAILED", "too_many_attempts", 0)


def test_a_file_whose_stored_content_is_gone_fails(store: Store) -> None:
    job = hand_in(csv_of("member_no", "M1"), store=store)
    job.file.storage.delete(job.file.name)
    with pytest.raises(FileNotFoundError):
        apply_job(job=job, now=NOON)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("FAILED", "file_missing")


@pytest.mark.parametrize("rows", [["会员编号,昵称"], ["会员编号,昵称", "", ",", ""]])
def test_a_file_without_rows_is_refused(store: Store, rows: list[str]) -> None:
    job = load("members", csv_of(*rows), store=store)
    assert (job.status, job.error_code) == ("REFUSED", "no_rows")


def test_a_missing_column_refuses_the_file(store: Store) -> None:
    job = load("members", csv_of("昵称", "小林"), store=store)
    assert (job.status, job.error_code, job.error_params) == ("REFUSED", "missing_columns", {"columns": "member_no"})
    with pytest.raises(FileFault):
        request_apply(job=job, on_bad_rows=BadRows.SKIP, control_total=None, by=None, now=NOON)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\files\\会员.csv", "会员.csv"),
        ("a\x00b\u202ecsv.exe", "abcsv.exe"),
        ("", "file"),
        ("长" * 300 + ".csv", "长" * 75 + "….csv"),
    ],
)
def test_a_file_name_is_shown_cleaned(name: str, shown: str) -> None:
    assert clean_name(name) == shown


class TestGoingOn:
    """A worker that dies between the commit of a clean check and the request to apply."""

    def test_the_choice_made_with_the_file_is_not_lost(self, store: Store) -> None:
        clean = check_job(job=hand_in("member_no\r\nM1\r\n", store=store, apply_when_clean=True), now=NOON)
        asked = check_job(job=hand_in("member_no\r\nM2\r\n", store=store), now=NOON)
        bad = check_job(job=hand_in("member_no\r\nM3\r\nM3\r\n", store=store, apply_when_clean=True), now=NOON)
        assert [job.status for job in (clean, asked, bad)] == [JobStatus.CHECKED] * 3

        assert open_jobs() == [clean.pk]
        assert resume_job(job=clean, now=NOON).status == JobStatus.APPLIED
        assert open_jobs() == []

    def test_what_was_refused_is_not_tried_for_ever(self, store: Store) -> None:
        owner = make_user(Role.MERCHANT_OWNER, merchant=store.merchant)
        job = check_job(job=hand_in("member_no\r\nM1\r\n", store=store, apply_when_clean=True, by=owner, console="merchant"), now=NOON)
        Seat.objects.filter(user=owner).update(role=Role.MERCHANT_ANALYST)

        assert resume_job(job=ImportJob.objects.get(), now=NOON).status == JobStatus.CHECKED
        assert (open_jobs(), ImportJob.objects.get(pk=job.pk).apply_when_clean) == ([], False)

    def test_without_its_control_total_nothing_goes_on_by_itself(self, store: Store) -> None:
        assert hand_in("会员编号,充值单号,本金,权益金,充值时间,到期时间\r\n", kind="credit", store=store, apply_when_clean=True).apply_when_clean is False
