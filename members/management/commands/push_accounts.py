"""``push_accounts``: figures of push accounts at a moment; folds in what changed, and recounts buyers on request."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store
from members.selectors.fans import get_push_numbers, list_account_figures
from members.selectors.marks import list_marks
from members.services.purchases import recount_buyers
from members.services.push_accounts import fold_figures


class Command(BaseCommand):
    help = "Fold in what changed in the figures of push accounts, and show them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--store", action="append", metavar="CODE", help="only this store; may be given several times")
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the moment of the figures (default: the database's clock)")
        parser.add_argument("--recount", action="store_true", help="count anew what everybody bought, store by store: after an upgrade under load")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        now: datetime = options["now"] or clock.database_now()
        stores = list(Store.objects.order_by("code"))
        if options["store"]:
            missing = sorted(set(options["store"]) - {store.code for store in stores})
            if missing:
                raise CommandError(_("There is no store “%(store)s”.") % {"store": missing[0]})
            stores = [store for store in stores if store.code in options["store"]]
        if options["recount"]:
            for store in stores:
                recount_buyers(store_ids=[store.pk])
        while fold_figures(now=now).more:
            pass
        figures, numbers = list_account_figures([store.pk for store in stores], now), get_push_numbers()
        accounts = []
        for store in stores:
            found = figures[store.pk]
            accounts.append(
                {
                    "store": store.code,
                    "fans": found.fans,
                    "subscribers": found.subscribers,
                    "returning_fans": found.returning_fans,
                    "posts": found.posts_in_window,
                    "seen_fans": found.seen_fans,
                    "revisit_rate": f"{found.revisit_rate:.6f}",
                    "marks": [mark.code for mark in list_marks(found, numbers) if mark.is_met],
                }
            )
        answer = {"now": now.isoformat(), "accounts": accounts, "seconds": round(time.monotonic() - started, 3)}
        if options["json"]:
            self.stdout.write(json.dumps(answer))
            return
        for account in accounts:
            self.stdout.write(
                _("%(store)s: %(fans)d fans, %(subscribers)d subscribers, %(returning_fans)d returning fans, %(posts)d posts, %(seen_fans)d fans seen again")
                % account
            )
