from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiAppConfig(AppConfig):
    name = "backoffice.kernel.api"
    label = "api"
    verbose_name = _("API clients")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.kernel.audit.verbs import name_verbs

        name_verbs(
            {
                "api_client.created": _("API client created"),
                "api_client.secret_replaced": _("Secret of an API client replaced"),
                "api_client.switched_off": _("API client switched off"),
                "api_client.switched_on": _("API client switched on"),
            }
        )
