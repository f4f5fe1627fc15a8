from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class FilesConfig(AppConfig):
    name = "backoffice.kernel.files"
    label = "files"
    verbose_name = _("Files")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.kernel.audit.verbs import name_verbs

        name_verbs(
            {
                "import.handed_in": _("File handed in"),
                "import.reading_changed": _("Reading of the file corrected"),
                "import.apply_requested": _("Import asked for"),
                "import.cancel_requested": _("Import stopped"),
                "import.applied": _("File imported"),
                "import.refused": _("Import refused"),
                "import.file_handed_out": _("File handed out"),
                "import.foreign_store_named": _("File named a store of somebody else"),
                "import.phone_conflicts_met": _("File held phones of other people"),
            }
        )
