"""How files are understood: by content, in every accepted encoding and format, and refused in one sentence otherwise."""

from __future__ import annotations

import io
import stat
import zipfile
from typing import Any

import pytest

from backoffice.kernel.files import limits
from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.kinds import import_kinds
from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.files.reading import Reading, find_reading, open_records
from tests.kernel.files.sheets_made import archive, gzipped, with_part, workbook

CHINESE = "店铺编码,会员编号,昵称,手机号\r\nYS01,M1,小林,13800138000\r\nYS01,M2,㐀𠀀,13800138001\r\n"
SHEET = "xl/worksheets/sheet1.xml"


def read(content: bytes | str, *, store_given: bool = False, **by_hand: Any) -> tuple[Reading, list[tuple[int, list[str]]]]:
    source = io.BytesIO(content.encode() if isinstance(content, str) else content)
    reading = find_reading(source, import_kinds.get("members"), store_given=store_given, by_hand=by_hand)
    return reading, list(open_records(source, reading))


def refused(content: bytes | str, **by_hand: Any) -> FileFault:
    with pytest.raises(FileFault) as caught:
        read(content, store_given=True, **by_hand)
    assert sentence_for(caught.value.code, caught.value.facts) != caught.value.code, "every refusal has a sentence"
    assert "%(" not in str(caught.value)
    return caught.value


class TestEncodings:
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030"])
    @pytest.mark.parametrize("pack", [bytes, gzipped, lambda content: archive(list__csv=content)])
    def test_each_encoding_is_found_packed_or_not(self, encoding: str, pack: Any) -> None:
        reading, rows = read(pack(CHINESE.encode(encoding)))

        assert reading.encoding == encoding
        assert rows == [(2, ["YS01", "M1", "小林", "13800138000"]), (3, ["YS01", "M2", "㐀𠀀", "13800138001"])]
        assert reading.columns == {"store": 0, "member_no": 1, "nickname": 2, "phone": 3}

    def test_utf_16_of_either_byte_order_with_tabs(self) -> None:
        text = CHINESE.replace(",", "\t")
        for encoding, mark in (("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")):
            reading, rows = read(mark + text.encode(encoding))
            assert (reading.encoding, reading.delimiter, len(rows)) == ("utf-16", "\t", 2)

    def test_utf_16_without_a_mark_says_what_to_do(self) -> None:
        assert refused(("member_no,nickname\r\n" + "M1,abcdef\r\n" * 50).encode("utf-16-le")).code == "utf16_without_mark"

    def test_utf_8_is_tried_first_so_chinese_never_turns_to_other_letters(self) -> None:
        content = "会员编号,昵称\r\n" + "M1,手机号码\r\n"
        assert content.encode().decode("gb18030", "replace") != content
        assert read(content, store_given=True)[0].encoding == "utf-8"

    def test_a_broken_byte_in_utf_8_names_its_row(self) -> None:
        lines = ["会员编号,昵称", *(f"M{number},会员{number}" for number in range(200))]
        content = "\r\n".join(lines).encode()
        at = content.index("会员150".encode())
        fault = refused(content[:at] + b"\xff" + content[at + 1 :])
        assert (fault.code, fault.facts["line"], fault.facts["byte"]) == ("broken_bytes", 152, "0xFF")

    def test_a_cut_last_letter_is_told(self) -> None:
        content = ("会员编号,昵称\r\n" + "M1,小林小林小林小林小林小林小林小林小林小林小林\r\n").encode()
        assert refused(content[:-3]).code == "broken_bytes"

    def test_an_encoding_by_hand_is_held_to(self) -> None:
        content = "member_no,nickname\r\nM1,小林\r\n".encode("gb18030")
        assert read(content, store_given=True, encoding="GBK")[0].encoding == "gb18030"
        assert refused(content, encoding="utf-8").code == "broken_bytes"
        assert refused(content, encoding="latin-1").code == "unknown_encoding"

    def test_many_nuls_are_no_text_and_one_is_a_fault_of_its_cell(self) -> None:
        assert refused(b"member_no\r\n" + b"\0" * 50 + b"M1\r\n" * 20).code in {"not_text", "utf16_without_mark"}
        _, rows = read("member_no,nickname\r\nM1,a\0b\r\n", store_given=True)
        assert rows == [(2, ["M1", "a\x01b"])]


