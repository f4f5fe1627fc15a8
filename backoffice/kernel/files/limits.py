"""Limits of what is read. A file beyond one is refused with the limit and how to mend it."""

MAX_COLUMNS = 100
MAX_CELL = 2_000  # characters
MAX_LINE_BYTES = 10_000_000
HEADER_SEARCH = 3  # the header is in one of the first rows
PREVIEW_ROWS = 20
STORED_PROBLEMS = 100_000  # rows of ImportProblem a job; the fix-and-resend file has all

# A packed file may unpack to this many times its size, or to the floor if that is more. Real lists reach 30.
MAX_UNPACK_RATIO = 200
UNPACK_FLOOR = 50_000_000
MAX_UNPACKED = 8_000_000_000

# The reader of XLSX keeps a whole sheet in memory, about 100 bytes a cell; CSV has no row limit.
MAX_SHEET_ROWS = 100_000
MAX_SHEET_CELLS = 1_200_000
MAX_SHEET_TEXT = 100_000_000  # characters of all cells; a shared string counts once for each cell that shows it
MAX_SHEET_BYTES = 200_000_000  # of XML; a quarter of it for each other part
