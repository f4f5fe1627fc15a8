"""Loads the demo's files through the importer, and decides and hands over the day's reminders: the product's own commands."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from backoffice.demo.manifest import BadRow, ExpectedReminders, FileEntry, Manifest
from backoffice.demo.merchant_files import write_files
from backoffice.embedded.errors import ServiceError
from backoffice.kernel import clock
from campaigns.models import ReminderSetting
from campaigns.services.settings import set_reminder


@dataclass
class Loaded:
    """What the importer reported: rows read, rows bad, seconds spent, files that it knew already. ``refused`` is the report on
    the file with mistakes, which must change nothing."""

    files: int = 0
    rows: int = 0
    bad: int = 0
    seconds: float = 0.0
    repeated: int = 0
    refused: dict[str, Any] = field(default_factory=dict)

    @property
    def rows_per_second(self) -> float:
        return self.rows / self.seconds if self.seconds else 0.0


def run_command(name: str, *arguments: str, **options: str | None) -> dict[str, Any]:
    """Run one of the product's commands, as from a shell, and return its JSON answer; ``refusal`` in it says that the command refused."""
    flags = [f"--{option.replace('_', '-')}={value}" for option, value in options.items() if value is not None]
    out = io.StringIO()
    refusal = ""
    try:
        call_command(name, *arguments, *flags, "--json", stdout=out, stderr=io.StringIO())
    except CommandError as error:
        refusal = str(error) or "refused"
    except SystemExit as error:
        refusal = f"ended with {error.code}" if error.code else ""
    text = out.getvalue().strip()
    answer: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
    if refusal:
        answer["refusal"] = refusal
    return answer


def prepare_files(folder: Path, *, now: datetime, gateway_url: Callable[[], str], customers: int | None = None) -> Manifest:
    """The demo's files: those of an earlier start of the same demo, or new ones as of ``now``, of the first so many ``customers``.

    They are made once. A demo that was stopped half-way goes on with them, and one that was finished finds every file known.
    """
    place = folder / "manifest.json"
    if not place.exists():
        local = clock.to_local(now)
        manifest = write_files(folder, local.date(), due_before=local.time().replace(second=0, microsecond=0), gateway_url=gateway_url(), customers=customers)
        _keep(manifest, place, now)
    return _kept(place)


def _keep(manifest: Manifest, place: Path, now: datetime) -> None:
    draft = place.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(manifest.as_json() | {"gateway_secrets": manifest.gateway_secrets, "made_at": now.isoformat()}, ensure_ascii=False))
    draft.rename(place)


def _kept(place: Path) -> Manifest:
    kept = json.loads(place.read_text())

    def money(value: str | None) -> Decimal | None:
        return None if value is None else Decimal(value)

    def entry(item: dict[str, Any]) -> FileEntry:
        totals = {name: money(item[name]) for name in ("control_total", "amount_total")}
        return FileEntry(**item | totals | {"bad_rows": tuple(BadRow(**row) for row in item["bad_rows"])})

    return Manifest(
        folder=place.parent,
        today=date.fromisoformat(kept["today"]),
        seed=kept["seed"],
        files=tuple(entry(item) for item in kept["files"]),
        extra_files=tuple(entry(item) for item in kept["extra_files"]),
        merchants=kept["merchants"],
        stores=kept["stores"],
        people=kept["people"],
        members=kept["members"],
        orders=kept["orders"],
        credit_total=Decimal(kept["credit_total"]),
        credit_expired=Decimal(kept["credit_expired"]),
        expected=ExpectedReminders(due=kept["expected"]["due"], platform_cap=kept["expected"]["platform_cap"]),
        gateway_secrets=kept["gateway_secrets"],
    )


def import_one(manifest: Manifest, entry: FileEntry, loaded: Loaded, say: Callable[[str], None]) -> None:
    """Load one file. Raises ServiceError when the importer refuses it."""
    started = time.monotonic()
    total = None if entry.control_total is None else str(entry.control_total)
    answer = run_command("import_file", entry.kind, str(manifest.path(entry)), store=entry.store, control_total=total)
    if "refusal" in answer:
        errors = answer.get("errors") or []
        raise ServiceError(f"The importer refused {entry.name}: {answer['refusal']} {errors[:3] if errors else ''}".rstrip())
    loaded.files += 1
    if answer.get("repeated"):
        loaded.repeated += 1
        say(f"{entry.name}: loaded before")
        return
    loaded.rows += answer["rows"]
    loaded.bad += answer["bad"]
    loaded.seconds += time.monotonic() - started
    say(f"{entry.name}: {answer['rows']:,} rows, {answer['rows_per_second']:,.0f} a second")


@contextmanager
def sending_now() -> Iterator[None]:
    """For the block the stores that were switched on today send at once; afterwards they have the times of their file again.

    The rule is that a store switched on after its send time starts tomorrow, and a demo should not take a day. The times
    are changed as staff would change them: by the service, with an entry in the audit log.
    """
    now = clock.database_now()
    today = clock.local_day(now)
    starting = ReminderSetting.objects.filter(enabled=True, enabled_at__gte=clock.day_start(today)).exclude(store__reminder_runs__local_day=today)
    moment = now + timedelta(seconds=1)
    settings = list(starting.select_related("store").order_by("pk"))
    for setting in settings:
        set_reminder(store=setting.store, enabled=True, send_time=clock.to_local(moment).time().replace(microsecond=0), by=None, now=now)
    while clock.database_now() < moment:
        time.sleep(0.1)
    yield
    for setting in settings:
        set_reminder(store=setting.store, enabled=True, send_time=setting.send_time, by=None, now=clock.database_now())


def import_mistakes(manifest: Manifest, loaded: Loaded, say: Callable[[str], None]) -> None:
    """Hand in the file with mistakes: it is refused as a whole, and leaves a fix-and-resend file in the import history."""
    for entry in manifest.extra_files:
        answer = run_command("import_file", entry.kind, str(manifest.path(entry)), store=entry.store, on_bad_rows="abort")
        loaded.refused = answer
        say(f"{entry.name}: refused as it should be, {answer.get('bad', 0)} bad rows")
