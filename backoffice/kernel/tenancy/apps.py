from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TenancyConfig(AppConfig):
    name = "backoffice.kernel.tenancy"
    label = "tenancy"
    verbose_name = _("Merchants, stores and users")
    default_auto_field = "django.db.models.BigAutoField"
