"""What can be wrong with a file or a row: a stable code, and a sentence that says what is wrong and how to mend it.

Sentences may hold ``%(name)s`` of the facts that go with the code. Apps add codes of their kinds with ``register_problem``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.registry import Registry


@dataclass(frozen=True)
class Problem:
    code: str
    sentence: Any


problems: Registry[Problem] = Registry("import problem")


def register_problem(code: str, sentence: Any) -> str:
    """Make ``code`` known; ``sentence`` is a lazy translation. Returns the code."""
    problems.register(code, Problem(code, sentence))
    return code


def sentence_for(code: str, facts: dict[str, Any] | None = None) -> str:
    """The sentence of ``code`` in the active language."""
    if code not in problems:
        return code
    text = str(problems.get(code).sentence)
    try:
        return text % facts if facts else text.replace("%%", "%")
    except (KeyError, TypeError, ValueError):
        return text


# Rows, whatever the kind.
for _code, _sentence in {
    "required": _("This value is required. Fill it in."),
    "unknown_store": _("There is no such store. Check the store code."),
    "key_twice": _("This row is in the file more than once. Keep one of them."),
    "too_few_columns": _("The row has fewer columns than the header. Check for a missing separator or line break."),
    "too_many_columns": _("The row has more columns than the header. Put values that contain the separator in double quotes."),
    "too_long": _("The value is too long. Shorten it."),
    "control_character": _("The value holds invisible control characters. Type it again."),
    "total_row": _("This is a total row, not a row of the list. Delete it."),
    "bad_value": _("The value cannot be read. Check it."),
}.items():
    register_problem(_code, _sentence)

# The file as a whole.
for _code, _sentence in {
    "empty_file": _("The file is empty."),
    "no_rows": _("The file has a header but no rows."),
    "broken_archive": _("The packed file is damaged or of a form that is not accepted. Pack it again, or hand in the file itself."),
    "archive_of_many": _("The archive holds %(files)s files. Pack exactly one list."),
    "nested_archive": _("The archive holds another archive. Pack the list itself."),
    "unpacks_too_big": _("The file unpacks to more than %(megabytes)s MB. Split the list."),
    "encrypted_file": _("The file is protected by a password. Save it without one."),
    "not_a_workbook": _("This is not an XLSX workbook that can be read. Save it as XLSX or as CSV UTF-8 again."),
    "workbook_with_macros": _("The workbook holds macros. Save it as XLSX without macros."),
    "workbook_with_links": _("The workbook holds links to other workbooks. Paste the values into a new sheet and save that."),
    "old_or_encrypted_office": _("This is an old XLS file or one with a password. Save it as XLSX or as CSV UTF-8."),
    "not_a_list": _("This is not a table. Hand in CSV, TSV or XLSX."),
    "web_page": _("This is a web page, whatever its name says. Open it in your spreadsheet program and save it as XLSX or CSV UTF-8."),
    "not_text": _("This is not a text file. Hand in CSV, TSV or XLSX."),
    "utf16_without_mark": _("The file seems to be UTF-16 without a byte order mark. Save it as CSV UTF-8."),
    "broken_bytes": _("Row %(line)s holds the byte %(byte)s, which is not %(encoding)s. Save the file as CSV UTF-8 again, or choose its encoding."),
    "unknown_encoding": _("The encoding %(encoding)s is not accepted. Choose UTF-8, UTF-16 or GB18030."),
    "line_without_end": _("Row %(line)s has no end. This is not a list with one record a row."),
    "unclosed_quote": _("A quotation mark is opened in row %(line)s and not closed. Close it, or write it twice if it belongs to the text."),
    "unknown_header": _("No column is known. Found: %(headers)s. Name the columns as in the sample file."),
    "duplicate_header": _("Two columns have the same name: %(header)s. Delete or rename one."),
    "missing_columns": _("Columns are missing: %(columns)s. Add them, or say which columns they are."),
    "too_many_file_columns": _("The file has more than %(most)s columns. Delete those that are not needed."),
    "too_many_sheet_rows": _("The sheet has more than %(most)s rows. Split it, or save it as CSV, which has no limit."),
    "too_many_sheet_cells": _("The sheet has more than %(most)s cells. Split it, or save it as CSV, which has no limit."),
    "sheet_text_too_long": _("A cell of the sheet holds more than %(most)s characters. Shorten it, or save the sheet as CSV."),
    "repeated": _("The same file was imported before. Nothing was done."),
    "rights_lost": _("You may not import this file any more: your role, your seat or the store has changed. Nothing was applied."),
    "control_total_missing": _("Type the control total: the sum of principal and bonus of all rows. The file's is %(found)s yuan."),
    "control_total_differs": _("The control total %(typed)s is not the file's total %(found)s yuan. Check both; nothing was applied."),
    "bad_rows": _("%(bad)s bad rows and %(conflict)s conflicts: nothing was applied. Mend them, or apply only the good rows."),
    "nothing_good": _("No row can be applied."),
    "too_many_attempts": _("The import was begun several times and never ended. Nothing was applied. Tell the administrators."),
    "no_space": _("There is no space left on the disk. Nothing was applied. Try again when there is."),
    "file_missing": _("The stored file cannot be read. Hand it in again."),
    "internal_error": _("Something went wrong here, not with your file. Nothing was applied. Tell the administrators."),
    "store_closed": _("The store is closed. Nothing can be imported into it."),
    # Remarks that are counted.
    "blank_rows": _("Blank rows were left out."),
    "hidden_rows": _("Hidden rows were read like all others."),
    "problems": _("Faults found in all."),
}.items():
    register_problem(_code, _sentence)
