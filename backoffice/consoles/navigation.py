"""The side bar as data: what stands where in which console. A role sees only what it may open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.sites import CONSOLE_SITES, ConsoleSite
from backoffice.kernel.tenancy.access import allows, has_seat
from backoffice.kernel.tenancy.roles import Console


@dataclass(frozen=True)
class Entry:
    """A model's list (``model``, shown to who may view it) or a page (``page``, a URL name of the console, shown with ``permission``)."""

    title: Any
    icon: str
    model: str = ""
    page: str = ""
    permission: str = ""


@dataclass(frozen=True)
class Group:
    title: Any
    entries: Sequence[Entry]


HOME = Group("", (Entry(_("Today"), "home", page="index"),))
_MEMBERS = Group(
    _("Members"),
    (
        Entry(_("Members"), "group", model="members.Member"),
        Entry(_("Levels"), "military_tech", model="members.Level"),
        Entry(_("Tags"), "sell", model="members.Tag"),
        Entry(_("Payments"), "point_of_sale", model="members.Payment"),
        Entry(_("Orders"), "shopping_bag", model="members.OrderLine"),
        Entry(_("Events"), "ads_click", model="members.Event"),
    ),
)
_CREDIT = Group(
    _("Shopping credit"),
    (
        Entry(_("What is owed"), "account_balance", page="members_liability", permission="members.view_creditlot"),
        Entry(_("Credit accounts"), "account_balance_wallet", model="members.CreditAccount"),
        Entry(_("Payouts"), "payments", model="members.CreditPayout"),
        Entry(_("Adjustments"), "tune", model="members.CreditAdjustment"),
        Entry(_("Holds"), "lock_clock", model="members.CreditHold"),
        Entry(_("Credit entries"), "receipt_long", model="members.CreditEntry"),
        Entry(_("Credit policies"), "rule_settings", model="members.CreditPolicy"),
    ),
)
_PAID = Group(
    _("Paid membership"),
    (
        Entry(_("Set-up"), "checklist", page="paid_setup", permission="paid.view_paidprogram"),
        Entry(_("Programs"), "loyalty", model="paid.PaidProgram"),
        Entry(_("Benefits"), "redeem", model="paid.Benefit"),
        Entry(_("Holders"), "badge", model="paid.PaidMembership"),
        Entry(_("Benefits issued"), "card_giftcard", model="paid.BenefitIssue"),
        Entry(_("Promises to keep"), "handshake", model="paid.Fulfilment"),
        Entry(_("Card fees to pay back"), "currency_exchange", model="paid.PaidRefund"),
        Entry(_("Complaints"), "report", model="paid.Complaint"),
        Entry(_("Pictures"), "image", model="paid.Picture"),
        Entry(_("Figures"), "monitoring", page="paid_figures", permission="paid.view_paidmembership"),
    ),
)
_PROOFS = Entry(_("Proofs of the ledger"), "verified", model="members.LedgerProof")
_REMINDERS = Group(
    _("Reminders"),
    (
        Entry(_("Reminder settings"), "notifications_active", model="campaigns.ReminderSetting"),
        Entry(_("Runs"), "event_repeat", model="campaigns.ReminderRun"),
        Entry(_("Paid membership reminders"), "loyalty", model="campaigns.PaidReminderSetting"),
        Entry(_("Lifecycle messages"), "autorenew", model="campaigns.LifecycleSetting"),
        Entry(_("Lifecycle figures"), "monitoring", page="campaigns_lifecycle_figures", permission="campaigns.view_lifecyclesetting"),
        Entry(_("Frequency rules"), "speed", model="campaigns.FrequencyRule"),
        Entry(_("Messages"), "sms", model="campaigns.Message"),
        Entry(_("Message texts"), "edit_note", model="campaigns.MessageTemplate"),
        Entry(_("Why not?"), "help", page="campaigns_why_not", permission="campaigns.why_not"),
    ),
)
_PUSH_ACCOUNTS = Group(
    _("Push accounts"),
    (
        Entry(_("Push account"), "campaign", model="members.PushAccount"),
        Entry(_("Fans"), "favorite", model="members.Fan"),
        Entry(_("Posts"), "article", model="members.Post"),
    ),
)
_FILES = Group(_("Files"), (Entry(_("Imports"), "upload_file", model="files.ImportJob"),))
_OWN_STORES = Group(_("Stores"), (Entry(_("My stores"), "storefront", model="tenancy.Store"), Entry(_("API clients"), "key", model="api.ApiClient")))

