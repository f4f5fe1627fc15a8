"""``advance_applications``: do what time alone brings about."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from applications.services.numbers import recount_due_dates
from applications.services.sweep import advance
from backoffice.kernel import clock


class Command(BaseCommand):
    help = "Let rulings take effect, claims and waits run out, strikes count, grants expire, apps pause, as of one moment."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the business time of the run (default: the database's clock)")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        now = options["now"] or clock.database_now()
        done = dict(advance(now=now))
        if recounted := recount_due_dates(now=now):
            done["recounted"] = recounted
        if options["json"]:
            self.stdout.write(json.dumps({"now": now.isoformat(), "done": done}))
        else:
            self.stdout.write(", ".join(f"{name} {number}" for name, number in sorted(done.items())) or _("Nothing was due."))
