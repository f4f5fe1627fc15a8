"""``deliver_notices``: hand over what waits for mail and DingTalk."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from applications.services.deliver import deliver_notices
from backoffice.kernel import clock


class Command(BaseCommand):
    help = "Hand over notices about applications that wait for mail or DingTalk, as of one moment. Beat does it every ten seconds."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the business time of the run (default: the database's clock)")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        done = dict(deliver_notices(now=options["now"]))
        if options["json"]:
            self.stdout.write(json.dumps({"now": (options["now"] or clock.database_now()).isoformat(), "done": done}))
        else:
            self.stdout.write(", ".join(f"{name} {number}" for name, number in sorted(done.items())) or _("Nothing was due."))
