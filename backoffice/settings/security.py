"""Keys, TLS and response headers."""

from __future__ import annotations

from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE

from backoffice.embedded.keys import local_keys
from backoffice.settings.env import LOCAL, PRODUCTION, env
from backoffice.settings.paths import LOCAL_STATE_DIR

__all__ = [
    "ALLOWED_HOSTS",
    "CONTENT_SECURITY_POLICY",
    "CSRF_TRUSTED_ORIGINS",
    "DEBUG",
    "DEPLOYMENT",
    "FIELD_ENCRYPTION_KEYS",
    "GATEWAY_SECRET",
    "LOOKUP_HASH_KEY",
    "SECRET_KEY",
    "SECRET_KEY_FALLBACKS",
    "SECURE_CONTENT_TYPE_NOSNIFF",
    "SECURE_CROSS_ORIGIN_OPENER_POLICY",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_HSTS_SECONDS",
    "SECURE_PROXY_SSL_HEADER",
    "SECURE_REFERRER_POLICY",
    "SECURE_SSL_REDIRECT",
    "X_FRAME_OPTIONS",
]

DEPLOYMENT = env.deployment
DEBUG = False

_generated = local_keys(LOCAL_STATE_DIR) if DEPLOYMENT == LOCAL else {}
SECRET_KEY: str = env.value("SECRET_KEY", _generated.get("SECRET_KEY"))
SECRET_KEY_FALLBACKS: list[str] = env.value("SECRET_KEY_FALLBACKS")
FIELD_ENCRYPTION_KEYS: list[str] = env.value("FIELD_ENCRYPTION_KEYS", [_generated.get("FIELD_ENCRYPTION_KEYS")])
LOOKUP_HASH_KEY: str = env.value("LOOKUP_HASH_KEY", _generated.get("LOOKUP_HASH_KEY"))
GATEWAY_SECRET: str = env.value("GATEWAY_SECRET", _generated.get("GATEWAY_SECRET"))

ALLOWED_HOSTS: list[str] = env.value("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.value("CSRF_TRUSTED_ORIGINS")

_tls = DEPLOYMENT == PRODUCTION
SECURE_SSL_REDIRECT = _tls
SECURE_HSTS_SECONDS = 31_536_000 if _tls else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _tls
SECURE_HSTS_PRELOAD = _tls
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.value("TRUSTED_PROXIES") else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

# The theme's Alpine.js evaluates expressions in attributes and sets inline styles; without these two words an invisible
# overlay covers the page. Everything else is closed.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [SELF],
        "object-src": [NONE],
    }
}
