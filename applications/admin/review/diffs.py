"""Differences between two revisions, with the words that changed marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from applications.admin.review.words import listed
from applications.choices import AppBuild, AppForm, DemoCover
from applications.content import FIELD_LABELS, Change

_PIECES = re.compile(r"[A-Za-z0-9_]+|\s+|.", re.DOTALL)
LONGEST_COMPARED = 2000


def field_label(field: str, names: dict[str, str]) -> str:
    """What a change is about: a field's label, or a capability with scene or value."""
    first, _dot, rest = field.partition(".")
    if first != "capabilities" or not rest:
        return str(FIELD_LABELS.get(first, first))
    for ending, label in ((".scene", _("scene")), (".value", _("value"))):
        if rest.endswith(ending):
            code = rest.removesuffix(ending)
            return f"{names.get(code, code)} · {label}"
    return names.get(rest, rest)


def readable(field: str, text: str) -> str:
    """Codes as their words."""
    labels = {"form": dict(AppForm.choices), "build": dict(AppBuild.choices), "demo_covers": dict(DemoCover.choices)}.get(field)
    return text if labels is None else listed(str(labels.get(code, code)) for code in text.split(", ")) if text else ""


def marked(change: Change) -> SafeString:
    """Both texts in one: what went is struck out, what came is underlined. Screen readers are told which is which by the elements."""
    before, after = (readable(change.field, text or "") for text in (change.before, change.after))
    if change.before is None:
        return format_html("<ins>{}</ins>", _("asked for now"))
    if change.after is None:
        return format_html("<del>{}</del>", _("no longer asked for"))
    if max(len(before), len(after)) > LONGEST_COMPARED or not before or not after:
        parts: Sequence[tuple[str, str]] = [("del", before), ("ins", after)]
    else:
        parts = _pieces(before, after)
    return format_html_join("", "{}", ((_element(kind, text),) for kind, text in parts if text))


def _element(kind: str, text: str) -> SafeString:
    if kind == "del":
        return format_html("<del>{}</del>", text)
    return format_html("<ins>{}</ins>", text) if kind == "ins" else format_html("{}", text)


def _pieces(before: str, after: str) -> list[tuple[str, str]]:
    old, new = _PIECES.findall(before), _PIECES.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    if matcher.ratio() < 0.3:
        return [("del", before), ("ins", after)]
    parts = []
    for kind, i1, i2, j1, j2 in matcher.get_opcodes():
        if kind == "equal":
            parts.append(("", "".join(old[i1:i2])))
        else:
            parts += [("del", "".join(old[i1:i2])), ("ins", "".join(new[j1:j2]))]
    return parts
