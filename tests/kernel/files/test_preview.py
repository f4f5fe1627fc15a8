"""What people see of a file before it is checked."""

from __future__ import annotations

import io

from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.preview import preview_rows
from backoffice.kernel.files.reading import find_reading


def test_the_first_rows_are_shown_as_understood() -> None:
    text = "手机号,会员编号,入会时间,未知,标签,成长值\r\n,,,,,\r\n+86 137-0013-7000,００７,2026年1月5日,x,a；b,很多\r\n" + "13800138001,M2,,,,\r\n" * 30
    source = io.BytesIO(text.encode("gb18030"))
    kind = import_kinds.get("members")
    preview = preview_rows(source, kind, find_reading(source, kind, store_given=True))

    assert [column.name for column in preview.columns] == ["member_no", "phone", "joined_at", "growth", "tags"]
    first = preview.rows[0]
    assert (first.line, len(preview.rows)) == (3, 20)
    assert [cell.shown for cell in first.cells] == ["007", "137****7000", "2026-01-05 00:00", "很多", "a; b"]
    assert [bool(cell.problem) for cell in first.cells] == [False, False, False, True, False]
    assert "13700137000" not in repr(preview), "no phone is shown in full"
