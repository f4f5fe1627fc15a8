"""Damaged files of every encoding: a typed refusal or a result in which every row is accounted for, never anything else."""

from __future__ import annotations

import csv
import gzip
import io
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.models import ImportJob
from members.models import Member
from tests.factories import make_store
from tests.kernel.files.sheets_made import workbook
from tests.loading import load

pytestmark = pytest.mark.django_db

HEADER = ["会员编号", "昵称", "手机号", "入会时间", "生日", "成长值", "标签", "营销同意"]
ODD = [
    "", " ", "=1+1", "+86 13800138000", "１３８００１３８０００", "1.38123E+10", "#N/A", "NaN", "1e309", "1_000", "-5", "12.345", "05/01/2026",
    "2026-02-31", "20260105", "46027", "是", "也许", "a\x00b", "\u202egnp", "x" * 3000, "a;b；c", "'=x", "合计", "a\nb", '"', "a,b", "0001-01-01",
    "99999999999999999999", "ＡＢＣ", "\ufeff", "\\.", "\\N",
]  # fmt: skip
cells = st.sampled_from(ODD) | st.text(max_size=8) | st.sampled_from(["M1", "M2", "小林", "13800138000", "2026-01-05", "1"])
good_row = st.integers(1, 40).map(lambda number: [f"M{number}", f"会员{number}", f"138{number:08}", "2026-01-05 10:30", "1990-05-01", str(number), "老客", "1"])
damaged_row = st.lists(cells, min_size=0, max_size=10)
tables = st.lists(good_row | damaged_row, max_size=12)


def written(rows: list[list[str]], encoding: str, damage: Any) -> bytes:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(HEADER)
    writer.writerows(rows)
    content = target.getvalue().encode(encoding, "replace")
    cut, byte, place = damage
    if byte is not None and content:
        place %= len(content)
        content = content[:place] + bytes([byte]) + content[place + 1 :]
    return content[: len(content) - cut] if cut else content


damages = st.tuples(st.sampled_from([0, 0, 0, 1, 2, 5]), st.none() | st.sampled_from([0, 0xFF, 0x22, 0x0A, 0x80, 0x2C]), st.integers(0, 10_000))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]), form=st.sampled_from(["csv", "gzip", "xlsx"]), damage=damages)
def test_every_row_is_accounted_for(rows: list[list[str]], encoding: str, form: str, damage: Any, tmp_path: Any, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    store = make_store()
    if form == "xlsx":
        clean = [
            ["".join(letter if letter >= " " or letter in "\t\n" else "?" for letter in cell if not "\ud800" <= letter <= "\udfff") for cell in row]
            for row in rows
        ]
        content = workbook([HEADER, *clean])
    else:
        content = written(rows, encoding, damage)
        content = gzip.compress(content) if form == "gzip" else content
    try:
        job: ImportJob = load("members", content, store=store, skip=True)
    except FileFault as fault:
        event(f"refused {fault.code}")
        return
    event(f"{job.status} {job.error_code}")
    assert job.status in ("APPLIED", "REFUSED")
    in_store = Member.objects.filter(store=store)
    if job.status == "REFUSED":
        assert job.error_code in {"nothing_good", "no_rows", "missing_columns", "unclosed_quote", "broken_bytes"}
        assert not in_store.exists()
    else:
        assert job.created_count + job.updated_count + job.unchanged_count + job.conflict_count + job.bad_count == job.rows_total
        assert in_store.count() == job.created_count
    if job.rows_total and job.error_code not in {"missing_columns", "unclosed_quote", "broken_bytes", "no_rows"}:
        assert set(job.problems.values_list("line", flat=True).distinct()) or not (job.bad_count + job.conflict_count)
        assert job.problems.values("line").distinct().count() == job.bad_count + job.conflict_count
        assert "bad_value" not in set(job.problems.values_list("code", flat=True)), "the database found a cell bad that Python reads"
