from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from backoffice.settings.env import reference


def reference_file() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "settings.md"


class Command(BaseCommand):
    help = "Prints the reference of every environment variable; --write renews docs/settings.md, --check fails when it is old."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        place = reference_file()
        if options["check"]:
            if not place.is_file() or place.read_text(encoding="utf-8") != reference():
                raise CommandError("docs/settings.md is not what backoffice/settings/env.py declares: run manage.py settings_reference --write.")
        elif options["write"]:
            place.write_text(reference(), encoding="utf-8")
        else:
            self.stdout.write(reference(), ending="")
