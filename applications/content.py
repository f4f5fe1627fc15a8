"""What a developer writes into an application: one typed structure for the draft, the frozen revision, the gates and the diff."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from django.utils.translation import gettext_lazy as _

from applications.choices import ITEM_FIELDS, ITEMS_PER_CAPABILITY

LONGEST_TEXT = 5000
LONGEST_LINE = 500
MOST_CAPABILITIES = 50


@dataclass(frozen=True)
class Asked:
    """One capability asked for: its code, the scene in which it is used, the value it brings."""

    capability: str
    scene: str = ""
    value: str = ""


@dataclass(frozen=True)
class Content:
    """Everything of one submission, in plain text.

    ``category`` and the codes in ``capabilities`` are codes; ``merchant`` is the code or the name as the developer wrote it; ``demo_file`` the number of a
    ``DemoFile``; ``demo_covers`` codes of ``DemoCover``.
    """

    form: str = ""
    build: str = ""
    category: str = ""
    merchant: str = ""
    audience_group: str = ""
    audience_category: str = ""
    audience_type: str = ""
    audience_stage: str = ""
    contact_name: str = ""
    contact_dingtalk: str = ""
    contact_other: str = ""
    demo_url: str = ""
    demo_other_url: str = ""
    demo_file: int | None = None
    demo_covers: tuple[str, ...] = ()
    company_intro: str = ""
    past_cases: str = ""
    capabilities: tuple[Asked, ...] = ()

    @property
    def codes(self) -> list[str]:
        return [asked.capability for asked in self.capabilities]

    @property
    def audience(self) -> dict[str, str]:
        """The main merchants of a template app, only what was said."""
        said = {name: getattr(self, f"audience_{name}") for name in ("group", "category", "type", "stage")}
        return {name: text for name, text in said.items() if text}

    def asked(self, code: str) -> Asked | None:
        return next((asked for asked in self.capabilities if asked.capability == code), None)

    def as_json(self) -> dict[str, Any]:
        plain: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        plain["demo_covers"] = sorted(set(self.demo_covers))
        plain["capabilities"] = [{"capability": asked.capability, "scene": asked.scene, "value": asked.value} for asked in self.capabilities]
        return plain

    def content_hash(self) -> str:
        """SHA-256 over the canonical form: the same content always gives the same hash, in whatever order the capabilities are listed."""
        plain = self.as_json()
        plain["capabilities"] = sorted(plain["capabilities"], key=lambda row: str(row["capability"]))
        return hashlib.sha256(json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


LONG_FIELDS = frozenset({"company_intro", "past_cases"})
FIELD_LABELS: Mapping[str, Any] = {
    "form": _("Form"),
    "build": _("Build"),
    "category": _("Category"),
    "merchant": _("Merchant"),
    "audience_group": _("Main merchants: group"),
    "audience_category": _("Main merchants: category"),
    "audience_type": _("Main merchants: type"),
    "audience_stage": _("Main merchants: stage"),
    "contact_name": _("Contact"),
    "contact_dingtalk": _("DingTalk"),
    "contact_other": _("Other contacts"),
    "demo_url": _("Demo document"),
    "demo_other_url": _("Another public address"),
    "demo_file": _("Demo file"),
    "demo_covers": _("What the demo shows"),
    "company_intro": _("Company introduction"),
    "past_cases": _("Past cases"),
    "capabilities": _("Capabilities"),
}


def content_of(plain: Mapping[str, Any]) -> Content:
    """The content in a stored or submitted mapping. Unknown names are ignored, texts are cut to their limit and stripped; never raises for its shape."""
    values: dict[str, Any] = {}
    for field in fields(Content):
        given = plain.get(field.name)
        if field.name == "capabilities":
            values[field.name] = _asked(given)
        elif field.name == "demo_covers":
            values[field.name] = tuple(sorted({str(code)[:32] for code in given})) if isinstance(given, list | tuple) else ()
        elif field.name == "demo_file":
            values[field.name] = given if isinstance(given, int) and not isinstance(given, bool) else None
        else:
            values[field.name] = _text(given, LONGEST_TEXT if field.name in LONG_FIELDS else LONGEST_LINE)
    return Content(**values)


def _text(given: Any, longest: int) -> str:
    return given.replace("\x00", "").replace("\r\n", "\n").strip()[:longest] if isinstance(given, str) else ""


def _asked(given: Any) -> tuple[Asked, ...]:
    """One entry per capability, in the order given; a second one for the same capability replaces the first."""
    found: dict[str, Asked] = {}
    for row in given if isinstance(given, list | tuple) else ():
        if isinstance(row, Mapping) and (code := _text(row.get("capability"), 64)):
            found[code] = Asked(code, _text(row.get("scene"), LONGEST_TEXT), _text(row.get("value"), LONGEST_TEXT))
    return tuple(list(found.values())[:MOST_CAPABILITIES])


@dataclass(frozen=True)
class Change:
    """One difference between two contents. ``field`` is a field's name, or ``capabilities.CODE``; ``before`` and ``after`` are texts, None: not there."""

    field: str
    before: str | None
    after: str | None


def diff(before: Content, after: Content) -> list[Change]:
    """What changed, in the order of the fields; capabilities one by one, with scene and value apart."""
    changes = []
    for field in fields(Content):
        if field.name == "capabilities":
            changes += _capability_changes(before, after)
            continue
        old, new = _plain(getattr(before, field.name)), _plain(getattr(after, field.name))
        if old != new:
            changes.append(Change(field.name, old, new))
    return changes


def _plain(value: Any) -> str:
    return ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def _capability_changes(before: Content, after: Content) -> list[Change]:
    changes = []
    for code in dict.fromkeys([*before.codes, *after.codes]):
        old, new = before.asked(code), after.asked(code)
        if old is None or new is None:
            changes.append(Change(f"capabilities.{code}", None if old is None else code, None if new is None else code))
            continue
        for part in ("scene", "value"):
            if getattr(old, part) != getattr(new, part):
                changes.append(Change(f"capabilities.{code}.{part}", getattr(old, part), getattr(new, part)))
    return changes


def is_untouched(before: Content, after: Content, names: tuple[str, ...], capability: str = "") -> bool:
    """Whether the fields ``names`` (``*``: all) are the same in both; for one ``capability`` its own scene and value, and the demo."""
    if capability:
        return before.asked(capability) == after.asked(capability) and is_untouched(before, after, ("demo_url", "demo_other_url", "demo_file"))
    if names == ("*",):
        return before.content_hash() == after.content_hash()
    return not any(change.field.split(".")[0] in names for change in diff(before, after))


def item_untouched(before: Content, after: Content, item: str, capability: str = "") -> bool:
    """Whether everything by which an item is judged is the same in both contents."""
    if item in ITEMS_PER_CAPABILITY:
        return after.asked(capability) is not None and is_untouched(before, after, (), capability)
    return is_untouched(before, after, ITEM_FIELDS[item])
