"""Run by test_site.py as a process of its own: servers, web, worker and beat, until it is stopped."""

from __future__ import annotations

import sys
import time

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from backoffice.embedded.servers import embedded_servers
from backoffice.embedded.signals import StopRequested, StopSignals
from backoffice.embedded.site import LocalSite, choose_port
from backoffice.settings.env import env


def main() -> None:
    django.setup()
    StopSignals().install()
    site = None
    with embedded_servers(settings.LOCAL_STATE_DIR, env, volatile=True) as servers:
        try:
            call_command("migrate", verbosity=0)
            call_command("collectstatic", verbosity=0, interactive=False)
            connections.close_all()
            site = LocalSite(base=settings.BASE_DIR, state=settings.LOCAL_STATE_DIR, port=choose_port(None), env={}, say=print)
            site.start_web()
            site.start_background()
            site.wait_for_web()
            print(f"ready {site.address}", flush=True)
            while True:
                time.sleep(0.2)
                servers.restart_dead()
                site.restart_dead()
        except StopRequested:
            print("stopping", flush=True)
        finally:
            if site is not None:
                site.stop()


if __name__ == "__main__":
    sys.exit(main())
