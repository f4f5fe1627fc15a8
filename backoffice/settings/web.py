"""Requests and pages."""

from ipaddress import ip_network

from django.core.exceptions import ImproperlyConfigured

from backoffice.settings.env import env
from backoffice.settings.paths import BASE_DIR

__all__ = ["API_CALLS_PER_SECOND", "METRICS_ALLOW", "MIDDLEWARE", "TEMPLATES", "TRUSTED_PROXIES"]

API_CALLS_PER_SECOND: int = env.value("API_CALLS_PER_SECOND")
TRUSTED_PROXIES: int = env.value("TRUSTED_PROXIES")
try:
    METRICS_ALLOW = [ip_network(place) for place in env.value("METRICS_ALLOW")]
except ValueError as error:
    raise ImproperlyConfigured(f"METRICS_ALLOW: {error}.") from None

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "backoffice.kernel.api.counting.CountCalls",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "backoffice.consoles.language.UserLanguageMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        # Before the apps': otherwise the theme's own admin/index.html wins over a console's dashboard.
        "DIRS": [BASE_DIR / "backoffice" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
