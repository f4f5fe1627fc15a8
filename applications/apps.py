from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApplicationsConfig(AppConfig):
    name = "applications"
    verbose_name = _("Capability applications")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from applications.selectors.clients import get_app_code
        from applications.selectors.grants import check_client_grant, check_grant_by_codes, list_client_capabilities
        from backoffice.kernel.audit.verbs import name_verbs
        from backoffice.kernel.ports import client_app_code, client_capabilities, client_grant_checker, grant_checker
        from backoffice.kernel.registry import import_submodules

        import_submodules("applications.gates")
        grant_checker.fill(check_grant_by_codes)
        client_grant_checker.fill(check_client_grant)
        client_app_code.fill(get_app_code)
        client_capabilities.fill(list_client_capabilities)
        name_verbs(
            {
                "app.change_announced": _("Change of an app announced"),
                "app.changed": _("App changed"),
                "app.client_connected": _("API client of an app changed"),
                "app.created": _("App created"),
                "app.disabled": _("App switched off in a store"),
                "app.enabled": _("App switched on in a store"),
                "app.paused": _("App paused: tier fell"),
                "app.tier_back": _("Tier allows the app again"),
                "app.tier_fell": _("Tier no longer allows the app"),
                "appeal.filed": _("Appeal filed"),
                "appeal.overturn_dropped": _("Proposal to overturn dropped"),
                "appeal.overturn_proposed": _("Overturning proposed"),
                "appeal.overturned": _("Decision overturned on appeal"),
                "appeal.upheld": _("Decision stands after the appeal"),
                "bar.confirmed": _("Bar confirmed"),
                "bar.ended": _("Bar ended"),
                "bar.proposed": _("Bar proposed"),
                "bar.suggested": _("Bar suggested by the score"),
                "calendar.changed": _("Working calendar changed"),
                "capability.changed": _("Capability changed"),
                "capability.created": _("Capability created"),
                "category.changed": _("Category changed"),
                "category.created": _("Category created"),
                "developer.bound": _("Developer bound to a merchant"),
                "developer.onboarded": _("Developer onboarded"),
                "developer.robot_removed": _("DingTalk robot removed"),
                "developer.robot_set": _("DingTalk robot set"),
                "grant.certified": _("Grant certified again"),
                "grant.expired": _("Grant expired"),
                "grant.given": _("Grant given"),
                "grant.given_up": _("Grant given up"),
                "grant.resumed": _("Grant in force again"),
                "grant.revocation_dropped": _("Revocation dropped"),
                "grant.revocation_proposed": _("Revocation proposed"),
                "grant.revoked": _("Grant revoked"),
                "grant.suspended": _("Grant suspended"),
                "number.changed": _("Business number changed"),
                "policy.cell_set": _("Cell of the opening table changed"),
                "policy.drafted": _("Opening table drafted"),
                "policy.published": _("Opening table published"),
                "re_review.closed": _("Re-review closed"),
                "re_review.opened": _("Re-review opened"),
                "standing.changed": _("Standing changed"),
                "strike.counted": _("Strike counts from now on"),
                "strike.given": _("Strike given"),
                "strike.voided": _("Strike taken back"),
            }
        )
