"""Settings of the test run: the product's own, in a state folder of their own, without slow passwords and log-in pauses."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def _own_state_dir() -> str:
    """A fresh folder, removed when this process ends: embedded servers of a test run never meet those of a demo."""
    base = Path(os.environ.get("LOCAL_STATE_DIR") or "/var/tmp")
    base.mkdir(parents=True, exist_ok=True)
    state = tempfile.mkdtemp(prefix="backoffice-tests-", dir=base)
    Path(state).chmod(0o711)
    made_by = os.getpid()
    atexit.register(lambda: os.getpid() == made_by and shutil.rmtree(state, ignore_errors=True))
    return state


os.environ["DEPLOYMENT"] = "local"
# Set already in commands that a test starts as processes of their own: they share the run's servers. Each process of a parallel run has its own.
_MARK = f"BACKOFFICE_TEST_STATE_{os.environ.get('PYTEST_XDIST_WORKER', '')}"
os.environ[_MARK] = os.environ.get(_MARK) or _own_state_dir()
os.environ["LOCAL_STATE_DIR"] = os.environ[_MARK]

from backoffice.settings import *

LOGGING_CONFIG = None  # pytest captures records itself
AXES_ENABLED = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
DASHBOARD_KEEP_SECONDS = 0
