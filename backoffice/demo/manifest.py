"""What the demo wrote, with the figures that its import and its reminders must reach."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from backoffice.demo.population import EXPIRY_WINDOW_DAYS, Population

PLATFORM_DAY_CAP = 10


@dataclass(frozen=True, slots=True)
class BadRow:
    """One deliberate mistake: line in the file (the header is line 1), English column, what is wrong."""

    line: int
    column: str
    mistake: str


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file: ``name`` relative to the folder, ``kind`` as ``import_file`` takes it.

    ``store`` is None only for the stores file. ``encoding`` is a Python codec or "xlsx".
    ``control_total``: principal + bonus of all rows in yuan, for credit files, else None.
    ``amount_total``: yuan paid, for orders files, else None.
    """

    name: str
    kind: str
    store: str | None
    encoding: str
    rows: int
    control_total: Decimal | None = None
    amount_total: Decimal | None = None
    bad_rows: tuple[BadRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedReminders:
    """What one run on the manifest's day must decide when every reminder is due for the first time.

    ``due`` counts cards by scenario before the caps; ``platform_cap`` how many of them the cap of
    ten a person and day holds back. Which of a person's cards are held back is the run's choice.
    """

    due: dict[str, int]
    platform_cap: int

    @property
    def sent(self) -> int:
        return sum(self.due.values()) - self.platform_cap


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about the written files. ``gateway_secrets`` maps a store to its own secret."""

    folder: Path
    today: date
    seed: int
    files: tuple[FileEntry, ...]
    extra_files: tuple[FileEntry, ...]
    merchants: int
    stores: int
    people: int
    members: int
    orders: int
    credit_total: Decimal
    credit_expired: Decimal
    expected: ExpectedReminders
    gateway_secrets: dict[str, str] = field(repr=False)

    @property
    def credit_live(self) -> Decimal:
        """Yuan that are not past their expiry on the manifest's day."""
        return self.credit_total - self.credit_expired

    def path(self, entry: FileEntry) -> Path:
        return self.folder / entry.name

    def of_kind(self, kind: str) -> list[FileEntry]:
        """The main files of one kind, in the order in which they load."""
        return [entry for entry in self.files if entry.kind == kind]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values, money as strings; the gateway secrets stay out."""
        plain = asdict(self)
        del plain["gateway_secrets"]
        plain["expected"]["sent"] = self.expected.sent
        plain["credit_live"] = self.credit_live
        plain_json: dict[str, Any] = json.loads(json.dumps(plain, default=str))
        return plain_json

    def write_gateway_secrets(self, path: Path, default: str) -> None:
        """Write the file that ``python -m backoffice.demo.gateway --secrets`` reads, for the owner only."""
        path.touch(mode=0o600, exist_ok=True)
        path.write_text(json.dumps({"default": default, "stores": self.gateway_secrets}), encoding="utf-8")


def yuan(fen: int) -> Decimal:
    """Exact yuan with two decimals."""
    return Decimal(fen).scaleb(-2)


def expect_reminders(population: Population, today: date) -> ExpectedReminders:
    """Work out from the rows alone what a first run of every reminding shop has to decide."""
    due = {"EXPIRY_REMINDER": 0, "BALANCE_REMINDER": 0}
    cards_of: dict[int, int] = {}
    for rows in population.shops:
        if rows.shop.send_time is None:
            continue
        for member in rows.members:
            live = [lot for lot in member.lots if lot.expires_on is None or lot.expires_on >= today]
            if not any(lot.total_fen for lot in live):
                continue
            soon = any(lot.expires_on and (lot.expires_on - today).days <= EXPIRY_WINDOW_DAYS for lot in live)
            due["EXPIRY_REMINDER" if soon else "BALANCE_REMINDER"] += 1
            cards_of[member.person] = cards_of.get(member.person, 0) + 1
    held_back = sum(max(0, cards - PLATFORM_DAY_CAP) for cards in cards_of.values())
    return ExpectedReminders(due=due, platform_cap=held_back)
