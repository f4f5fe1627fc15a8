"""Installed apps, and who a user is."""

from importlib.util import find_spec

__all__ = ["AUTH_USER_MODEL", "DEFAULT_AUTO_FIELD", "INSTALLED_APPS", "ROOT_URLCONF", "WSGI_APPLICATION"]

INSTALLED_APPS = [
    # The theme comes before the admin, whose templates it replaces.
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.import_export",
    "django.contrib.admin.apps.SimpleAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_celery_beat",
    "django_structlog",
    "import_export",
    "pgtrigger",
    # Ours.
    "backoffice",
    "backoffice.kernel.tenancy",
    "backoffice.kernel.audit",
    "backoffice.kernel.files",
    "backoffice.kernel.api",
    "members",
    "members.paid",
    "campaigns",
    "applications",
]
if find_spec("django_linear_migrations"):  # a development requirement: writes max_migration.txt beside the migrations
    INSTALLED_APPS.append("django_linear_migrations")

AUTH_USER_MODEL = "tenancy.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"
