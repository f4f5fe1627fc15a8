"""Workbooks that a spreadsheet program would not write: nothing far, long or blank gets past the scan of their XML."""

from __future__ import annotations

import io
import zipfile

import pytest

from backoffice.kernel.files import sheets
from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_CELL, MAX_COLUMNS, MAX_SHEET_ROWS
from backoffice.kernel.files.sheets import look_into, read_sheet
from tests.kernel.files.sheets_made import with_part, workbook

SHEET = "xl/worksheets/sheet1.xml"
STRINGS = "xl/sharedStrings.xml"
SPACE = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"


def made(rows: str, *, strings: str = "") -> bytes:
    """A workbook whose sheet holds ``rows``; they may use the prefix ``x``."""
    sheet = f'<worksheet xmlns="{SPACE}" xmlns:x="{SPACE}"><sheetData>{rows}</sheetData></worksheet>'
    book = with_part(workbook([["x"]]), SHEET, lambda _: sheet.encode())
    return with_part(book, STRINGS, lambda xml: f'<sst xmlns="{SPACE}">{strings}</sst>'.encode()) if strings else book


def texts(book: bytes) -> list[list[str]]:
    stream = io.BytesIO(book)
    return [row for _, row in read_sheet(stream, look_into(stream))]


def refusal(book: bytes) -> str:
    with pytest.raises(FileFault) as caught:
        look_into(io.BytesIO(book))
    assert "%(" not in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ('<row><c s="0" r="XFD1048576"><v>1</v></c></row>', "too_many_sheet_rows"),
        ('<row r="1"><c s="0" r="XFD1"><v>1</v></c></row>', "too_many_file_columns"),
        ("<row r='1'><c s='0' r='CW1'><v>1</v></c></row>", "too_many_file_columns"),
        ('<row r="1"><c\n r="cw1"><v>1</v></c></row>', "too_many_file_columns"),
        ('<x:row spans="1:1" r="1"><x:c s="0" r="XFD1"><x:v>1</x:v></x:c></x:row>', "too_many_file_columns"),
        ('<row><c r="A20000000"><v>1</v></c></row>', "too_many_sheet_rows"),
        ('<row r="1"><c s="0" r="A20000000"><v>1</v></c></row>', "too_many_sheet_rows"),
        ("<x:row r = '20000000'><x:c><x:v>1</x:v></x:c></x:row>", "too_many_sheet_rows"),
        (f'<row r="{MAX_SHEET_ROWS + 1}"/><row><c><v>1</v></c></row>', "too_many_sheet_rows"),
        ("<row>" + "<c><v>1</v></c>" * (MAX_COLUMNS + 1) + "</row>", "too_many_file_columns"),
        ('<row r="1"><c s="0" r="CV1"><v>1</v></c><c><v>1</v></c></row>', "too_many_file_columns"),
        ('<row r="0"><c><v>1</v></c></row>', "not_a_workbook"),
        ('<row r="1"><c r="1"><v>1</v></c></row>', "not_a_workbook"),
        ('<row r="1"><c r="A1"><v>1</v></row>', "not_a_workbook"),
    ],
)
def test_a_far_cell_is_refused_however_it_is_written(rows: str, code: str) -> None:
    assert refusal(made(rows)) == code


def test_the_last_row_and_column_are_read_and_places_without_a_reference_are_counted() -> None:
    found = texts(made('<row r="2"><c s="0" r="CV2"><v>1</v></c></row><x:row><x:c><x:v>2</x:v></x:c><c r="C3" t="e"/><c t="e"/></x:row>'))
    assert [len(row) for row in found] == [MAX_COLUMNS] * 3
    assert (found[1][-1], found[2][:5]) == ("1", ["2", "", "#N/A", "#N/A", ""])


def test_cells_are_counted_with_and_without_attributes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_SHEET_CELLS", 3)
    assert refusal(made("<row><c><v>1</v></c><x:c><v>1</v></x:c></row>" * 2)) == "too_many_sheet_cells"


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('<c t="e" r="B1"><v>#N/A</v></c>', "#N/A"),
        ("<x:c t='e' r='B1'><x:v>#REF!</x:v></x:c>", "#N/A"),
        ('<c s="0" r="B1"><f>A1*2</f></c>', "=…"),
        ('<c s="0" r="B1"><f>A1*2</f><v> </v></c>', "=…"),
        ('<c><f t="shared" si="0"/></c>', "=…"),
        ('<c s="0" r="B1"><f>A1&lt;2</f><v/></c>', "=…"),
        ('<c s="0" r="B1"><f>A1*2</f><v>6</v></c>', "6"),
        ('<c s="0" r="B1"><v/></c>', ""),
    ],
)
def test_a_cell_without_a_usable_value_is_never_a_blank(cell: str, text: str) -> None:
    assert texts(made(f'<row r="1"><c r="A1"><v>3</v></c>{cell}<c r="C1"><v>9</v></c></row>')) == [["3", text, "9"]]


