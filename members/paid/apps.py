from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PaidConfig(AppConfig):
    name = "members.paid"
    label = "paid"
    verbose_name = _("Paid membership")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.kernel.audit.verbs import name_verbs
        from backoffice.kernel.ports import timeline_sources
        from backoffice.kernel.registry import import_submodules
        from members.paid.selectors.timeline import list_paid_items
        from members.paid.verbs import VERBS

        import_submodules("members.paid.imports")
        name_verbs(VERBS)
        timeline_sources.append(list_paid_items)