class TestHeaders:
    def test_names_in_either_language_aliases_spaces_case_and_marks(self) -> None:
        reading, _ = read(" Member_No* ,昵 称,手机号码（必填）,ｇｒｏｗｔｈ,未知列\r\nM1,,,,\r\n", store_given=True)
        assert reading.columns == {"member_no": 0, "nickname": 1, "phone": 2, "growth": 3}
        assert reading.ignored == ["未知列"]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    def test_the_delimiter_is_found_from_the_header(self, delimiter: str) -> None:
        reading, rows = read(f"会员编号{delimiter}昵称\r\nM1{delimiter}a,b;c\r\n".replace("a,b;c", "x"), store_given=True)
        assert (reading.delimiter, rows) == (delimiter, [(2, ["M1", "x"])])

    @pytest.mark.parametrize("row", [1, 2, 3])
    def test_the_header_may_stand_below_a_title(self, row: int) -> None:
        reading, rows = read("会员名单,,\r\n" * (row - 1) + "会员编号,昵称,手机号\r\nM1,小林,\r\n", store_given=True)
        assert (reading.header_row, rows) == (row, [(row + 1, ["M1", "小林", ""])])

    def test_two_columns_of_one_name_are_refused(self) -> None:
        assert refused("会员编号,昵称,昵称\r\nM1,a,b\r\n").code == "duplicate_header"
        assert refused("会员编号,昵称,姓名\r\nM1,a,b\r\n").code == "duplicate_header", "two names of one column"

    def test_a_missing_required_column_is_told_and_can_be_mapped_by_hand(self) -> None:
        content = "编号,昵称\r\nM1,小林\r\n"
        reading, _ = read(content)
        assert reading.missing == ["store", "member_no"]
        reading, _ = read(content, store_given=True, columns={"member_no": 0, "nickname": None})
        assert (reading.columns, reading.missing, reading.ignored) == ({"member_no": 0}, [], ["昵称"])

    def test_nothing_known_is_refused(self) -> None:
        assert refused("a,b\r\n1,2\r\n").code == "unknown_header"

    def test_too_many_columns(self) -> None:
        assert refused("会员编号," + ",".join(f"c{number}" for number in range(limits.MAX_COLUMNS)) + "\r\nM1\r\n").code == "too_many_file_columns"


