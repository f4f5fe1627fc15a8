from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


def write_schedule(using: str, **_: Any) -> None:
    """After every migrate the tables hold this release's schedule."""
    from django.db import connections
    from django_celery_beat.models import PeriodicTask

    from backoffice.models import ScheduleRecord
    from backoffice.schedule import sync_schedule

    tables = connections[using].introspection.table_names()
    if PeriodicTask._meta.db_table in tables and ScheduleRecord._meta.db_table in tables:  # not after a migration backwards
        sync_schedule()


class BackofficeConfig(AppConfig):
    """The composition root: commands, templates, consoles, schedule."""

    name = "backoffice"
    verbose_name = _("Back office")

    def ready(self) -> None:
        from backoffice import checks  # noqa: F401 - registers itself

        post_migrate.connect(write_schedule, sender=self)
