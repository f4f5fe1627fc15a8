from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Collects new words into the packages' .po files and compiles them; --check only looks, and fails when something is left to do."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            from backoffice import catalogues
        except ImportError:
            raise CommandError("This command needs the development requirements: make setup-dev.") from None
        left = 0
        for package in catalogues.packages():
            if not options["check"]:
                added = catalogues.add_missing(package)
                catalogues.compile_catalogue(package)
                if added:
                    self.stdout.write(f"{package.name}: {added} new words to translate in {catalogues.po_file(package)}")
            for used in catalogues.missing_words(package):
                left += 1
                self.stdout.write(f"{used.place}: no translation of {used.word.text!r}")
            for fault in catalogues.faults(package):
                left += 1
                self.stdout.write(f"{package.name}: {fault}")
            if not catalogues.is_compiled(package):
                left += 1
                self.stdout.write(f"{package.name}: the compiled catalogue is old")
        if left:
            raise CommandError(f"{left} things are left to do in the catalogues.")
        self.stdout.write("The catalogues are complete.")
