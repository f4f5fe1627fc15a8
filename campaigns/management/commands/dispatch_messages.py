"""``dispatch_messages``: hand over what waits, until nothing claimable or leased remains."""

from __future__ import annotations

import dataclasses
import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from campaigns.services.dispatch import dispatch


class Command(BaseCommand):
    help = "Hand over the messages that wait, and return when nothing claimable or leased remains."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the business time of the run (default: the database's clock, moving)")
        parser.add_argument("--max", type=int, metavar="N", help="hand over at most so many messages")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        fixed: datetime | None = options["now"]
        report = dispatch(now=fixed, limit=options["max"])
        answer = {"now": (fixed or clock.database_now()).isoformat(), **dataclasses.asdict(report)}
        self.stdout.write(json.dumps(answer) if options["json"] else _sentence(answer))
        if answer["without_gateway"]:
            self.stderr.write(_("%(without_gateway)d messages wait because their stores have no gateway address.") % answer)


def _sentence(answer: dict[str, Any]) -> str:
    return (
        _(
            "sent %(sent)d, failed %(failed)d, to be tried again %(retried)d, outcome unknown %(unknown)d, cancelled %(cancelled)d, missed %(missed)d; "
            "%(waiting)d waiting (%(seconds).1f s)"
        )
        % answer
    )
