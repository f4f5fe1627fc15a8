from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "campaigns"
    verbose_name = _("Reminders and messages")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from backoffice.kernel.audit.verbs import name_verbs
        from backoffice.kernel.ports import payment_listeners, payment_sources, timeline_sources
        from backoffice.kernel.registry import import_submodules
        from campaigns.selectors.messages import list_message_items, list_payment_items
        from campaigns.services.notice import note_payment

        import_submodules("campaigns.scenarios")
        import_submodules("campaigns.imports")
        timeline_sources.append(list_message_items)
        payment_sources.append(list_payment_items)
        payment_listeners.append(note_payment)
        name_verbs(
            {
                "message.retried": _("Message tried again"),
                "reminder_setting.changed": _("Reminder settings changed"),
                "paid_reminder_setting.changed": _("Paid membership reminders changed"),
                "lifecycle_setting.changed": _("Lifecycle message changed"),
                "frequency_rule.saved": _("Frequency rule saved"),
                "frequency_rule.deleted": _("Frequency rule deleted"),
                "scenario_rank.changed": _("Rank of a scenario changed"),
                "message_text.saved": _("Message text saved"),
                "message_text.dropped": _("Message text removed"),
            }
        )
