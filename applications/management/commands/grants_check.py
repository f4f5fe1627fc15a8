"""``grants_check``: may this app use this capability for this store, and why not?"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from applications.selectors.grants import REASONS, grants_check
from backoffice.kernel import clock


class Command(BaseCommand):
    help = "Say whether an app may use a capability for a store at a moment, and why not. Exit code 1 when it may not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--app", required=True, metavar="CODE")
        parser.add_argument("--capability", required=True, metavar="CODE")
        parser.add_argument("--store", required=True, metavar="CODE")
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the moment (default: the database's clock)")
        parser.add_argument("--json", action="store_true", help="the answer as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        answer = grants_check(options["app"], options["capability"], options["store"], now=options["now"] or clock.database_now())
        if options["json"]:
            self.stdout.write(json.dumps({"allowed": answer.allowed, "reason": answer.reason}))
        else:
            self.stdout.write(str(REASONS[answer.reason]))
        if not answer.allowed:
            raise SystemExit(1)
