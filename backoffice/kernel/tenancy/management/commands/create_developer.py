"""``create_developer CODE NAME [--contact TEXT]``."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.services.developers import create_developer


class Command(BaseCommand):
    help = "Create a developer company, so that create_user can give it people."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("code", metavar="CODE", help="code of the developer, unique")
        parser.add_argument("name", metavar="NAME", help="name of the company")
        parser.add_argument("--contact", default="", help="DingTalk contact")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with translation.override("en"):
                developer = create_developer(code=options["code"], name=options["name"], contact=options["contact"], by=None, now=database_now())
        except BusinessError as error:
            with translation.override("en"):
                raise CommandError(str(error)) from error
        self.stdout.write(json.dumps({"developer": developer.code}) if options["as_json"] else f"Developer {developer.code} created.")
