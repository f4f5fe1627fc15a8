"""How a file is read: format, encoding, delimiter, header row, columns. Found from the content, shown to people, corrected by them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import IO, Any

from backoffice.kernel.files.encodings import ENCODINGS, GB18030, UTF_8, UTF_16, by_mark, is_convincing, scan
from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.headers import count_known, map_columns
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.limits import HEADER_SEARCH, MAX_COLUMNS
from backoffice.kernel.files.opening import Content, open_content
from backoffice.kernel.files.records import DELIMITERS, read_records
from backoffice.kernel.files.sheets import Sheet, look_into, read_sheet

_HEAD = 1 << 16


@dataclass(frozen=True)
class Reading:
    """``header_row`` counts records from 1; data begin after it. ``columns``: our column -> position from 0. ``missing``: required columns
    that are not mapped (the file is refused until they are). ``lines`` is an estimate for the progress bar. ``by_hand`` holds what people corrected.
    """

    format: str
    packing: str
    encoding: str
    delimiter: str
    header_row: int
    sheet: str
    sheets: list[str]
    headers: list[str]
    columns: dict[str, int]
    ignored: list[str]
    missing: list[str]
    lines: int
    hidden_rows: int = 0
    by_hand: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def find_reading(source: IO[bytes], kind: ImportKind, *, store_given: bool, by_hand: Mapping[str, Any] | None = None) -> Reading:
    """Find out how ``source`` is read. ``by_hand`` may fix ``encoding``, ``delimiter``, ``header_row``, ``sheet`` and ``columns``.

    Raises ``FileFault`` when the content is no list, cannot be decoded, or has no header that is known. Missing required columns
    are told in ``missing``.
    """
    fixed = {name: value for name, value in (by_hand or {}).items() if value not in (None, "")}
    with open_content(source) as content:
        if content.format == "xlsx":
            return _read_workbook_head(content, kind, store_given, fixed)
        head = content.stream.read(_HEAD)
        packing = content.packing
    encoding, lines, suspected = _find_encoding(source, head, fixed)
    rows, delimiter, header_row = _find_header(head, encoding, kind, fixed)
    headers = rows[header_row - 1] if header_row <= len(rows) else []
    if not any(cell.strip() for cell in headers):
        raise FileFault("empty_file")
    mapped = map_columns(kind, headers, by_hand=fixed.get("columns"), store_given=store_given)
    if not mapped.columns:
        if suspected:
            raise FileFault("broken_bytes", **suspected)
        raise FileFault("unknown_header", headers=", ".join(cell.strip()[:20] for cell in headers[:8]))
    return Reading(
        "csv", packing, encoding, delimiter, header_row, "", [], [cell.strip()[:100] for cell in headers],
        mapped.columns, mapped.ignored, mapped.missing, lines, by_hand=dict(fixed),
    )  # fmt: skip


def open_records(source: IO[bytes], reading: Reading) -> Generator[tuple[int, list[str]], None, None]:
    """(line, cells) of every record after the header. Close the iterator when stopping early."""
    with open_content(source) as content:
        if content.format == "xlsx":
            sheet = look_into(content.stream, reading.sheet)
            yield from islice(read_sheet(content.stream, sheet), reading.header_row, None)
        else:
            yield from islice(read_records(content.stream, encoding=reading.encoding, delimiter=reading.delimiter), reading.header_row, None)


def first_records(source: IO[bytes], reading: Reading, count: int) -> list[tuple[int, list[str]]]:
    """The first ``count`` records after the header, blank ones left out."""
    with closing(open_records(source, reading)) as records:
        return list(islice((record for record in records if any(cell.strip() for cell in record[1])), count))


def _find_encoding(source: IO[bytes], head: bytes, fixed: Mapping[str, Any]) -> tuple[str, int, dict[str, Any] | None]:
    """Encoding, number of lines, and where UTF-8 broke if GB18030 was taken instead."""
    wanted = fixed.get("encoding")
    if wanted:
        wanted = _canonical(wanted)
        found = _scan(source, wanted)
        if found.broken_line:
            raise FileFault("broken_bytes", **_place(found, wanted))
        return wanted, found.lines, None
    marked = by_mark(head)
    first = marked or UTF_8
    found = _scan(source, first)
    if not found.broken_line:
        return first, found.lines, None
    if marked or is_convincing(found):
        raise FileFault("broken_bytes", **_place(found, first))
    chinese = _scan(source, GB18030)
    if chinese.broken_line:
        raise FileFault("broken_bytes", **_place(found, first))
    return GB18030, chinese.lines, _place(found, first)


def _scan(source: IO[bytes], encoding: str) -> Any:
    with open_content(source) as content:
        return scan(content.stream, encoding)


def _place(found: Any, encoding: str) -> dict[str, Any]:
    return {"line": found.broken_line, "byte": f"0x{found.broken_byte:02X}", "encoding": encoding}


def _canonical(name: str) -> str:
    folded = name.lower().replace("_", "-")
    named = {"utf8": UTF_8, "gbk": GB18030, "gb2312": GB18030, "utf-8-bom": "utf-8-sig", "utf16": UTF_16}.get(folded, folded)
    if named not in ENCODINGS:
        raise FileFault("unknown_encoding", encoding=name[:20])
    return named


def _find_header(head: bytes, encoding: str, kind: ImportKind, fixed: Mapping[str, Any]) -> tuple[list[list[str]], str, int]:
    """First records, delimiter and header row: the pair under which most headers are known wins."""
    import io

    delimiters = [fixed["delimiter"]] if fixed.get("delimiter") in DELIMITERS else list(DELIMITERS)
    wanted_row = int(fixed.get("header_row") or 0)
    best: tuple[int, int, int, list[list[str]], str] | None = None
    for rank, delimiter in enumerate(delimiters):
        rows: list[list[str]] = []
        try:
            text = head.decode(encoding, "ignore").rpartition("\n")[0] if len(head) == _HEAD else head.decode(encoding, "ignore")
            records = read_records(io.BytesIO(text.encode(UTF_8)), encoding=UTF_8, delimiter=delimiter)
            rows.extend(row for _, row in islice(records, max(HEADER_SEARCH, wanted_row)))
        except FileFault:
            if not rows:
                continue
        for number, row in enumerate(rows, 1):
            if wanted_row and number != wanted_row:
                continue
            known = count_known(kind, row) if len(row) <= 10 * MAX_COLUMNS else 0
            if best is None or known > best[0]:
                best = (known, -number, -rank, rows, delimiter)
                header_row = number
    if best is None:
        raise FileFault("unclosed_quote", line=1)
    if best[0] == 0 and not wanted_row:
        header_row = next((number for number, row in enumerate(best[3], 1) if any(cell.strip() for cell in row)), 1)
    return best[3], best[4], header_row


def _read_workbook_head(content: Content, kind: ImportKind, store_given: bool, fixed: Mapping[str, Any]) -> Reading:
    sheet: Sheet = look_into(content.stream, str(fixed.get("sheet") or ""))
    wanted_row = int(fixed.get("header_row") or 0)
    with closing(read_sheet(content.stream, sheet)) as records:
        rows = [row for _, row in islice(records, max(HEADER_SEARCH, wanted_row))]
        height = len(rows) + sum(1 for _ in records)
    if not any(cell.strip() for row in rows for cell in row):
        raise FileFault("empty_file")
    ranked = [(count_known(kind, row), -number) for number, row in enumerate(rows, 1) if not wanted_row or number == wanted_row]
    header_row = -max(ranked, default=(0, -1))[1]
    headers = rows[header_row - 1] if header_row <= len(rows) else []
    while headers and not headers[-1].strip():
        headers = headers[:-1]
    mapped = map_columns(kind, headers, by_hand=fixed.get("columns"), store_given=store_given)
    if not mapped.columns:
        raise FileFault("unknown_header", headers=", ".join(cell.strip()[:20] for cell in headers[:8]))
    return Reading(
        "xlsx", content.packing, "", "", header_row, sheet.name, sheet.names, [cell.strip()[:100] for cell in headers],
        mapped.columns, mapped.ignored, mapped.missing, height, sheet.scan.hidden_rows, by_hand=dict(fixed),
    )  # fmt: skip
