"""Settings of the test run: the product's own, in a state folder of their own, without slow passwords and log-in pauses."""

import os
import tempfile
from pathlib import Path

os.environ["DEPLOYMENT"] = "local"
if "LOCAL_STATE_DIR" not in os.environ:
    # A fresh folder: embedded servers of a test run never meet those of a demo. conftest deletes it.
    _state = tempfile.mkdtemp(prefix="backoffice-tests-", dir="/var/tmp")  # noqa: S108
    os.environ["LOCAL_STATE_DIR"] = _state
    os.environ["BACKOFFICE_TEST_STATE"] = _state
    Path(_state).chmod(0o711)

from backoffice.settings import *

LOGGING_CONFIG = None  # pytest captures records itself
AXES_ENABLED = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    **STORAGES,  # noqa: F405
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
