"""Uploaded files and static files."""

from backoffice.settings.env import LOCAL, env
from backoffice.settings.paths import LOCAL_STATE_DIR

__all__ = [
    "DATA_UPLOAD_MAX_MEMORY_SIZE",
    "DATA_UPLOAD_MAX_NUMBER_FIELDS",
    "DATA_UPLOAD_MAX_NUMBER_FILES",
    "FILE_UPLOAD_HANDLERS",
    "FILE_UPLOAD_PERMISSIONS",
    "MAX_UPLOAD_BYTES",
    "MEDIA_ROOT",
    "STATIC_ROOT",
    "STATIC_URL",
    "STORAGES",
    "WHITENOISE_MANIFEST_STRICT",
]

# Uploads go to a temporary file at once: a 200 MB file never lies in a web process's memory.
FILE_UPLOAD_HANDLERS = ["backoffice.kernel.files.uploads.LimitUploadHandler", "django.core.files.uploadhandler.TemporaryFileUploadHandler"]
FILE_UPLOAD_PERMISSIONS = 0o600
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
MAX_UPLOAD_BYTES = env.value("MAX_UPLOAD_MB") * 1_000_000

MEDIA_ROOT = env.value("FILES_DIR", LOCAL_STATE_DIR / "files")  # no MEDIA_URL: files are handed out by views that check rights

STATIC_URL = "/static/"
STATIC_ROOT = env.value("STATIC_DIR", LOCAL_STATE_DIR / "static")
WHITENOISE_MANIFEST_STRICT = env.deployment == LOCAL
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
