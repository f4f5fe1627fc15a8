"""``issue_benefits``: issue every benefit of paid memberships that is due at a moment."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from members.paid.services.issue import run_issues


class Command(BaseCommand):
    help = "Issue the benefits of paid memberships that are due, end those whose days are over, and try again those without a code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the moment at which to look (default: the database's clock)")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        now: datetime = options["now"] or clock.database_now()
        done = run_issues(now=now)
        answer = {"now": now.isoformat(), **done.as_json(), "seconds": round(time.monotonic() - started, 3)}
        self.stdout.write(json.dumps(answer) if options["json"] else _sentence(answer))


def _sentence(answer: dict[str, Any]) -> str:
    return (
        _(
            "%(issued)d benefits of %(memberships)d paid memberships issued, %(failed)d wait for a coupon code, "
            "%(retried)d of earlier ones got theirs, %(expired)d expired (%(seconds).1f s)"
        )
        % answer
    )
