"""``create_user NAME --role ROLE [--merchant CODE] [--store CODE ...] [--developer CODE] --password-stdin``."""

from __future__ import annotations

import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import translation

from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Developer, Merchant, Store
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.users import create_user, grant_seat


class Command(BaseCommand):
    help = "Create a user with one seat. The password is read from standard input (its first line)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME", help="log-in name")
        parser.add_argument("--role", required=True, choices=Role.values, metavar="ROLE", help=", ".join(Role.values))
        parser.add_argument("--merchant", metavar="CODE", help="merchant of a MERCHANT_ role")
        parser.add_argument("--store", metavar="CODE", action="append", help="a store of the merchant; repeat for more; without it: all stores")
        parser.add_argument("--developer", metavar="CODE", help="developer of a DEVELOPER_ role")
        parser.add_argument("--display-name", default="", help="name shown in the consoles")
        parser.add_argument("--language", default=Language.ZH_HANS.value, choices=Language.values)
        parser.add_argument("--password-stdin", action="store_true", required=True, help="read the password from standard input")
        parser.add_argument("--json", action="store_true", dest="as_json", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        password = sys.stdin.readline().rstrip("\r\n")
        if not password:
            raise CommandError("No password on standard input: pipe it in, e.g. printf '%s' \"$PASSWORD\" | manage.py create_user ...")
        merchant = self._merchant(options["merchant"])
        stores = self._stores(merchant, options["store"])
        developer = self._developer(options["developer"])
        now = database_now()
        try:
            with translation.override("en"), transaction.atomic():
                user = create_user(
                    username=options["name"], password=password, display_name=options["display_name"], language=options["language"], by=None, now=now
                )
                grant_seat(user=user, role=options["role"], merchant=merchant, stores=stores, developer=developer, by=None, now=now)
        except BusinessError as error:
            with translation.override("en"):
                raise CommandError(str(error)) from error
        if options["as_json"]:
            self.stdout.write(json.dumps({"user": user.username, "role": options["role"]}))
        else:
            self.stdout.write(f"User {user.username} created with the role {options['role']}.")

    def _merchant(self, code: str | None) -> Merchant | None:
        if code is None:
            return None
        merchant = Merchant.objects.filter(code=code).first()
        if merchant is None:
            raise CommandError(f"There is no merchant {code}: load it with 'import_file stores PATH', or add it in the platform console.")
        return merchant

    def _stores(self, merchant: Merchant | None, codes: list[str] | None) -> list[Store] | None:
        if codes is None:
            return None
        if merchant is None:
            raise CommandError("--store needs --merchant.")
        found = {store.code: store for store in Store.objects.filter(merchant=merchant, code__in=codes)}
        missing = [code for code in codes if code not in found]
        if missing:
            raise CommandError(f"Merchant {merchant.code} has no store {', '.join(missing)}.")
        return list(found.values())

    def _developer(self, code: str | None) -> Developer | None:
        if code is None:
            return None
        developer = Developer.objects.filter(code=code).first()
        if developer is None:
            raise CommandError(f"There is no developer {code}: make it with 'manage.py create_developer {code} NAME', or in the platform console.")
        return developer
