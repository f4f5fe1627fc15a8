"""How long a line may be in UTF-16, whose letters hold the bytes of line feeds."""

from __future__ import annotations

import io

import pytest

from backoffice.kernel.files import encodings
from backoffice.kernel.files.encodings import UTF_16, scan
from backoffice.kernel.files.faults import FileFault


@pytest.mark.parametrize(("order", "mark"), [("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")])
@pytest.mark.parametrize("letter", ["\u0a0a", "\u0d0d", "\u0a41", "a"])
def test_a_line_without_end_is_refused(order: str, mark: bytes, letter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "MAX_LINE_BYTES", 1_000_000)
    with pytest.raises(FileFault) as caught:
        scan(io.BytesIO(mark + ("会员编号\r\n" + letter * 3_000_000).encode(order)), UTF_16)
    assert caught.value.code == "line_without_end"


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_lines_are_counted_by_letters(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encodings, "MAX_LINE_BYTES", 1_000_000)
    found = scan(io.BytesIO((("\u0a0a" * 1000 + end) * 2000).encode(UTF_16)), UTF_16)
    assert (found.lines, found.broken_line) == (2000 if "\n" in end else 0, 0)
