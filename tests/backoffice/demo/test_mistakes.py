"""The file with mistakes has exactly the mistakes that its manifest lists."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

from backoffice.demo.merchant_files import write_files
from backoffice.demo.mistakes import write_mistakes
from tests.backoffice.demo.reading import read_table, to_phone

TODAY = date(2026, 11, 23)


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def bad_columns(row: dict[str, str], numbers: Counter[str]) -> set[str]:
    """The columns at fault, found without the writer's list."""
    right = {
        "store": row["store"] == "HS01",
        "member_no": row["member_no"] != "" and numbers[row["member_no"]] == 1,
        "phone": bool(re.fullmatch(r"1[3-9][0-9]{9}", row["phone"])),
        "joined_at": is_day(row["joined_at"]),
        "growth": bool(re.fullmatch(r"[0-9]+", row["growth"])),
        "marketing_consent": row["marketing_consent"] in ("是", "否"),
    }
    return {column for column, is_right in right.items() if not is_right}


def test_37_of_500_rows_are_bad_and_named_by_line_and_column(tmp_path):
    entry = write_mistakes(tmp_path, TODAY, seed=5)
    _, rows = read_table(tmp_path / entry.name, "gb18030")
    numbers = Counter(row["member_no"] for row in rows)
    found = {(line, column) for line, row in enumerate(rows, start=2) for column in bad_columns(row, numbers)}
    assert found == {(bad.line, bad.column) for bad in entry.bad_rows}
    assert len(rows) == entry.rows == 500
    assert len({line for line, _ in found}) == len(entry.bad_rows) == 37
    assert len({bad.mistake for bad in entry.bad_rows}) >= 10


def test_the_file_is_for_one_store_and_outside_the_totals(tmp_path):
    manifest = write_files(tmp_path, TODAY, customers=200)
    (entry,) = manifest.extra_files
    assert (entry.kind, entry.store, entry.encoding) == ("members", "HS01", "gb18030")
    assert entry not in manifest.files
    assert manifest.members == sum(one.rows for one in manifest.of_kind("members"))


def test_nobody_in_the_file_shares_a_phone_or_number_with_a_customer(tmp_path):
    manifest = write_files(tmp_path, TODAY, customers=2000)
    customers = [row for one in manifest.of_kind("members") for row in read_table(manifest.path(one), one.encoding)[1]]
    _, rows = read_table(tmp_path / "members-with-mistakes.csv", "gb18030")
    assert not {row["phone"] for row in rows} & {to_phone(row["phone"]) for row in customers}
    assert not {row["member_no"] for row in rows} & {row["member_no"] for row in customers}
