from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackofficeConfig(AppConfig):
    """The composition root: commands, templates, consoles, schedule."""

    name = "backoffice"
    verbose_name = _("Back office")
