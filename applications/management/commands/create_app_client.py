"""``create_app_client APP [--json]``."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import translation

from applications.models import App
from applications.services.clients import create_client_of_app
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError


class Command(BaseCommand):
    help = "Make the API client of an app. Its secret is shown once: the database keeps only a hash. What it may call is what the app was granted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("app", metavar="APP", help="the app's code")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        app = App.objects.filter(code=options["app"]).first()
        if app is None:
            raise CommandError(f"There is no app {options['app']}: developers make them in their console.")
        with translation.override("en"):
            try:
                made = create_client_of_app(app=app, by=None, now=database_now())
            except BusinessError as error:
                raise CommandError(str(error)) from error
        if options["as_json"]:
            self.stdout.write(json.dumps({"client_id": made.client.client_id, "client_secret": made.secret}))
        else:
            self.stdout.write(f"client_id:     {made.client.client_id}\nclient_secret: {made.secret}\nThe secret is not shown again.")
