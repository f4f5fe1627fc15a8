"""Prove that entries, lots and accounts agree. Exit code 1 on any difference, with the rows named."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from members.selectors.proof import prove_ledger


class Command(BaseCommand):
    help = "Compare the ledger's entries with its lots and accounts. Exits 1 on any difference."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON on standard output")

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        proof = prove_ledger()
        if as_json:
            self.stdout.write(json.dumps(proof.as_json(), ensure_ascii=False))
        else:
            self.stdout.write(
                f"{proof.accounts} accounts, {proof.lots} lots, {proof.entries} entries, {proof.balance} yuan: {proof.difference_count} differences"
            )
            for difference in proof.differences:
                self.stdout.write(f"{difference.what} {difference.id}: {difference.rule}: told {difference.told}, proved {difference.proved}")
        if not proof.holds:
            sys.exit(1)
