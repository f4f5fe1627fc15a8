"""``create_client NAME --scope platform|store:CODE [...] [--json]``."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from backoffice.kernel.api.scopes import PLATFORM, code_in
from backoffice.kernel.api.services.clients import create_client
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.models import Store


class Command(BaseCommand):
    help = "Make a client of the API. Its secret is shown once: the database keeps only a hash."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="what the client is called in the consoles")
        parser.add_argument("--scope", required=True, nargs="+", action="extend", metavar="SCOPE", help="platform, or store:CODE for each store")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        asked: list[str] = options["scope"]
        codes = {scope: code_in(scope) for scope in asked if scope != PLATFORM}
        stores = {store.code: store for store in Store.objects.filter(code__in=[code for code in codes.values() if code])}
        for scope, code in codes.items():
            if code is None:
                raise CommandError(f"'{scope}' is no scope: write platform, or store:CODE.")
            if code not in stores:
                raise CommandError(f"There is no store {code}: load it with 'import_file stores PATH', or add it in the platform console.")
        with translation.override("en"):
            try:
                made = create_client(name=options["name"], is_platform=PLATFORM in asked, stores=list(stores.values()), by=None, now=database_now())
            except BusinessError as error:
                raise CommandError(str(error)) from error
        if options["as_json"]:
            self.stdout.write(json.dumps({"client_id": made.client.client_id, "client_secret": made.secret}))
        else:
            self.stdout.write(f"client_id:     {made.client.client_id}\nclient_secret: {made.secret}\nThe secret is not shown again.")
