"""``check_invariants``: everything that must hold whatever happened; exit code 1 on any breach, naming the rows."""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from backoffice.kernel.invariants import INVARIANTS, MOST_NAMED, find_breaches


class Command(BaseCommand):
    help = "Check every invariant of caps, cards, ledger and jobs; exit code 1 on any breach."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="the answer as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        breaches = find_breaches()
        if options["json"]:
            checks = [{"invariant": each.code, "meaning": each.meaning, "breaches": sum(b.invariant == each.code for b in breaches)} for each in INVARIANTS]
            named = [breach.as_json() for breach in breaches]
            answer = {
                "holds": not breaches,
                "checks": checks,
                "breaches": named,
                "most_named_a_check": MOST_NAMED,
                "seconds": round(time.monotonic() - started, 3),
            }
            self.stdout.write(json.dumps(answer, default=str))
        else:
            for each in INVARIANTS:
                mine = [breach for breach in breaches if breach.invariant == each.code]
                self.stdout.write(f"{'BROKEN' if mine else 'holds ':<8}{each.code}: {each.meaning}")
                for breach in mine:
                    self.stdout.write(f"    {breach.row} {json.dumps(breach.facts, default=str)}")
        if breaches:
            sys.exit(1)
