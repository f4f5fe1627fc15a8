"""``why_not``: every candidate message of a member on a day, with its outcome and reason."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from backoffice.kernel import clock
from campaigns.selectors.why_not import Candidate, get_why_not
from campaigns.selectors.why_not_words import explain, name_outcome, name_scenario
from members.models import Member


class Command(BaseCommand):
    help = "Say for a member and a day why which message went or did not go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--member", required=True, metavar="STORE:NUMBER", help="store code and member number")
        parser.add_argument("--date", required=True, type=date.fromisoformat, metavar="YYYY-MM-DD", help="the local day")
        parser.add_argument("--json", action="store_true", help="the answer as JSON on standard output")

    def handle(self, *args: Any, **options: Any) -> None:
        store, _colon, number = options["member"].partition(":")
        member = Member.objects.select_related("store").filter(store__code=store, member_no=number).first()
        if member is None:
            raise CommandError(_("There is no member %(number)s in a store %(store)s. Write STORE:NUMBER.") % {"number": number, "store": store})
        candidates = get_why_not(member, options["date"], now=clock.database_now(), all_stores=True)
        if options["json"]:
            answer = {"store": store, "member_no": number, "date": options["date"].isoformat(), "messages": [as_json(candidate) for candidate in candidates]}
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for candidate in candidates:
            words = {"scenario": name_scenario(candidate.scenario), "outcome": name_outcome(candidate), "explanation": explain(candidate)}
            self.stdout.write(_("%(scenario)s: %(outcome)s. %(explanation)s") % words)


def as_json(candidate: Candidate) -> dict[str, Any]:
    return {
        "scenario": candidate.scenario,
        "outcome": candidate.outcome,
        "reason": candidate.reason or None,
        "also": list(candidate.also),
        "message": candidate.message_id,
        "at": clock.to_local(candidate.at).isoformat() if candidate.at else None,
        "facts": candidate.facts,
        "taken_by": [{"message": taker.id, "scenario": taker.scenario, "store": taker.store} for taker in candidate.takers],
        "explanation": explain(candidate),
    }