NAVIGATION: dict[str, Sequence[Group]] = {
    Console.PLATFORM.value: (
        HOME,
        Group(
            _("Merchants and stores"),
            (Entry(_("Merchants"), "domain", model="tenancy.Merchant"), Entry(_("Stores"), "storefront", model="tenancy.Store")),
        ),
        _MEMBERS,
        Group(_CREDIT.title, (*_CREDIT.entries, _PROOFS)),
        Group(_REMINDERS.title, (*_REMINDERS.entries, Entry(_("Ranks"), "low_priority", model="campaigns.ScenarioRank"))),
        _PUSH_ACCOUNTS,
        Group(
            _("Paid membership"),
            (
                Entry(_("Nominations"), "add_business", model="paid.Nomination"),
                Entry(_("Packs to review"), "redeem", model="paid.BenefitPack"),
                Entry(_("Decorations to review"), "palette", model="paid.Decoration"),
                Entry(_("Programs"), "card_membership", model="paid.PaidProgram"),
                Entry(_("Holders"), "badge", model="paid.PaidMembership"),
                Entry(_("Promises"), "task_alt", model="paid.Fulfilment"),
                Entry(_("Pictures"), "image", model="paid.Picture"),
                Entry(_("Complaints"), "report", model="paid.Complaint"),
                Entry(_("Sanctions"), "gavel", model="paid.Sanction"),
                Entry(_("Appeals against sanctions"), "balance", model="paid.SanctionAppeal"),
                Entry(_("Figures"), "monitoring", page="paid_figures", permission="paid.view_paidprogram"),
                Entry(_("Numbers"), "pin", model="paid.PaidNumber"),
            ),
        ),
        _FILES,
        Group(
            _("Capability applications"),
            (
                Entry(_("Review queue"), "inbox", page="applications_queue", permission="applications.view_application"),
                Entry(_("Held for a second person"), "pan_tool", page="applications_held", permission="applications.view_application"),
                Entry(_("Appeals"), "balance", model="applications.Appeal"),
                Entry(_("Applications"), "assignment", model="applications.Application"),
                Entry(_("Figures"), "monitoring", page="applications_figures", permission="applications.view_application"),
                Entry(_("Steps"), "history", model="applications.CaseEvent"),
            ),
        ),
        Group(
            _("Developers and grants"),
            (
                Entry(_("Developers"), "code", model="tenancy.Developer"),
                Entry(_("Grants"), "verified_user", model="applications.Grant"),
                Entry(_("Re-reviews"), "published_with_changes", model="applications.ReReview"),
                Entry(_("Strikes"), "report", model="applications.Strike"),
                Entry(_("Bars"), "gavel", model="applications.Bar"),
            ),
        ),
        Group(
            _("Rules of the review"),
            (
                Entry(_("Opening table"), "table_view", model="applications.PolicyVersion"),
                Entry(_("Categories"), "category", model="applications.Category"),
                Entry(_("Capabilities"), "extension", model="applications.Capability"),
                Entry(_("Business numbers"), "pin", model="applications.RuleNumber"),
                Entry(_("Working calendar"), "calendar_month", model="applications.CalendarDay"),
            ),
        ),
        Group(
            _("Administration"),
            (
                Entry(_("Users"), "person", model="tenancy.User"),
                Entry(_("Seats"), "badge", model="tenancy.Seat"),
                Entry(_("API clients"), "key", model="api.ApiClient"),
                Entry(_("Audit events"), "history", model="audit.AuditEvent"),
                Entry(_("System"), "monitor_heart", page="system", permission="backoffice.view_system"),
            ),
        ),
    ),
    Console.MERCHANT.value: (
        HOME,
        _MEMBERS,
        _CREDIT,
        _PAID,
        _REMINDERS,
        _PUSH_ACCOUNTS,
        Group(
            _("Apps"),
            (
                Entry(_("Apps for your stores"), "apps", page="applications_offered", permission="applications.view_storeenablement"),
                Entry(_("Apps in use"), "toggle_on", model="applications.StoreEnablement"),
                Entry(_("Apps made for you"), "fact_check", model="applications.MerchantConfirmation"),
            ),
        ),
        _FILES,
        _OWN_STORES,
    ),
    Console.DEVELOPER.value: (
        HOME,
        Group(
            _("Capability applications"),
            (
                Entry(_("Eligibility"), "rule", page="applications_eligibility", permission="applications.view_application"),
                Entry(_("Applications"), "assignment", model="applications.Application"),
                Entry(_("Apps"), "apps", model="applications.App"),
                Entry(_("Grants"), "verified_user", model="applications.Grant"),
                Entry(_("Standing"), "balance", page="applications_standing", permission="applications.view_application"),
                Entry(_("Notices"), "notifications", page="applications_notices", permission="applications.view_application"),
            ),
        ),
        Group(_("Company"), (Entry(_("Company"), "domain", model="tenancy.Developer"), Entry(_("People"), "badge", model="tenancy.Seat"))),
    ),
}


def console_of(request: HttpRequest) -> ConsoleSite:
    """The console that a request is in, by its address; the platform's outside of all (log-in page)."""
    match = request.resolver_match
    namespace = match.namespaces[0] if match and match.namespaces else ""
    return next((site for site in CONSOLE_SITES if site.name == namespace), CONSOLE_SITES[0])


def _address(site: ConsoleSite, entry: Entry, request: HttpRequest) -> str | None:
    """Where an entry leads, None when this user may not open it or this console has no such page."""
    if entry.page:
        if entry.permission and not allows(request.user, entry.permission, console=site.name):
            return None
        try:
            return reverse(f"{site.name}:{entry.page}")
        except NoReverseMatch:
            return None
    model = apps.get_model(entry.model)
    screen = site._registry.get(model)
    if screen is None or not screen.has_view_permission(request):
        return None
    return reverse(f"{site.name}:{model._meta.app_label}_{model._meta.model_name}_changelist")


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's navigation for this request."""
    site = console_of(request)
    groups = []
    for group in NAVIGATION[site.name]:
        addresses = [(entry, _address(site, entry, request)) for entry in group.entries]
        items: list[dict[str, Any]] = [{"title": entry.title, "icon": entry.icon, "link": address} for entry, address in addresses if address]
        if items:
            groups.append({"title": group.title, "items": items, "separator": bool(group.title)})
    links = [item["link"] for group in groups for item in group["items"]]
    here = max((link for link in links if request.path == link or (request.path.startswith(link) and link != links[0])), key=len, default="")
    for shown in groups:
        for item in shown["items"]:
            item["active"] = item["link"] == here  # one entry: the page under a model's list is not the list
    return groups


def console_choice(request: HttpRequest) -> list[dict[str, Any]]:
    """The user's other consoles for the drop-down under the site's name; empty with a single console."""
    mine = [site for site in CONSOLE_SITES if has_seat(request.user, site.name)]
    if len(mine) < 2:
        return []
    return [{"title": Console(site.name).label, "link": reverse(f"{site.name}:index"), "icon": "space_dashboard"} for site in mine]
