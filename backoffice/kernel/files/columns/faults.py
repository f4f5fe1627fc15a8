"""What can be wrong with one cell: a sentence for the person who made the file, with how to mend it."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.problems import register_problem

_SENTENCES = {
    "bidi_control": _("The cell holds a hidden character that turns the direction of writing. Type it anew."),
    "foreign_digits": _("The cell holds digits of another script. Write the digits 0 to 9."),
    "error_cell": _("The cell holds an error of the spreadsheet, such as #N/A. Mend the formula, or paste the value."),
    "excel_shortened": _("The spreadsheet cut this number and its last digits are lost. Format the column as text, enter the numbers again, export again."),
    "not_phone": _("This is not a mobile phone number. Write 11 digits that begin with 13 to 19; +86 in front is fine."),
    "not_money": _("This is not an amount. Write yuan with at most two decimals, such as 1234.50."),
    "negative_amount": _("The amount is negative. Write an amount of zero or more."),
    "too_many_decimals": _("The amount has more than two decimals. Round it to whole fen yourself; nothing is rounded for you."),
    "number_too_large": _("The number is too large. Write at most nine digits before the decimal point."),
    "not_number": _("This is not a whole number. Write digits only."),
    "not_whole": _("The number has decimals. Write a whole number."),
    "negative_number": _("The number is negative. Write a whole number of zero or more."),
    "not_a_date": _("This is not a date. Write year, month and day, such as 2026-01-05; a time may follow, such as 08:30."),
    "no_such_day": _("There is no such day. Look at month and day."),
    "no_such_time": _("The time after the date cannot be read. Write hours and minutes, such as 08:30."),
    "time_not_wanted": _("Only a day belongs here. Leave out the time."),
    "year_out_of_range": _("The year is before 1900 or after 2199. Look at the year."),
    "unclear_date": _("It is not clear which part is the day and which the month. Write the year first, such as 2026-01-05."),
    "excel_serial_date": _("This is a bare number, not a date. Format the column as a date, such as 2026-01-05, and export again."),
    "not_a_time": _("This is not a time of day. Write hours and minutes, such as 09:30."),
    "not_yes_no": _("This is neither yes nor no. Write 1 or 0, yes or no."),
    "not_a_choice": _("This word is not allowed here. Take one of the words in the help of this column."),
    "too_many_tags": _("There are more than 50 tags. Keep at most 50."),
    "not_url": _("This is not a web address. Write one that begins with https://."),
}


def register_cell_problems() -> None:
    """Make the codes of all column types known; called once, when the package is imported."""
    for code, sentence in _SENTENCES.items():
        register_problem(code, sentence)
