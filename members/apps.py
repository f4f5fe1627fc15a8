from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "members"
    verbose_name = _("Members and credit")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.kernel.audit.verbs import name_verbs
        from backoffice.kernel.registry import import_submodules

        import_submodules("members.imports")
        name_verbs(
            {
                "member.joined": _("Member joined"),
                "member.changed": _("Member changed"),
                "identities.conflict_met": _("Identities of different people seen together"),
                "push_account.changed": _("Push account changed"),
                "push_number.changed": _("Number of pushes changed"),
                "credit_policy.changed": _("Credit policy changed"),
                "credit_payout.paid": _("Payout paid back"),
                "credit_payout.failed": _("Payout failed"),
                "credit_payout.retried": _("Payout tried again"),
                "credit_adjustment.requested": _("Adjustment asked for"),
                "credit_adjustment.applied": _("Adjustment applied"),
                "credit_adjustment.refused": _("Adjustment refused"),
                "credit_adjustment.withdrawn": _("Adjustment withdrawn"),
            }
        )
