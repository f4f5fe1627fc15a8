"""One JSON object a line, on standard error. Events are stable codes, values are ids: no names, no phones."""

from __future__ import annotations

from typing import Any

import structlog

from backoffice.logs import SHARED_PROCESSORS, last_step
from backoffice.settings.env import env

__all__ = ["DJANGO_STRUCTLOG_IP_LOGGING_ENABLED", "LOGGING"]

DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False

_level = env.value("LOG_LEVEL").upper()
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": "structlog.stdlib.ProcessorFormatter",
            "foreign_pre_chain": SHARED_PROCESSORS,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                last_step,
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": _level},
    "loggers": {
        # Every request and task is already one line of django-structlog's.
        "django": {"level": "WARNING"},
        "django.server": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "axes": {"level": "WARNING"},
        # Its debug lines hold tokens.
        "oauthlib": {"level": "WARNING"},
    },
}
