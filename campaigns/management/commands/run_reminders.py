"""``run_reminders``: decide what is due at a moment, and with ``--dispatch`` hand it over."""

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
from campaigns.services.decide import Decided
from campaigns.services.runs import run_reminders


class Command(BaseCommand):
    help = "Decide the reminders that are due."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--store", action="append", metavar="CODE", help="only this store; may be given several times")
        parser.add_argument("--now", type=clock.parse_moment, metavar="ISO8601", help="the moment at which to decide (default: the database's clock)")
        parser.add_argument("--dispatch", action="store_true", help="hand over what waits, too")
        parser.add_argument("--json", action="store_true", help="the summary as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        started = time.monotonic()
        fixed: datetime | None = options["now"]
        store_ids = _store_ids(options["store"])
        summary = run_reminders(now=(lambda: fixed) if fixed else clock.database_now, store_ids=store_ids, progress=self._show_progress)
        sent = failed = 0
        if options["dispatch"]:
            from campaigns.services.dispatch import dispatch

            handed_over = dispatch(now=fixed)
            sent, failed = handed_over.sent, handed_over.failed
        answer = {
            "now": summary.now.isoformat(),
            "stores": len(summary.total.stores),
            "due": summary.total.due,
            "decided": dict(summary.total.decided),
            "suppressed": dict(summary.total.suppressed),
            "sent": sent,
            "failed": failed,
            "seconds": round(time.monotonic() - started, 3),
        }
        self.stdout.write(json.dumps(answer) if options["json"] else _sentence(answer))

    def _show_progress(self, total: Decided) -> None:
        self.stderr.write(_("%(stores)d stores, %(due)d cards due") % {"stores": len(total.stores), "due": total.due})


def _store_ids(codes: list[str] | None) -> list[int] | None:
    if codes is None:
        return None
    found = dict(Store.objects.filter(code__in=codes).values_list("code", "pk"))
    unknown = [code for code in codes if code not in found]
    if unknown:
        raise CommandError(_("There is no store %(code)s.") % {"code": ", ".join(unknown)})
    return list(found.values())


def _sentence(answer: dict[str, Any]) -> str:
    decided = ", ".join(f"{name} {number}" for name, number in answer["decided"].items()) or "0"
    suppressed = ", ".join(f"{name} {number}" for name, number in answer["suppressed"].items()) or "0"
    return _("%(stores)d stores, %(due)d cards due; to be sent: %(decided)s; held back: %(suppressed)s; sent %(sent)d, failed %(failed)d (%(seconds).1f s)") % {
        **answer,
        "decided": decided,
        "suppressed": suppressed,
    }
