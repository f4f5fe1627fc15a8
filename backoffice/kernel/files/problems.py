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
