"""``import_file``: keys of the answer and exit codes, as scripts of others rely on them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from backoffice.kernel.files.leases import open_jobs
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.roles import Role
from members.models import CreditLot, Member
from tests.factories import make_member, make_store, make_user

pytestmark = pytest.mark.django_db
KEYS = {"job", "kind", "rows", "created", "updated", "unchanged", "conflict", "bad", "errors", "errors_file", "seconds", "rows_per_second"}


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


@pytest.fixture
def run(tmp_path: Path, settings: Any) -> Any:
    settings.MEDIA_ROOT = tmp_path / "media"

    def run(kind: str, content: str | bytes, *options: str) -> tuple[int, dict[str, Any]]:
        path = tmp_path / "list.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        out = io.StringIO()
        code = 0
        try:
            call_command("import_file", kind, str(path), "--json", *options, stdout=out, stderr=io.StringIO())
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, json.loads(out.getvalue())

    return run


def test_a_clean_file_is_applied(run: Any, store: Store) -> None:
    code, answer = run("members", "member_no,nickname\r\nM1,a\r\nM2,b\r\n", "--store", "YS01")

    assert code == 0
    assert set(answer) >= KEYS
    assert {key: answer[key] for key in ("kind", "rows", "created", "updated", "unchanged", "conflict", "bad", "errors", "errors_file")} == {
        "kind": "members", "rows": 2, "created": 2, "updated": 0, "unchanged": 0, "conflict": 0, "bad": 0, "errors": [], "errors_file": None,
    }  # fmt: skip
    assert answer["job"] == ImportJob.objects.get().pk
    assert answer["rows_per_second"] > 0


def test_a_bad_row_stops_all_by_default(run: Any, store: Store) -> None:
    code, answer = run("members", "member_no,growth\r\nM1,x\r\nM2,1\r\n", "--store", "YS01")

    assert (code, answer["created"], answer["bad"], Member.objects.count()) == (1, 0, 1, 0)
    assert answer["errors"] == [{"line": 2, "column": "growth", "value": "x", "code": "not_number", "message": answer["errors"][0]["message"]}]
    assert answer["errors"][0]["message"]
    assert Path(answer["errors_file"]).read_text(encoding="utf-8").count("\n") == 2


def test_skip_applies_the_good_rows(run: Any, store: Store) -> None:
    code, answer = run("members", "member_no,growth\r\nM1,x\r\nM2,1\r\n", "--store", "YS01", "--on-bad-rows", "skip")

    assert (code, answer["created"], answer["bad"], Member.objects.get().member_no) == (0, 1, 1, "M2")


def test_a_dry_run_changes_nothing_and_tells_bad_rows_by_its_exit_code(run: Any, store: Store) -> None:
    good = run("members", "member_no\r\nM1\r\n", "--store", "YS01", "--dry-run")
    bad = run("members", "member_no,growth\r\nM1,x\r\n", "--store", "YS01", "--dry-run")

    assert [(code, answer["created"], answer["bad"]) for code, answer in (good, bad)] == [(0, 1, 0), (1, 0, 1)]
    assert not Member.objects.exists()


def test_the_same_file_again(run: Any, store: Store) -> None:
    _, first = run("members", "member_no\r\nM1\r\n", "--store", "YS01")
    code, again = run("members", "member_no\r\nM1\r\n", "--store", "YS01")

    assert (code, again["repeated"], again["job"]) == (0, True, first["job"])


def test_the_control_total(run: Any, store: Store) -> None:
    make_member(store, "M1")
    text = "member_no,source_no,principal_amount,bonus_amount\r\nM1,A1,100,20\r\nM9,A2,5,\r\n"
    without, wrong = run("credit", text, "--store", "YS01"), run("credit", text, "--store", "YS01", "--control-total", "124.99")
    assert [(code, answer["errors"][0]["code"]) for code, answer in (without, wrong)] == [(1, "control_total_missing"), (1, "control_total_differs")]
    assert not CreditLot.objects.exists()

    code, answer = run("credit", text, "--store", "YS01", "--control-total", "125.00", "--on-bad-rows", "skip")
    assert (code, answer["control_total"], answer["applied_total"]) == (0, "125.00", "120.00")


def test_a_file_that_cannot_be_read_is_told_in_the_same_form(run: Any, store: Store) -> None:
    code, answer = run("members", "a,b\r\n1,2\r\n", "--store", "YS01")

    assert (code, answer["job"], answer["errors"][0]["code"]) == (1, None, "unknown_header")
    assert set(answer) >= KEYS


def test_an_encoding_can_be_given(run: Any, store: Store) -> None:
    text = "会员编号,昵称\r\nM1,小林\r\n".encode("gb18030")
    assert run("members", text, "--store", "YS01", "--encoding", "utf-8")[1]["errors"][0]["code"] == "broken_bytes"
    assert run("members", text, "--store", "YS01", "--encoding", "gb18030")[0] == 0
    assert Member.objects.get().nickname == "小林"


def test_a_user_has_only_their_own_rights(run: Any, store: Store) -> None:
    theirs = make_store("B-1")
    make_user(Role.MERCHANT_OWNER, merchant=store.merchant, username="owner")
    make_user(Role.MERCHANT_ANALYST, merchant=store.merchant, username="analyst")
    text = f"store,member_no\r\nYS01,M1\r\n{theirs.code},M1\r\n"

    code, answer = run("members", text, "--user", "owner", "--on-bad-rows", "skip")
    assert (code, [error["code"] for error in answer["errors"]], Member.objects.get().store_id) == (0, ["unknown_store"], store.pk)
    for options in (("--user", "analyst"), ("--user", "nobody"), ("--user", "owner", "--store", "B-1"), ("--store", "NOWHERE")):
        with pytest.raises(CommandError):
            run("members", text, *options)


def test_at_most_a_hundred_errors_are_listed(run: Any, store: Store) -> None:
    _, answer = run("members", "member_no,growth\r\n" + "".join(f"M{number},x\r\n" for number in range(150)), "--store", "YS01")
    assert (len(answer["errors"]), answer["bad"]) == (100, 150)


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_an_interrupted_import_is_cancelled_and_never_taken_up_again(
    store: Store, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr("backoffice.kernel.files.engine._take_counts", interrupt)
    path = tmp_path / "list.csv"
    path.write_text("member_no\r\nM1\r\n")
    with pytest.raises(SystemExit) as stop:
        call_command("import_file", "members", str(path), "--store", "YS01", *options, stdout=io.StringIO(), stderr=io.StringIO())

    assert stop.value.code == 130
    assert ImportJob.objects.get().status == "CANCELLED"
    assert open_jobs() == []
