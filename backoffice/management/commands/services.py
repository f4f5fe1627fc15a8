from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from backoffice.embedded.errors import ServiceError
from backoffice.embedded.servers import embedded_servers
from backoffice.embedded.signals import StopRequested, StopSignals
from backoffice.settings.env import env


class Command(BaseCommand):
    help = "Keeps the embedded PostgreSQL and broker up until Ctrl+C. DATABASE_URL and CELERY_BROKER_URL each replace one of them."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seconds", type=float, default=0, help="stop by itself after this long; 0 stays up")

    def handle(self, *args: Any, **options: Any) -> None:
        signals = StopSignals()
        signals.install()
        try:
            with embedded_servers(settings.LOCAL_STATE_DIR, env, say=self._say) as servers:
                if not servers.servers:
                    self._say("DATABASE_URL and CELERY_BROKER_URL are set: there is nothing to start.")
                    return
                self._say(f"Data and logs are in {settings.LOCAL_STATE_DIR}. Ctrl+C stops the servers.")
                end = time.monotonic() + options["seconds"] if options["seconds"] else None
                while end is None or time.monotonic() < end:
                    time.sleep(0.5)
                    servers.restart_dead()
        except StopRequested:
            self._say("Stopped.")
        except ServiceError as error:
            raise CommandError(str(error)) from None

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()
