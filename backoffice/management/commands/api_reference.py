"""``api_reference [--write | --check]``: the calls in docs/interfaces.md."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.utils import translation

from backoffice.api import api
from backoffice.kernel.api.reference import calls_reference, renew


def page() -> Path:
    return Path(settings.BASE_DIR) / "docs" / "interfaces.md"


def document() -> dict[str, Any]:
    """The OpenAPI document as clients get it."""
    with translation.override("en"):
        loaded: dict[str, Any] = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str))
    return loaded


class Command(BaseCommand):
    help = "Prints the reference of the API's calls; --write renews it in docs/interfaces.md, --check fails when that is old."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--write", action="store_true")
        parser.add_argument("--check", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        place = page()
        if options["check"]:
            text = place.read_text(encoding="utf-8")
            if renew(text, document()) != text:
                raise CommandError("docs/interfaces.md does not have the calls as the API documents them: run manage.py api_reference --write.")
        elif options["write"]:
            place.write_text(renew(place.read_text(encoding="utf-8"), document()), encoding="utf-8")
        else:
            self.stdout.write(calls_reference(document()))
