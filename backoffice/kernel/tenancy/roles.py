"""Roles as data: which console a role opens and what it may do there.

A permission is ``app.verb_noun`` as in Django. ``*`` stands for every app, or every verb and noun of an app;
reading is ``view``. Nothing is granted that is not listed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from django.db import models
from django.utils.translation import gettext_lazy as _


class Console(models.TextChoices):
    PLATFORM = "platform", _("Platform console")
    MERCHANT = "merchant", _("Merchant console")
    DEVELOPER = "developer", _("Developer console")


class Role(models.TextChoices):
    PLATFORM_REVIEWER = "PLATFORM_REVIEWER", _("Platform reviewer")
    PLATFORM_SENIOR = "PLATFORM_SENIOR", _("Platform senior reviewer")
    PLATFORM_APPEALS = "PLATFORM_APPEALS", _("Platform appeals officer")
    PLATFORM_MEMBER_OPS = "PLATFORM_MEMBER_OPS", _("Platform member operations")
    PLATFORM_INDUSTRY_OPS = "PLATFORM_INDUSTRY_OPS", _("Platform industry operations")
    PLATFORM_AUDITOR = "PLATFORM_AUDITOR", _("Platform auditor")
    PLATFORM_ADMIN = "PLATFORM_ADMIN", _("Platform administrator")
    MERCHANT_OWNER = "MERCHANT_OWNER", _("Merchant owner")
    MERCHANT_OPERATOR = "MERCHANT_OPERATOR", _("Merchant operator")
    MERCHANT_ANALYST = "MERCHANT_ANALYST", _("Merchant analyst")
    DEVELOPER_OWNER = "DEVELOPER_OWNER", _("Developer owner")
    DEVELOPER_MEMBER = "DEVELOPER_MEMBER", _("Developer member")


@dataclass(frozen=True)
class RoleGrant:
    """What one role may do: the console it opens and its permission patterns there."""

    console: Console
    patterns: tuple[str, ...]

    def allows(self, permission: str) -> bool:
        return any(fnmatchcase(permission, pattern) for pattern in self.patterns)


_READ_ALL = ("*.view_*",)
# Capability applications. Permissions of acts on a case: ``applications.choices.ACTS``.
_REVIEW = ("applications.review_application",)
_SENIOR = (
    *_REVIEW,
    "applications.release_decision",
    "applications.propose_bar",
    "applications.confirm_bar",
    "applications.suspend_grant",
    "applications.revoke_grant",
    "applications.change_policyversion",
    "applications.publish_policyversion",
    "applications.change_rulenumber",
    "applications.change_calendarday",
    "applications.change_developerprofile",
    "applications.connect_client",
)
# Reviewers look at stores and merchants; members' rows are for member operations, auditors and administrators.
_READ_TENANTS = ("tenancy.view_merchant", "tenancy.view_merchanttier", "tenancy.view_store", "tenancy.view_developer", "applications.view_*")
# What moves, or lets somebody move, members' credit by hand. Asking for an adjustment is one right, letting one through another.
_CREDIT_CLERK = ("members.adjust_credit", "members.settle_payout")
_CREDIT_LEAD = (
    *_CREDIT_CLERK,
    "members.approve_adjustment",
    "members.refund_top_up",
    "members.release_hold",
    "members.add_creditpolicy",
    "members.change_creditpolicy",
)
# Paid membership: who lets stores in, who rules on packs, decorations and complaints. Appeals are decided by somebody else than who sanctioned.
_PAID_OPS = (
    "paid.view_*",
    "paid.invite_store",
    "paid.review_pack",
    "paid.review_decoration",
    "paid.watch_fulfilment",
    "paid.rule_complaint",
    "paid.impose_sanction",
    "paid.change_paidnumber",
    "paid.import_*",
    "paid.export_*",
)
_PAID_INDUSTRY = ("paid.view_*", "paid.nominate_store", "paid.watch_fulfilment")
_PAID_CLERK = (
    "paid.configure_program",
    "paid.use_issue",
    "paid.sell_membership",
    "paid.keep_promise",
    "paid.reply_complaint",
    "paid.import_*",
    "paid.export_*",
)
_PAID_OWNER = (*_PAID_CLERK, "paid.propose_store", "paid.cancel_membership", "paid.pay_refund", "paid.close_program", "paid.appeal_sanction")
_MEMBER_OPS = (
    *_CREDIT_LEAD,
    "tenancy.view_*",
    "tenancy.change_store",
    "members.view_*",
    "members.import_*",
    "members.export_*",
    "members.change_member",
    "members.change_member_status",
    "members.add_level",
    "members.change_level",
    "members.delete_level",
    "members.change_pushaccount",
    "members.change_pushnumber",
    "members.reveal_phone",
    "campaigns.view_*",
    "campaigns.change_remindersetting",
    "campaigns.add_remindersetting",
    "campaigns.change_paidremindersetting",
    "campaigns.add_paidremindersetting",
    "campaigns.change_lifecyclesetting",
    "campaigns.add_lifecyclesetting",
    "campaigns.change_frequencyrule",
    "campaigns.add_frequencyrule",
    "campaigns.change_scenariorank",
    "campaigns.change_messagetemplate",
    "campaigns.add_messagetemplate",
    "campaigns.run_reminders",
    "campaigns.retry_message",
    "campaigns.why_not",
    "files.*",
    "audit.view_*",
    *_PAID_OPS,
)
_MERCHANT_READ = (
    "tenancy.view_store",
    "members.view_*",
    "campaigns.view_*",
    "campaigns.why_not",
    "files.view_*",
    "paid.view_*",
    "applications.view_storeenablement",
    "applications.view_merchantconfirmation",
)
_MERCHANT_WRITE = (
    "members.import_*",
    "members.export_*",
    "members.change_member",
    "members.change_member_status",
    "members.add_level",
    "members.change_level",
    "members.delete_level",
    "members.change_pushaccount",
    "campaigns.add_remindersetting",
    "campaigns.change_remindersetting",
    "campaigns.add_paidremindersetting",
    "campaigns.change_paidremindersetting",
    "campaigns.add_lifecyclesetting",
    "campaigns.change_lifecyclesetting",
    "campaigns.add_frequencyrule",
    "campaigns.change_frequencyrule",
    "campaigns.add_messagetemplate",
    "campaigns.change_messagetemplate",
    "files.add_importjob",
    "files.change_importjob",
    "files.view_*",
)
_DEVELOPER = (
    "tenancy.view_developer",
    "applications.submit_application",
    "applications.view_app",
    "applications.add_app",
    "applications.view_application",
    "applications.view_grant",
)

ROLE_GRANTS: dict[str, RoleGrant] = {
    Role.PLATFORM_REVIEWER: RoleGrant(Console.PLATFORM, (*_READ_TENANTS, *_REVIEW)),
    Role.PLATFORM_SENIOR: RoleGrant(Console.PLATFORM, (*_READ_TENANTS, *_SENIOR)),
    Role.PLATFORM_APPEALS: RoleGrant(Console.PLATFORM, (*_READ_TENANTS, "applications.decide_appeal", "paid.view_*", "paid.decide_appeal")),
    Role.PLATFORM_MEMBER_OPS: RoleGrant(Console.PLATFORM, _MEMBER_OPS),
    Role.PLATFORM_INDUSTRY_OPS: RoleGrant(
        Console.PLATFORM, (*_READ_TENANTS, "campaigns.view_*", "members.view_level", "applications.change_policyversion", *_PAID_INDUSTRY)
    ),
    Role.PLATFORM_AUDITOR: RoleGrant(Console.PLATFORM, (*_READ_ALL, "campaigns.why_not")),
    Role.PLATFORM_ADMIN: RoleGrant(Console.PLATFORM, ("*",)),
    Role.MERCHANT_OWNER: RoleGrant(
        Console.MERCHANT,
        (
            *_MERCHANT_READ,
            *_MERCHANT_WRITE,
            *_CREDIT_LEAD,
            "members.reveal_phone",
            "api.view_apiclient",
            "api.add_apiclient",
            "api.change_apiclient",
            "tenancy.view_seat",
            "applications.confirm_application",
            "applications.enable_app",
            *_PAID_OWNER,
        ),
    ),
    Role.MERCHANT_OPERATOR: RoleGrant(Console.MERCHANT, (*_MERCHANT_READ, *_MERCHANT_WRITE, *_CREDIT_CLERK, *_PAID_CLERK, "applications.enable_app")),
    Role.MERCHANT_ANALYST: RoleGrant(Console.MERCHANT, _MERCHANT_READ),
    Role.DEVELOPER_OWNER: RoleGrant(Console.DEVELOPER, (*_DEVELOPER, "tenancy.view_seat", "applications.manage_client")),
    Role.DEVELOPER_MEMBER: RoleGrant(Console.DEVELOPER, _DEVELOPER),
}
