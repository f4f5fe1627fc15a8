"""The Celery application: ``celery -A backoffice.celery worker`` and ``... beat``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.signals import setup_logging
from django_structlog.celery.steps import DjangoStructLogInitStep

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")

app = Celery("backoffice")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.steps["worker"].add(DjangoStructLogInitStep)


def load_tasks() -> None:
    """Know every app's tasks outside a worker too. (Celery's own way would run Django's system checks, which call this.)"""
    from django.utils.module_loading import autodiscover_modules

    autodiscover_modules("tasks")
    app.finalize()


@setup_logging.connect
def use_our_logging(**_: Any) -> None:
    """Keep Celery from replacing the logging that Django's settings configure."""
    import logging.config

    from django.conf import settings

    logging.config.dictConfig(settings.LOGGING)
