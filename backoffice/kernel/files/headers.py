"""Which column of a file is which of ours: by the header in either language, an alias, or by hand."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.limits import MAX_COLUMNS

REASON_HEADERS = ("reason", "原因")  # the column that a fix-and-resend file has in addition


@dataclass(frozen=True)
class Mapped:
    """``columns``: our name -> position in the file, counted from 0. ``ignored``: headers that are nobody's. ``missing``: names a file must have."""

    columns: dict[str, int]
    ignored: list[str]
    missing: list[str]


def normalize_header(text: str) -> str:
    """For comparing: full-width to ASCII, lower case, without spaces, marks such as * and remarks in brackets at the end."""
    folded = unicodedata.normalize("NFKC", text).strip().lower()
    folded = re.sub(r"[(\[【].*[)\]】]$", "", folded)
    return re.sub(r"[\s_*\-\u200b\ufeff]", "", folded)


def known_headers(kind: ImportKind) -> dict[str, str]:
    """Normalized header -> our column."""
    known: dict[str, str] = {}
    for column in kind.file_columns:
        for header in (column.name, column.header_zh, *column.aliases):
            known[normalize_header(header)] = column.name
    return known


def count_known(kind: ImportKind, headers: Sequence[str]) -> int:
    known = known_headers(kind)
    return len({known[name] for name in map(normalize_header, headers) if name in known})


def map_columns(kind: ImportKind, headers: Sequence[str], *, by_hand: Mapping[str, int | None] | None = None, store_given: bool) -> Mapped:
    """Map the file's ``headers``; ``by_hand`` (our name -> position, None for "not in the file") wins over names.

    Raises ``FileFault`` for too many columns and for a header that is there twice. What is missing is told, not raised:
    the form lets people map it.
    """
    if len(headers) > MAX_COLUMNS:
        raise FileFault("too_many_file_columns", most=MAX_COLUMNS)
    chosen = dict(by_hand or {})
    taken = {position for position in chosen.values() if position is not None}
    known = known_headers(kind)
    columns: dict[str, int] = {}
    ignored = []
    counts = Counter(normalize_header(header) for position, header in enumerate(headers) if position not in taken)
    for position, header in enumerate(headers):
        name = normalize_header(header)
        if position in taken or not name:
            continue
        if counts[name] > 1:
            raise FileFault("duplicate_header", header=header.strip()[:64])
        ours = known.get(name)
        if ours is None or ours in chosen:
            if name not in REASON_HEADERS:
                ignored.append(header.strip()[:64])
        elif ours in columns:
            raise FileFault("duplicate_header", header=f"{headers[columns[ours]].strip()[:64]} / {header.strip()[:64]}")
        else:
            columns[ours] = position
    columns |= {name: position for name, position in chosen.items() if position is not None and 0 <= position < len(headers)}
    return Mapped(columns, ignored, _missing(kind, columns, store_given))


def _missing(kind: ImportKind, columns: Mapping[str, int], store_given: bool) -> list[str]:
    missing = [column.name for column in kind.columns if column.required and column.name not in columns]
    if kind.has_store and not store_given and "store" not in columns:
        missing.insert(0, "store")
    if kind.either and not any(all(name in columns for name in group) for group in kind.either):
        missing.append(" | ".join(" + ".join(group) for group in kind.either))
    return missing
