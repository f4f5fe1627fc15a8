from __future__ import annotations

from importlib import import_module
from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.module_loading import module_has_submodule
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


def load_screens() -> None:
    """Import the ``admin`` package of every app of ours, so that its screens stand on the consoles. Third-party screens stay away."""
    ours = ("backoffice", "members", "campaigns", "applications")
    for config in apps.get_app_configs():
        if config.name.split(".")[0] in ours and module_has_submodule(config.module, "admin"):
            import_module(f"{config.name}.admin")


class BackofficeConfig(AppConfig):
    """The composition root: commands, templates, consoles, schedule."""

    name = "backoffice"
    verbose_name = _("Back office")

    def ready(self) -> None:
        from django.core.checks import Tags, register

        from backoffice import checks  # noqa: F401 - registers itself
        from backoffice.kernel.admin.checks import check_consoles

        load_screens()
        register(check_consoles, Tags.admin)
        post_migrate.connect(write_schedule, sender=self)
