"""The mail server for notices."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from backoffice.settings.env import env

__all__ = [
    "DEFAULT_FROM_EMAIL",
    "EMAIL_HOST",
    "EMAIL_HOST_PASSWORD",
    "EMAIL_HOST_USER",
    "EMAIL_PORT",
    "EMAIL_TIMEOUT",
    "EMAIL_USE_LOCALTIME",
    "EMAIL_USE_SSL",
    "EMAIL_USE_TLS",
]

_PORTS = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
_url = urlsplit(env.value("EMAIL_URL"))
try:
    EMAIL_PORT = _url.port or _PORTS.get(_url.scheme, 25)
except ValueError:
    raise ImproperlyConfigured("EMAIL_URL has a port that is none.") from None
if env.given("EMAIL_URL") and (_url.scheme not in _PORTS or not _url.hostname):
    raise ImproperlyConfigured("EMAIL_URL must be smtp://, smtps:// or smtp+plain:// with a host.")

EMAIL_HOST = _url.hostname or ""
EMAIL_HOST_USER = unquote(_url.username or "")
EMAIL_HOST_PASSWORD = unquote(_url.password or "")
EMAIL_USE_TLS = _url.scheme == "smtp"
EMAIL_USE_SSL = _url.scheme == "smtps"
EMAIL_TIMEOUT = 10
EMAIL_USE_LOCALTIME = True
DEFAULT_FROM_EMAIL: str = env.value("EMAIL_FROM")
