"""Characters of a cell: what is trimmed, removed or refused, and SQL that does the same as the Python beside it.

Patterns are written for both engines at once: ASCII classes, ``\\uXXXX`` escapes, ``(?:...)``, and ``\\Z``-free anchors. Python's ``$``
also matches before a last line break, which cannot be there after trimming.
"""

from __future__ import annotations

import re
import unicodedata

SPACES = " \t\n\r\x0b\x0c\x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
ZERO_WIDTH = "\u200b\u2060\ufeff"
JOINERS = "\u200c\u200d"  # they hold emoji together, so only codes lose them
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = ZERO_WIDTH + JOINERS + BIDI + "\xad"

CONTROL = r"[\u0001-\u001f\u007f-\u009f\u2028\u2029]"
BIDI_CLASS = "[" + "".join(f"\\u{ord(char):04x}" for char in BIDI) + "]"
SPACE_CLASS = "[" + "".join(f"\\u{ord(char):04x}" for char in SPACES) + "]"
# What an export puts an apostrophe before; reading takes the apostrophe away again.
ESCAPED = r"^'[=+@\u0009\u000a\u000d\uff1d\uff0b\uff0d\uff20-]"
ERROR_CELL = r"^#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)$"
EXCEL_SHORTENED = r"^[0-9]+(?:\.[0-9]+)?[Ee][+][0-9]+$"


def _digit_ranges() -> str:
    """Decimal digits of scripts other than ASCII, as the inside of a character class."""
    spans: list[list[int]] = []
    for point in range(0x80, 0x20000):
        if unicodedata.category(chr(point)) == "Nd":
            if spans and spans[-1][1] == point - 1:
                spans[-1][1] = point
            else:
                spans.append([point, point])
    return "".join(f"{_escape(low)}-{_escape(high)}" for low, high in spans)


def _escape(point: int) -> str:
    return f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


FOREIGN_DIGIT = "[" + _digit_ranges() + "]"

_DROP_INVISIBLE = {ord(char): None for char in INVISIBLE}
_DROP_ZERO_WIDTH = {ord(char): None for char in ZERO_WIDTH}


def quote(text: str) -> str:
    """An SQL literal, readable in a log: anything but printable ASCII is escaped; percent signs are doubled for psycopg."""
    plain = all(" " <= char <= "~" for char in text)
    doubled = text.replace("'", "''").replace("%", "%%")
    if plain:
        return f"'{doubled}'"
    return "E'" + "".join(char if " " <= char <= "~" else _escape(ord(char)) for char in doubled.replace("\\", "\\\\")) + "'"


def unescape(cell: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from reading the cell as a formula."""
    return cell[1:] if re.match(ESCAPED, cell) else cell


def sql_unescape(cell: str) -> str:
    return f"CASE WHEN {cell} ~ {quote(ESCAPED)} THEN substr({cell}, 2) ELSE {cell} END"


def as_code(cell: str) -> str:
    """For codes, phones, numbers and dates: full-width to ASCII (NFKC), invisible characters gone, trimmed."""
    return unicodedata.normalize("NFKC", unescape(cell)).translate(_DROP_INVISIBLE).strip(SPACES)


def sql_as_code(cell: str) -> str:
    return f"btrim(translate(normalize({sql_unescape(cell)}, NFKC), {quote(INVISIBLE)}, ''), {quote(SPACES)})"


def visible(cell: str) -> bool:
    """Whether anything but space and invisible characters is in the cell."""
    return bool(cell.translate(_DROP_INVISIBLE).strip(SPACES))


def sql_visible(cell: str) -> str:
    return f"(btrim(translate({cell}, {quote(INVISIBLE)}, ''), {quote(SPACES)}) <> '')"


def as_text(cell: str) -> str:
    """For words of people: trimmed, zero-width characters gone, otherwise as it is."""
    return unescape(cell).translate(_DROP_ZERO_WIDTH).strip(SPACES)


def sql_as_text(cell: str) -> str:
    return f"btrim(translate({sql_unescape(cell)}, {quote(ZERO_WIDTH)}, ''), {quote(SPACES)})"


def ascii_lower(text: str) -> str:
    """Lower case of A to Z only, as ``lower(... COLLATE "C")`` does it."""
    return text.translate({upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)})
