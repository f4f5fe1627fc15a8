from __future__ import annotations

import signal
import time
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from backoffice.embedded.errors import ServiceError
from backoffice.embedded.processes import stop_with_parent
from backoffice.embedded.signals import StopRequested, StopSignals
from backoffice.settings.env import LOCAL


class Command(BaseCommand):
    help = "Shows the whole product on real files: loads them, runs the reminders, and stays up until Ctrl+C."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="print the summary and end; exit code 1 when the main job did not happen")
        parser.add_argument("--port", type=int, help="port of the web process on 127.0.0.1; without it the first free one from 8000")
        parser.add_argument("--customers", type=int, help="only the first so many customers of the data set; without it all 23,570")
        parser.add_argument("--stop-with-parent", action="store_true", help="end when the process that started this one ends")

    def handle(self, *args: Any, **options: Any) -> None:
        from backoffice.demo.show import Show

        if settings.DEPLOYMENT != LOCAL:
            raise CommandError("The demo fills its database with made-up members: it runs only with DEPLOYMENT=local.")
        self.began = time.monotonic()
        if options["stop_with_parent"]:
            stop_with_parent(signal.SIGTERM)
        signals = StopSignals()
        signals.install()
        try:
            with Show(port=options["port"], customers=options["customers"], say=self._say) as show:
                wrong = self._run(show)
                if options["once"]:
                    if wrong:
                        raise CommandError("The main job did not happen. " + " ".join(wrong))
                    return
                self._say("Everything is up. Ctrl+C stops it.")
                show.keep_up()
        except StopRequested:
            self._say("Stopped.")
            if options["once"]:
                raise CommandError("Stopped before the summary.") from None
        except ServiceError as error:
            raise CommandError(str(error)) from None

    def _run(self, show: Any) -> list[str]:
        show.start_servers()
        show.prepare_database()
        now = show.start_site()
        show.load(now)
        show.remind()
        show.pay()
        summary, wrong = show.judge(now)
        self.stdout.write("")
        for line in (*show.lines(summary), "", *show.login_lines()):
            self.stdout.write(line)
        for sentence in wrong:
            self.stderr.write(sentence)
        return list(wrong)

    def _say(self, sentence: str) -> None:
        self.stdout.write(f"[{time.monotonic() - self.began:6.1f} s] {sentence}")
        self.stdout.flush()
