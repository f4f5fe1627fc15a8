"""Handing messages over to gateways."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured

from backoffice.settings.env import env

__all__ = ["GATEWAY_BATCH_SIZE", "GATEWAY_KEY_HOURS", "GATEWAY_MAX_ATTEMPTS", "GATEWAY_TIMEOUT_SECONDS"]

GATEWAY_TIMEOUT_SECONDS: int = env.value("GATEWAY_TIMEOUT_SECONDS")
GATEWAY_BATCH_SIZE: int = env.value("GATEWAY_BATCH_SIZE")
GATEWAY_MAX_ATTEMPTS: int = env.value("GATEWAY_MAX_ATTEMPTS")
GATEWAY_KEY_HOURS: int = env.value("GATEWAY_KEY_HOURS")

# A lease lasts 30 s: the answer must be recorded before another worker takes the messages again.
if not 1 <= GATEWAY_TIMEOUT_SECONDS <= 20:
    raise ImproperlyConfigured("GATEWAY_TIMEOUT_SECONDS must be from 1 to 20.")
if not 1 <= GATEWAY_BATCH_SIZE <= 500:
    raise ImproperlyConfigured("GATEWAY_BATCH_SIZE must be from 1 to 500.")
if GATEWAY_MAX_ATTEMPTS < 1:
    raise ImproperlyConfigured("GATEWAY_MAX_ATTEMPTS must be 1 or more.")