class TestRecords:
    def test_line_ends_of_all_kinds_and_quoted_line_breaks_keep_the_line(self) -> None:
        _, rows = read('会员编号,昵称\r\nM1,"a\nb"\nM2,c\rM3,d\r\n\r\nM4,"e""f"', store_given=True)
        assert rows == [(2, ["M1", "a\nb"]), (4, ["M2", "c"]), (5, ["M3", "d"]), (6, []), (7, ["M4", 'e"f'])]

    @pytest.mark.parametrize(
        ("content", "line"),
        [
            ('会员编号,昵称,手机号\r\nM1,"小林,\r\nM2,b,\r\nM3,c,\r\n', 2),
            ('会员编号,昵称\r\nM1,a\r\nM2,"小林\r\n', 3),
            ('会员编号,昵称\r\nM1,a\r\nM2,"小林', 3),
            ('会员编号,昵称\r\nM1,"a\r\n' + "M2,b\r\n" * 300, 2),
        ],
    )
    def test_an_open_quote_never_swallows_rows(self, content: str, line: int) -> None:
        fault = refused_when_read(content)
        assert (fault.code, fault.facts["line"]) == ("unclosed_quote", line)

    def test_a_quote_inside_a_cell_is_a_letter(self) -> None:
        assert read('会员编号,昵称\r\nM1,5" 屏', store_given=True)[1] == [(2, ["M1", '5" 屏'])]

    def test_a_line_without_end_is_refused_before_it_is_read(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("backoffice.kernel.files.encodings.MAX_LINE_BYTES", 1_000_000)
        assert refused("会员编号\r\n" + "x" * 5_000_000).code == "line_without_end"


def refused_when_read(content: str) -> FileFault:
    with pytest.raises(FileFault) as caught:
        read(content, store_given=True)
    return caught.value


class TestFormats:
    def test_a_workbook_reads_as_its_csv_would(self) -> None:
        from datetime import date, datetime

        rows = [
            ["会员编号", "手机号", "入会时间", "生日", "成长值"],
            ["007", 13800138000, datetime(2026, 1, 5, 10, 30), date(1990, 5, 1), 12.0],  # noqa: DTZ001 - a workbook knows no zones
            ["M2", 13800138001.0, None, None, 0],
        ]
        reading, found = read(workbook(rows), store_given=True)

        assert (reading.format, reading.sheet) == ("xlsx", "Sheet1")
        assert found == [(2, ["007", "13800138000", "2026-01-05 10:30:00", "1990-05-01", "12"]), (3, ["M2", "13800138001", "", "", "0"])]

    def test_numbers_beyond_fifteen_digits_show_that_digits_are_lost(self) -> None:
        _, found = read(workbook([["会员编号"], [110101199003071234]]), store_given=True)
        assert "E+17" in found[0][1][0]

    def test_error_cells_and_formulas_without_a_value_are_seen(self) -> None:
        book = workbook([["会员编号", "昵称"], ["M1", "=1+1"], ["M2", "x"]])
        book = with_part(
            book,
            SHEET,
            lambda xml: xml.replace(b'<c r="B3" t="s"><v>4</v></c>', b'<c r="B3" t="e"><v>#REF!</v></c>').replace(b'r="B3" t="inlineStr"', b'r="B3" t="e"'),
        )
        _, found = read(book, store_given=True)
        assert found[0][1][1].startswith("="), "a formula that was never calculated has no value"
        assert found[1][1][1] == "#N/A"

    def test_the_first_visible_sheet_is_named_and_another_can_be_chosen(self) -> None:
        book = workbook([["会员编号"], ["M1"]], sheets=("一月", "二月"))
        assert read(book, store_given=True)[0].sheets == ["一月", "二月"]
        assert refused(book, sheet="二月").code == "empty_file"

    def test_a_workbook_inside_gzip_or_zip(self) -> None:
        book = workbook([["会员编号"], ["M1"]])
        for packed in (gzipped(book), archive(list__xlsx=book)):
            assert read(packed, store_given=True)[1] == [(2, ["M1"])]

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "empty_file"),
            (b"\r\n\r\n", "empty_file"),
            (b"\xd0\xcf\x11\xe0" + b"x" * 500, "old_or_encrypted_office"),
            (b"%PDF-1.7 ...", "not_a_list"),
            (b"<html><table><tr><td>member_no</td></tr></table>", "web_page"),
            (archive(a__csv="member_no", b__csv="member_no"), "archive_of_many"),
            (archive(inner__zip=archive(a__csv="member_no\r\nM1")), "nested_archive"),
            (gzipped(gzipped(b"member_no\r\nM1")), "nested_archive"),
            (gzipped(b"member_no\r\nM1\r\n" * 5000)[:-20], "broken_archive"),
            (archive(a__csv="member_no\r\nM1")[:-30], "broken_archive"),
            (with_part(workbook([["会员编号"]]), "xl/vbaProject.bin", lambda _: b"x"), "workbook_with_macros"),
            (with_part(workbook([["会员编号"]]), "xl/externalLinks/externalLink1.xml", lambda _: b"<x/>"), "workbook_with_links"),
            (with_part(workbook([["会员编号"]]), "xl/workbook.xml", lambda _: b"not xml"), "not_a_workbook"),
            (with_part(workbook([["会员编号"]]), "xl/workbook.xml", lambda xml: b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml.partition(b"?>")[2]), "not_a_workbook"),
        ],
        ids=lambda value: value if isinstance(value, str) else "content",  # archives hold the time they were made at
    )
    def test_other_things_are_refused_by_content(self, content: bytes, code: str) -> None:
        assert refused(content).code == code

    def test_a_zip_bomb_is_refused_while_it_unpacks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("backoffice.kernel.files.opening.UNPACK_FLOOR", 1_000_000)
        bomb = b"member_no\r\n" + b"0" * 5_000_000
        for packed in (archive(list__csv=bomb), gzipped(bomb)):
            assert refused(packed).code == "unpacks_too_big"

    def test_a_sheet_of_too_much_xml_or_too_many_rows_is_refused_before_parsing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("backoffice.kernel.files.sheets.MAX_SHEET_ROWS", 50)
        assert refused(workbook([["会员编号"], *([f"M{number}"] for number in range(80))])).code == "too_many_sheet_rows"
        monkeypatch.setattr("backoffice.kernel.files.sheets.MAX_SHEET_CELLS", 30)
        assert refused(workbook([["会员编号"], *([f"M{number}"] for number in range(40))])).code == "too_many_sheet_cells"
        monkeypatch.setattr("backoffice.kernel.files.sheets.MAX_SHEET_CELLS", 300)
        monkeypatch.setattr("backoffice.kernel.files.sheets.MAX_SHEET_BYTES", 2_000)
        assert refused(workbook([["会员编号"], *([f"M{number}"] for number in range(40))])).code == "unpacks_too_big"

    @pytest.mark.parametrize(
        ("cell", "code"),
        [(b"XFD2", "too_many_file_columns"), (b"CW2", "too_many_file_columns"), (b"A1048576", "too_many_sheet_rows"), (b"XFD1048576", "too_many_sheet_rows")],
    )
    def test_a_far_cell_never_becomes_a_huge_table(self, cell: bytes, code: str) -> None:
        row = cell.lstrip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        far = b'<row r="' + row + b'"><c r="' + cell + b'"><v>1</v></c></row></sheetData>'
        assert refused(with_part(workbook([["会员编号"]]), SHEET, lambda xml: xml.replace(b"</sheetData>", far))).code == code

    def test_paths_and_links_in_an_archive_are_refused(self) -> None:
        for name, mode in (("../list.csv", 0), ("/list.csv", 0), ("list.csv", stat.S_IFLNK | 0o777)):
            target = io.BytesIO()
            with zipfile.ZipFile(target, "w") as made:
                entry = zipfile.ZipInfo(name)
                entry.external_attr = mode << 16
                made.writestr(entry, "member_no\r\nM1\r\n")
            assert refused(target.getvalue()).code == "broken_archive"
