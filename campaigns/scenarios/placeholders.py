"""Reading ``{placeholders}`` in texts that people write. Only plain names: no attributes, no format codes."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from string import Formatter

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError


class TextRefused(BusinessError):
    """A text has an unknown placeholder or braces that do not pair."""

    code = "text_refused"


def list_placeholders(text: str) -> list[str]:
    """Names used in ``text``, in order. Raises ``TextRefused`` when the braces do not pair or hold more than a name."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        raise TextRefused(
            _("A curly bracket is not closed or not opened. Write placeholders like {balance}, and a bracket of the text itself twice.")
        ) from None
    names = []
    for _literal, name, spec, conversion in parts:
        if name is None:
            continue
        if spec or conversion or not name.isidentifier():
            raise TextRefused(_("“{%(name)s}” is not a placeholder. Between the brackets stands only a name, like {balance}.") % {"name": name}, name=name)
        names.append(name)
    return names


def check_text(text: str, *, allowed: Container[str] | Iterable[str]) -> None:
    """Refuse a text that could not be filled in. Raises ``TextRefused`` with a sentence that names the trouble."""
    known = sorted(allowed)  # type: ignore[arg-type]
    for name in list_placeholders(text):
        if name not in known:
            raise TextRefused(
                _("There is no placeholder {%(name)s}. You can use: %(known)s") % {"name": name, "known": ", ".join(f"{{{each}}}" for each in known)}, name=name
            )


def fill(text: str, values: Mapping[str, str]) -> str:
    """``text`` with its placeholders replaced. Values are put in as they are: braces in a value mean nothing."""
    return "".join(literal + ("" if name is None else values[name]) for literal, name, _spec, _conversion in Formatter().parse(text))
