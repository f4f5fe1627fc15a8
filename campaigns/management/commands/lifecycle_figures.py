"""Figures of lifecycle messages by day, and lift."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import Store
from campaigns.selectors.lifecycle import Group, list_days, list_lifts


class Command(BaseCommand):
    help = "Shows of each local day and scenario what was due, sent, held back and held out, and the lift of each scenario."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--store", help="code of one store; all stores without it")
        parser.add_argument("--days", type=int, default=14, help="local days back, today the last (default 14)")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["days"] <= 366:
            raise CommandError("--days is 1 to 366.")
        store_ids = None
        if options["store"]:
            store = Store.objects.filter(code=options["store"]).first()
            if store is None:
                raise CommandError(f"There is no store {options['store']}.")
            store_ids = [store.pk]
        today = local_day(database_now())
        days = [
            {
                "day": one.day.isoformat(),
                "scenario": one.scenario,
                "due": one.due,
                "sent": one.sent,
                "waiting": one.waiting,
                "failed": one.failed,
                "held_out": one.held_out,
                "held_back": dict(sorted(one.held_back.items())),
            }
            for one in list_days(store_ids, first=today - timedelta(days=options["days"] - 1), last=today)
        ]
        lifts = [
            {"scenario": lift.scenario, "messaged": _group(lift.messaged), "held_out": _group(lift.held_out), "points": lift.points}
            for lift in list_lifts(store_ids, today=today)
        ]
        if options["json"]:
            self.stdout.write(json.dumps({"days": days, "lift": lifts}, ensure_ascii=False))
            return
        for day in days:
            self.stdout.write("  ".join(f"{name}={value}" for name, value in day.items()))
        for told in lifts:
            self.stdout.write("  ".join(f"{name}={value}" for name, value in told.items()))


def _group(group: Group) -> dict[str, Any]:
    return {"people": group.people, "buyers": group.buyers, "rate": group.rate}
