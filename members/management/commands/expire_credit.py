"""``expire_credit``: empty every lot whose time has passed at a moment."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from members.services.credit.lapse import sweep_lapsed


class Command(BaseCommand):
    help = "Empty the credit lots that have lapsed, as each store's policy says."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the moment at which to look (default: the database's clock)")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        now: datetime = options["now"] or clock.database_now()
        swept = sweep_lapsed(now=now)
        answer = {
            "now": now.isoformat(),
            "accounts": swept.accounts,
            "lots": swept.lots,
            "payouts": swept.payouts,
            "paid_back": str(swept.paid_back),
            "void_principal": str(swept.void_principal),
            "void_bonus": str(swept.void_bonus),
            "seconds": round(time.monotonic() - started, 3),
        }
        self.stdout.write(json.dumps(answer) if options["json"] else _sentence(answer))


def _sentence(answer: dict[str, Any]) -> str:
    return (
        _(
            "%(lots)d lots of %(accounts)d accounts lapsed: %(paid_back)s yuan to be paid back in %(payouts)d payouts; "
            "void: %(void_principal)s yuan of principal, %(void_bonus)s yuan of bonus (%(seconds).1f s)"
        )
        % answer
    )