@pytest.mark.parametrize(
    "string", ["<si><t>{}</t></si>", '<si><r><t>1</t></r><r><t xml:space="preserve">{}</t></r></si>', "<x:si xmlns:x='" + SPACE + "'><x:t>{}</x:t></x:si>"]
)
@pytest.mark.parametrize("index", ["1", " 1 ", "+1"])
def test_a_long_shared_string_is_refused_before_it_is_copied_into_cells(string: str, index: str) -> None:
    rows = f'<row r="1"><c t="s" r="A1"><v>{index}</v></c></row>'
    assert refusal(made(rows, strings="<si/>" + string.format("x" * (MAX_CELL + 1)))) == "sheet_text_too_long"


def test_a_long_string_that_no_cell_of_the_sheet_shows_does_not_matter() -> None:
    strings = f"<si><t>{'x' * (MAX_CELL + 1)}</t></si><si><t>{'y' * MAX_CELL}</t></si>"
    assert texts(made('<row r="1"><c t="s" r="A1"><v>1</v></c></row>', strings=strings)) == [["y" * MAX_CELL]]


@pytest.mark.parametrize("cell", ['<c t="inlineStr"><is><t>{}</t></is></c>', '<c t="str"><v>{}</v></c>', '<c t="inlineStr"><is><r><t>{}</t></r></is></c>'])
def test_a_long_text_in_its_cell_is_refused(cell: str) -> None:
    assert refusal(made(f"<row>{cell.format('x' * (MAX_CELL + 1))}</row>")) == "sheet_text_too_long"
    assert texts(made(f"<row>{cell.format('x' * MAX_CELL)}</row>")) == [["x" * MAX_CELL]]


@pytest.mark.parametrize(
    "cell", ['<c t="s"><v>0</v></c>', '<c t="inlineStr"><is><t>' + "x" * 1000 + "</t></is></c>", '<c t="str"><v>' + "x" * 1000 + "</v></c>"]
)
def test_the_text_of_all_cells_is_bounded(cell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "MAX_SHEET_TEXT", 50_000)
    strings = f"<si><t>{'x' * 1000}</t></si>"
    assert len(texts(made(f"<row>{cell}</row>" * 50, strings=strings))) == 50
    assert refusal(made(f"<row>{cell}</row>" * 51, strings=strings)) == "unpacks_too_big"


@pytest.mark.parametrize(
    "cell",
    [
        "<v>0<!-- -->1</v>",
        "<v>0<?x y?>1</v>",
        "<v>0<x/>1</v>",
        "<v><![CDATA[1]]></v>",
        "<v>0</v><v>1</v>",
        "<v>0</v><f><v>1</v></f>",
        "<v>0</v><is><v>1</v></is>",
    ],
)
def test_a_value_that_could_be_read_in_two_ways_is_refused(cell: str) -> None:
    assert refusal(made(f'<row><c t="s">{cell}</c></row>', strings="<si/>" * 2)) == "not_a_workbook"


@pytest.mark.parametrize("string", ["<si><t><x/>{}</t></si>", "<si><t>{}</t><si/></si>", "<si><t><![CDATA[{}]]></t></si>"])
def test_odd_markup_hides_no_long_shared_string(string: str) -> None:
    rows = '<row r="1"><c t="s" r="A1"><v>0</v></c></row>'
    assert refusal(made(rows, strings=string.format("x" * (MAX_CELL + 1)))) in {"sheet_text_too_long", "not_a_workbook"}


def test_a_shared_string_that_is_not_there_is_refused() -> None:
    assert refusal(made('<row><c t="s"><v>7</v></c></row>')) == "not_a_workbook"


def test_a_document_type_in_the_sheet_is_refused() -> None:
    book = with_part(workbook([["x"]]), SHEET, lambda xml: b'<!DOCTYPE x [<!ENTITY a "b">]>' + xml.partition(b"?>")[2])
    assert refusal(book) == "not_a_workbook"


@pytest.mark.parametrize("name", ["XL/worksheets/Sheet1.xml", "xl/worksheets/../worksheets/sheet1.xml", "xl\\worksheets\\sheet1.xml"])
def test_a_second_part_that_could_be_read_in_place_of_the_scanned_one_is_refused(name: str) -> None:
    target = io.BytesIO(workbook([["x"]]))
    with zipfile.ZipFile(target, "a") as archive:
        archive.writestr(name, "<worksheet/>")
    assert refusal(target.getvalue()) == "not_a_workbook"


def test_two_sheets_of_one_name_are_refused() -> None:
    book = workbook([["x"]], sheets=("One", "Two"))
    assert refusal(with_part(book, "xl/workbook.xml", lambda xml: xml.replace(b'"Two"', b'"One"'))) == "not_a_workbook"
