"""What the reviewer has typed on the page: read from a POST, laid over what is stored, saved through the services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from applications.choices import ITEMS_ONCE, ITEMS_PER_CAPABILITY, N2_PARTS, Item, Ruling, Verdict
from applications.rulings import Key, Sheet
from applications.selectors.desk import Desk
from applications.services.door import ClaimLost
from applications.services.review import judge, write_reason
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.tenancy.models import User

LONGEST = 5000


@dataclass(frozen=True)
class Line:
    """One item as typed or stored. ``parts`` are N2's three answers, each None while it is open."""

    answer: str = ""
    parts: tuple[bool | None, ...] = ()
    fact: str = ""
    fix: str = ""
    missed: bool = False

    @property
    def verdict(self) -> str:
        """What the line amounts to; empty while it is open."""
        if not self.parts:
            return self.answer
        if None in self.parts:
            return ""
        return (Verdict.FAIL if all(self.parts) else Verdict.PASS).value

    @property
    def is_explained(self) -> bool:
        return bool(self.fact.strip() and self.fix.strip())


@dataclass(frozen=True)
class Typed:
    """The whole verdict as the page shows it. ``outcome``: ``decide`` or ``changes``; ``errors``: a sentence beside the item that was refused."""

    lines: Mapping[Key, Line]
    rulings: Mapping[str, str] = field(default_factory=dict)
    outcome: str = "decide"
    message: str = ""
    errors: Mapping[Key, str] = field(default_factory=dict)

    def sheet(self, asked: list[str]) -> Sheet:
        """The checklist as it would be judged."""
        answers = {key: line.verdict for key, line in self.lines.items() if line.verdict}
        explained = frozenset(key for key, line in self.lines.items() if line.verdict == Verdict.FAIL and line.is_explained)
        return Sheet(asked, answers, explained)


def keys_of(desk: Desk) -> list[Key]:
    """Every item to be judged."""
    codes = [row.capability.code for row in desk.asked]
    return [*((item.value, "") for item in ITEMS_ONCE), *((item.value, code) for code in codes for item in ITEMS_PER_CAPABILITY)]


def name_of(key: Key) -> str:
    """How the page names an item: ``M1``, ``S1:member.read``."""
    return f"{key[0]}:{key[1]}" if key[1] else key[0]


def stored_lines(desk: Desk) -> dict[Key, Line]:
    """What the database has."""
    lines = {}
    for key in keys_of(desk):
        verdict, reason = desk.verdicts.get(key), desk.reasons.get(key)
        parts: tuple[bool | None, ...] = ()
        if key[0] == Item.N2:
            parts = tuple(verdict.parts) if verdict else (None,) * len(N2_PARTS)
        lines[key] = Line(
            verdict.answer if verdict else "", parts, reason.fact if reason else "", reason.fix if reason else "", bool(verdict and verdict.missed_earlier)
        )
    return lines


def read_typed(desk: Desk, post: Mapping[str, Any]) -> Typed:
    """What was posted; whatever is no answer counts as open."""
    lines = {}
    for key in keys_of(desk):
        name = name_of(key)
        answer = post.get(f"answer:{name}", "")
        parts: tuple[bool | None, ...] = ()
        if key[0] == Item.N2:
            parts = tuple({"yes": True, "no": False}.get(post.get(f"part:{name}:{number}", "")) for number in range(len(N2_PARTS)))
        lines[key] = Line(
            answer if answer in Verdict.values else "",
            parts,
            _text(post.get(f"fact:{name}", "")),
            _text(post.get(f"fix:{name}", "")),
            post.get(f"missed:{name}") == "on" and answer == Verdict.FAIL and key in desk.passed_before,
        )
    rulings = {row.capability.code: post.get(f"ruling:{row.capability.code}", "") for row in desk.asked}
    return Typed(
        lines=lines,
        rulings={code: ruling for code, ruling in rulings.items() if ruling in Ruling.values},
        outcome="changes" if post.get("outcome") == "changes" else "decide",
        message=_text(post.get("message", "")),
    )


def _text(given: str) -> str:
    return given.replace("\x00", "").replace("\r\n", "\n")[:LONGEST]


def save_typed(desk: Desk, typed: Typed, *, token: int, by: User, now: datetime) -> dict[Key, str]:
    """Judge what was judged anew and write the reasons that are whole. Returns a sentence for each item that was refused.

    Raises ``ClaimLost`` or ``StateConflict`` when the case is no longer the reviewer's: nothing more is saved then.
    """
    stored, capabilities = stored_lines(desk), {row.capability.code: row.capability for row in desk.asked}
    refused: dict[Key, str] = {}
    common: dict[str, Any] = {"case": desk.case, "token": token, "by": by, "now": now}
    for key, line in typed.lines.items():
        old, capability = stored[key], capabilities.get(key[1])
        try:
            if line.verdict and (line.verdict, line.parts, line.missed) != (old.verdict, old.parts, old.missed):
                judge(**common, item=key[0], answer=line.answer, parts=[bool(part) for part in line.parts], capability=capability, missed_earlier=line.missed)
            if line.verdict == Verdict.FAIL and line.is_explained and (line.fact.strip(), line.fix.strip()) != (old.fact, old.fix):
                write_reason(**common, rule=key[0], fact=line.fact, fix=line.fix, capability=capability)
        except (ClaimLost, StateConflict):
            raise
        except BusinessError as error:
            refused[key] = str(error)
    return refused
