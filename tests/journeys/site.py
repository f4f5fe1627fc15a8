"""A real web process and a real worker on the test's database, and a gateway: what a journey over HTTP walks through."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from django.conf import settings

from backoffice.embedded.site import LocalSite, choose_port
from tests.campaigns.processes import ROOT, environment
from tests.chaos.workers import empty_queues, worker, zone_far_from_midnight


@dataclass(frozen=True)
class Site:
    """``address`` of the web process; ``environment`` in which the product's commands reach the same database."""

    address: str
    environment: dict[str, str]

    def command(self, *arguments: str) -> str:
        """Standard output of ``manage.py``."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.environment, text=True, capture_output=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def running_site(folder: Path) -> Iterator[Site]:
    """gunicorn and a Celery worker until the block ends. The test counts days in the same zone as they do, far from midnight."""
    zone = settings.TIME_ZONE = zone_far_from_midnight()
    empty_queues()
    own: dict[str, Any] = {**environment(), "LOCAL_TIME_ZONE": zone}
    site = LocalSite(base=ROOT, state=folder, port=choose_port(None, first=8500), env=own, say=lambda _text: None)
    try:
        site.start_web()
        _wait(site)
        with worker(folder / "worker.log"):
            yield Site(site.address, own)
    finally:
        site.stop()


def _wait(site: LocalSite) -> None:
    """Until the process answers; its pages would need collected static files."""
    deadline = time.monotonic() + 90
    while True:
        try:
            if requests.get(f"{site.address}/healthz", timeout=5).ok:
                return
        except requests.ConnectionError:
            assert site.programs["web"].running, site.programs["web"].last_lines()
        assert time.monotonic() < deadline, site.programs["web"].last_lines()
        time.sleep(0.1)
