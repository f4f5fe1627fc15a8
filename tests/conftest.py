"""Servers, browser and network of a test run. Factories are plain functions in `tests/factories.py`."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

_STOP = ExitStack()
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_configure(config: pytest.Config) -> None:
    """Start the embedded servers whose address the environment does not give; they die with this process."""
    from django.conf import settings

    from backoffice.embedded.servers import embedded_servers
    from backoffice.settings.env import env

    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # the browser's driver runs an event loop in the thread that uses the ORM
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)
    _drop_with_force()
    only_leads = bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
    if not config.option.collectonly and not only_leads:
        _sweep(Path(settings.LOCAL_STATE_DIR).parent)
        _STOP.enter_context(embedded_servers(settings.LOCAL_STATE_DIR, env, volatile=True))


def _drop_with_force() -> None:
    """The test database goes at the end, whatever sessions of threads and killed processes are still open in it."""
    from django.db.backends.postgresql.creation import DatabaseCreation

    def destroy(self: Any, name: str, verbosity: int) -> None:
        with self._nodb_cursor() as cursor:
            cursor.execute(f"DROP DATABASE {self._quote_name(name)} WITH (FORCE)")

    DatabaseCreation._destroy_test_db = destroy


def _sweep(folder: Path) -> None:
    """Remove what killed test runs left in ``folder``: our state folders of an hour ago whose lock nobody holds."""
    for place in folder.glob("backoffice-tests-*/servers.lock"):
        about = place.stat()
        if about.st_uid != os.geteuid() or about.st_mtime > time.time() - 3600:
            continue
        with place.open("rb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            shutil.rmtree(place.parent, ignore_errors=True)


def pytest_unconfigure() -> None:
    _STOP.close()


def _allowed_hosts() -> set[str]:
    """Loopback, and the servers that were given by URL."""
    from urllib.parse import urlsplit

    given = {urlsplit(os.environ.get(name, "")).hostname for name in ("DATABASE_URL", "CELERY_BROKER_URL")}
    return {"localhost", "::1", *(host for host in given if host)}


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> Iterator[None]:
    """A test that reaches for the network fails instead of depending on it."""
    allowed = _allowed_hosts()
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            host = str(address[0])
            if host not in allowed and not host.startswith("127."):
                raise PermissionError(f"A test tried to reach {host}: only loopback is allowed.")
        real_connect(self, address)

    patch = pytest.MonkeyPatch()
    patch.setattr(socket.socket, "connect", connect)
    yield
    patch.undo()


def _ship(app_config: Any) -> None:
    """What migrations bring comes back after a test that committed has emptied the tables, so that tests run in any order."""
    from django.apps import apps

    from tests.factories import ship_identity_kinds

    if app_config.label == "members":
        ship_identity_kinds()
    if app_config.label == "applications":
        import_module("applications.migrations.0002_working_calendar").fill(apps, None)


@pytest.fixture(scope="session", autouse=True)
def _shipped_rows() -> None:
    from django.db.models.signals import post_migrate

    post_migrate.connect(lambda sender, **_told: _ship(sender), weak=False, dispatch_uid="shipped rows")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Chromium of the machine: the browser's driver brings none."""
    found = next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium fonts-noto-cjk)")
    quiet = "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync"
    return {"executable_path": found, "args": quiet.split()}


@pytest.fixture
def browser_context_args() -> dict[str, Any]:
    """A window of a staff member in China. Tests that want English pass another locale."""
    return {"locale": "zh-CN", "timezone_id": "Asia/Shanghai", "viewport": {"width": 1440, "height": 900}}
