"""In which encoding a text file is written: byte order mark, then strict UTF-8, then strict GB18030. Nothing is guessed silently.

UTF-8 read as GB18030 can pass without an error and give wrong letters, so UTF-8 always comes first, and the caller refuses
GB18030 whose header it does not know.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import IO

from backoffice.kernel.files.faults import FileFault
from backoffice.kernel.files.limits import MAX_LINE_BYTES

UTF_8 = "utf-8"
UTF_8_BOM = "utf-8-sig"
UTF_16 = "utf-16"
GB18030 = "gb18030"
ENCODINGS = (UTF_8, UTF_8_BOM, UTF_16, GB18030)

_PIECE = 1 << 20
# A file of another encoding fails as UTF-8 within its first few foreign letters; after this many right ones it is broken UTF-8.
_CONVINCING_LETTERS = 20
_FEW_NULS = 10


@dataclass(frozen=True)
class Scan:
    """One pass over the bytes. ``broken_line`` is where strict decoding failed (0: nowhere); ``letters`` counts the
    non-ASCII letters read before that. ``lines`` counts line feeds."""

    lines: int
    broken_line: int
    broken_byte: int
    letters: int


def by_mark(head: bytes) -> str | None:
    """The encoding that a byte order mark names."""
    if head.startswith(codecs.BOM_UTF8):
        return UTF_8_BOM
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return UTF_16
    return None


def scan(stream: IO[bytes], encoding: str) -> Scan:
    """Decode the whole stream strictly. Raises ``FileFault`` for what is no text at all: many NULs, or a line without an end."""
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = letters = size = nuls = since_line_end = 0
    pending = False
    text = ""
    wide = encoding == UTF_16
    while True:
        piece = stream.read(_PIECE)
        final = not piece
        if not wide:
            nuls += piece.count(b"\0")
        if not (piece and piece.isascii() and not pending and not wide):
            try:
                text = decoder.decode(piece, final)
            except UnicodeDecodeError as error:
                good = error.object[: error.start]
                line = lines + good.count(b"\n") + 1
                return Scan(lines, line, error.object[error.start], letters + len(good.decode(encoding, "ignore")) - _ascii(good))
            if not piece.isascii() and letters < _CONVINCING_LETTERS:
                letters += sum(not letter.isascii() for letter in text[:100_000])
            pending = bool(decoder.getstate()[0])
        if final:
            break
        size += len(piece)
        # In UTF-16 the bytes of a line feed may be halves of other letters: only decoded text shows where lines end.
        found = text.count("\n") if wide else piece.count(b"\n")
        lines += found
        ends = found or ("\r" in text if wide else b"\r" in piece)
        since_line_end = 0 if ends else since_line_end + len(piece)
        if since_line_end > MAX_LINE_BYTES:
            raise FileFault("line_without_end", line=lines + 1)
    if nuls > max(_FEW_NULS, size // 1000):
        raise FileFault("utf16_without_mark" if nuls > size // 5 else "not_text")
    return Scan(lines, 0, 0, letters)


def _ascii(text: bytes) -> int:
    return sum(byte < 0x80 for byte in text)


def is_convincing(found: Scan) -> bool:
    """Whether a failed UTF-8 scan had read enough right letters to say: this is UTF-8 with a broken place."""
    return found.letters >= _CONVINCING_LETTERS
