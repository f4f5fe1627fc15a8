"""The access table: who may use what. This is the intent; the roles' permissions are the code that has to meet it.

A surface without a line here, and a line without a surface, break the build. How a line is written: ``docs/access.md``.
"""

from __future__ import annotations

from collections.abc import Iterable

from backoffice.kernel.tenancy.roles import Role
from tests.access.lines import (
    ADMIN,
    AUDITOR,
    CONSOLE_ROLES,
    DEV_OWNER,
    DEVELOPER,
    INDUSTRY,
    MEMBER_OPS,
    MERCHANT,
    NOBODY,
    OPERATOR,
    OWNER,
    PLATFORM,
    REVIEWERS,
    Table,
    roles,
)

TABLE = Table()

READS_MEMBERS = roles(ADMIN, AUDITOR, MEMBER_OPS)
READS_CAMPAIGNS = roles(ADMIN, AUDITOR, MEMBER_OPS, INDUSTRY)
READS_TENANTS = PLATFORM
KEEPS_MEMBERS = roles(ADMIN, MEMBER_OPS)
ADMINISTERS = roles(ADMIN)
READS_CASES = roles(ADMIN, AUDITOR, INDUSTRY, REVIEWERS)
SENIORS = roles(ADMIN, Role.PLATFORM_SENIOR)
EDITS_POLICY = roles(SENIORS, INDUSTRY)
READS_PAID = roles(ADMIN, AUDITOR, INDUSTRY, MEMBER_OPS, Role.PLATFORM_APPEALS)
WRITES = roles(OWNER, OPERATOR)
FORMATS = ("CSV", "CSV (GB18030)", "XLSX")


def bulk_buttons(screen: str, allowed: Iterable[Role]) -> None:
    """The import and export buttons of a list. Their pages hold forms; what an export hands out is shown in ``tests/kernel/files/test_buttons.py``."""
    TABLE.page(f"{screen}_import", allowed)
    TABLE.page(f"{screen}_export", allowed)


def shell() -> None:
    """Addresses that every console has."""
    for console, everyone in CONSOLE_ROLES.items():
        TABLE.page(f"{console}:index", everyone)
        TABLE.page(f"{console}:login", everyone, get=302)
        TABLE.page(f"{console}:logout", everyone, get=405)
        TABLE.page(f"{console}:password_change", everyone)
        TABLE.page(f"{console}:password_change_done", everyone)
        TABLE.page(f"{console}:jsi18n", everyone)
        TABLE.page(f"{console}:autocomplete", NOBODY)  # without a field; with one: the lines "autocomplete"
    for console, address in (("platform", "admin"), ("merchant", "merchant"), ("developer", "developer")):
        TABLE.page(f"{console}:/{address}/(?P<url>.*)$", NOBODY)
    TABLE.page("platform:system", roles(ADMIN, AUDITOR))
    TABLE.outside("home", "leads everybody to their own console, and shows nothing")
    TABLE.outside("login", "the log-in page")
    TABLE.outside("logout", "ends the own session")
    TABLE.outside("choose_language", "changes only the own language")


def tenancy() -> None:
    TABLE.screen(
        "platform:tenancy_merchant",
        read=READS_TENANTS,
        add=ADMINISTERS,
        acts={"set_tier": ADMINISTERS, "add_store": ADMINISTERS, "suspend": ADMINISTERS, "resume": ADMINISTERS},
        search=True,
        filters=("status",),
        inlines=("merchanttier", "store"),
    )
    TABLE.screen(
        "platform:tenancy_store",
        read=READS_TENANTS,
        acts={"close": KEEPS_MEMBERS, "open": KEEPS_MEMBERS},
        search=True,
        filters=("status", "merchant"),
        formats=FORMATS,
    )
    bulk_buttons("platform:tenancy_store", ADMINISTERS)
    TABLE.screen(
        "platform:tenancy_developer", read=READS_TENANTS, add=ADMINISTERS, acts={"onboard": ADMINISTERS, "bind": SENIORS, "propose_bar": SENIORS}, search=True
    )
    TABLE.screen(
        "platform:tenancy_user",
        read=READS_MEMBERS,
        add=ADMINISTERS,
        acts={"grant_seat": ADMINISTERS, "set_password": ADMINISTERS, "deactivate": ADMINISTERS, "activate": ADMINISTERS},
        search=True,
        filters=("is_active",),
        inlines=("seat",),
    )
    TABLE.screen("platform:tenancy_seat", read=READS_MEMBERS, acts={"end": ADMINISTERS}, filters=("role", "merchant", "developer"))
    TABLE.screen("platform:audit_auditevent", read=READS_MEMBERS, search=True, filters=("store",))
    TABLE.screen("merchant:tenancy_store", read=MERCHANT, search=True, filters=("status",))
    TABLE.screen("developer:tenancy_developer", read=DEVELOPER)
    TABLE.screen("developer:tenancy_seat", read=roles(DEV_OWNER), filters=("role",))


def members() -> None:
    for console, readers, keepers, revealers in (
        ("platform", READS_MEMBERS, KEEPS_MEMBERS, KEEPS_MEMBERS),
        ("merchant", MERCHANT, WRITES, roles(OWNER)),
    ):
        levels = roles(readers, INDUSTRY) if console == "platform" else readers
        extra = ("level",) if console == "merchant" else ()
        TABLE.screen(f"{console}:members_pushaccount", read=readers, acts={"describe": keepers}, search=True)
        TABLE.screen(f"{console}:members_fan", read=readers, filters=("store", "state"))
        TABLE.screen(f"{console}:members_post", read=readers, filters=("store", "published_at"))
        acts = dict.fromkeys(("change_status", "record_consent", "cards_off", "cards_on", "change_phone"), keepers)
        TABLE.screen(
            f"{console}:members_member",
            read=readers,
            acts={**acts, "adjust": keepers, "reveal_phone": revealers},
            search=True,
            filters=("store", "status", "credit", "marketing_consent", "credit_cards_on", *extra),
            formats=FORMATS,
        )
        for model in ("member", "creditlot", "orderline"):
            bulk_buttons(f"{console}:members_{model}", keepers)
        credit(console, readers, clerks=keepers, leads=keepers if console == "platform" else roles(OWNER))
        TABLE.screen(
            f"{console}:members_orderline",
            read=readers,
            search=True,
            filters=("store",),
            lookups=("credit_used__gt", "member_id", "refunded_amount__gt"),
            formats=FORMATS,
        )
        TABLE.screen(f"{console}:members_level", read=levels, add=keepers, acts={"delete_level": keepers}, search=True, filters=("store",), choices=("store",))
        TABLE.screen(f"{console}:members_tag", read=readers, search=True, filters=("store",))


def credit(console: str, readers: Iterable[Role], *, clerks: Iterable[Role], leads: Iterable[Role]) -> None:
    """The ledger and what stands beside it. Clerks ask for adjustments and settle payouts; leads let adjustments through and undo."""
    name = f"{console}:members"
    TABLE.screen(f"{name}_creditaccount", read=readers, acts={"adjust": clerks}, search=True, filters=("store",), lookups=("balance__gt", "held__gt"))
    TABLE.screen(
        f"{name}_creditlot",
        read=readers,
        acts={"refund_top_up": leads},
        search=True,
        filters=("store", "lapses"),
        lookups=("account_id",),
        formats=FORMATS,
    )
    TABLE.screen(f"{name}_creditentry", read=readers, search=True, filters=("store", "kind"), lookups=("account_id",))
    TABLE.screen(f"{name}_credithold", read=readers, acts={"release": leads}, search=True, filters=("store", "status", "open"), lookups=("account_id",))
    TABLE.screen(
        f"{name}_creditpayout",
        read=readers,
        acts=dict.fromkeys(("mark_paid", "mark_failed", "try_again"), clerks),
        bulk={"mark_chosen_paid": clerks},
        search=True,
        filters=("store", "status", "cause", "created_at"),
        lookups=("account_id",),
    )
    TABLE.screen(
        f"{name}_creditadjustment",
        read=readers,
        acts={"approve": leads, "refuse": leads, "withdraw": clerks},
        search=True,
        filters=("store", "status", "queue"),
        lookups=("account_id",),
    )
    TABLE.screen(
        f"{name}_creditpolicy",
        read=readers,
        add=leads,
        acts={"set_limit": leads} if console == "platform" else {},
        search=True,
        choices=("store",),
    )
    TABLE.page(f"{name}_creditpolicy_example", readers)
    TABLE.page(f"{name}_liability", readers)
    TABLE.page(f"{name}_ledger_export", clerks, get=405)
    if console == "platform":
        TABLE.screen(f"{name}_ledgerproof", read=readers)
    TABLE.screen(f"{name}_payment", read=readers, search=True, filters=("store", "paid_at"), lookups=("credit_used__gt", "member_id", "refunded_amount__gt"))
    TABLE.screen(f"{name}_event", read=readers, search=True, filters=("store", "occurred_at"))


def api_clients() -> None:
    """Systems that call the API. Their secret is on the answer to an act, never on a page."""
    for console, readers, keepers in (("platform", roles(ADMIN, AUDITOR), ADMINISTERS), ("merchant", roles(OWNER), roles(OWNER))):
        TABLE.screen(
            f"{console}:api_apiclient",
            read=readers,
            list_acts={"create_client": keepers},
            acts=dict.fromkeys(("new_secret", "switch_off", "switch_on"), keepers),
            search=True,
            filters=("is_active",),
        )


def files() -> None:
    for console, readers, importers in (("platform", READS_MEMBERS, KEEPS_MEMBERS), ("merchant", MERCHANT, WRITES)):
        name = f"{console}:files_importjob"
        TABLE.screen(name, read=readers, filters=("queue", "kind", "status", "store", "created_at"))
        TABLE.page(f"{name}_start", importers)
        TABLE.page(f"{name}_sample", importers, args=("members", "zh-hans", "csv"))
        TABLE.page(f"{name}_progress", readers)
        for act in ("reading", "apply", "cancel"):
            TABLE.page(f"{name}_{act}", importers, get=405)
        # Full phones: beside the uploader, who is the owner here, only for holders of members.reveal_phone.
        takers = importers if console == "platform" else roles(OWNER)
        TABLE.page(f"{name}_file", takers, shows=True)
        TABLE.page(f"{name}_bad_rows", takers, shows=True)


def messages() -> None:
    filters = ("store", "scenario", "status", "reason", "local_day")
    acts, bulk = {"try_again": KEEPS_MEMBERS}, {"try_all_again": KEEPS_MEMBERS}
    TABLE.screen("platform:campaigns_message", read=READS_CAMPAIGNS, acts=acts, bulk=bulk, search=True, filters=filters, lookups=("scenario__in",))
    TABLE.screen("merchant:campaigns_message", read=MERCHANT, search=True, filters=filters, lookups=("scenario__in",))


def reminders() -> None:
    for console, readers, keepers, askers in (("platform", READS_CAMPAIGNS, KEEPS_MEMBERS, READS_MEMBERS), ("merchant", MERCHANT, WRITES, MERCHANT)):
        TABLE.screen(f"{console}:campaigns_remindersetting", read=readers, add=keepers, search=True, filters=("enabled",), choices=("store",))
        TABLE.screen(
            f"{console}:campaigns_paidremindersetting", read=readers, add=keepers, search=True, filters=("ending_on", "benefits_on"), choices=("store",)
        )
        TABLE.screen(f"{console}:campaigns_lifecyclesetting", read=readers, add=keepers, filters=("store", "scenario", "enabled"), choices=("store",))
        TABLE.page(f"{console}:campaigns_lifecycle_figures", readers)
        TABLE.screen(f"{console}:campaigns_frequencyrule", read=readers, add=keepers, filters=("scope", "scenario", "store", "is_active"), choices=("store",))
        TABLE.screen(f"{console}:campaigns_reminderrun", read=readers, filters=("store", "status", "local_day"))
        TABLE.screen(
            f"{console}:campaigns_messagetemplate",
            read=readers,
            add=keepers,
            acts={"use_standard_words": keepers},
            filters=("store", "scenario", "language"),
            choices=("store",),
        )
        TABLE.page(f"{console}:campaigns_why_not", askers)
    TABLE.screen("platform:campaigns_scenariorank", read=READS_CAMPAIGNS)


# Applications: merchants


def offered_apps() -> None:
    TABLE.screen(
        "merchant:applications_merchantconfirmation",
        read=MERCHANT,
        acts={"confirm": roles(OWNER), "decline": roles(OWNER)},
        filters=("status",),
    )
    TABLE.screen(
        "merchant:applications_storeenablement",
        read=MERCHANT,
        acts={"disable": WRITES},
        list_acts={"enable": WRITES},
        search=True,
        filters=("store", "status"),
    )
    TABLE.page("merchant:applications_offered", MERCHANT)


def developer_console() -> None:
    """Own apps, applications and grants. Only the owner handles the API client's secret."""
    owner = roles(DEV_OWNER)
    TABLE.screen(
        "developer:applications_app",
        read=DEVELOPER,
        add=DEVELOPER,
        acts={
            **dict.fromkeys(("change_app", "announce"), DEVELOPER),
            **dict.fromkeys(("make_client", "new_secret", "switch_off", "switch_on"), owner),
        },
        filters=("form", "build"),
    )
    name = "developer:applications_application"
    TABLE.screen(name, read=DEVELOPER, acts=dict.fromkeys(("write", "withdraw", "appeal"), DEVELOPER), filters=("turn",))
    TABLE.page(f"{name}_draft", DEVELOPER, shows=True)
    TABLE.page(f"{name}_begin", DEVELOPER, get=405)
    for page in ("eligibility", "standing", "notices", "wishes"):
        TABLE.page(f"developer:applications_{page}", DEVELOPER)
    TABLE.page("developer:applications_notices_read", DEVELOPER, get=405)
    # Own files are handed out in tests/applications/admin/developer: an address by number, of a row that has no screen.
    TABLE.page("developer:applications_demo_file", DEVELOPER, get=404, args=("987654321",))
    TABLE.screen("developer:applications_grant", read=DEVELOPER, acts={"give_up": DEVELOPER}, filters=("status",))


# Applications: the platform's tables


def review_desk() -> None:
    """Queue, review page, held decisions, bulk refusal, appeals: read by platform staff who see applications, done by those whose work it is."""
    reviews, seniors = roles(ADMIN, Role.PLATFORM_REVIEWER, Role.PLATFORM_SENIOR), roles(ADMIN, Role.PLATFORM_SENIOR)
    reads, appeals = roles(ADMIN, AUDITOR, INDUSTRY, REVIEWERS), roles(ADMIN, Role.PLATFORM_APPEALS)
    name = "platform:applications_application"
    acts = dict.fromkeys(("release_hold", "return_hold"), seniors)
    TABLE.screen(name, read=reads, acts=acts, search=True, filters=("state", "is_first_time", "is_late", "look"))
    TABLE.page(f"{name}_work", reviews, get=405)
    TABLE.page(f"{name}_demo", reads)
    for page in ("queue", "held"):
        TABLE.page(f"platform:applications_{page}", reads)
    TABLE.page("platform:applications_next", reviews, get=405)
    TABLE.page("platform:applications_bulk", reviews)
    TABLE.screen("platform:applications_appeal", read=reads, acts=dict.fromkeys(("uphold", "overturn", "confirm", "drop"), appeals), filters=("status",))


def opening_table() -> None:
    name = "platform:applications_policyversion"
    TABLE.screen(name, read=READS_CASES, acts={"publish": SENIORS}, list_acts={"new_draft": EDITS_POLICY}, filters=("status",))
    TABLE.page(f"{name}_cells", EDITS_POLICY, get=405)
    TABLE.page(f"{name}_diff", READS_CASES)


def grants_and_standing() -> None:
    """Suspending, revoking and barring are for seniors; the services ask for the second person."""
    revoking = ("propose_revocation", "confirm_revocation", "drop_revocation")
    TABLE.screen(
        "platform:applications_grant",
        read=READS_CASES,
        acts=dict.fromkeys(("suspend", "resume", "certify", *revoking), SENIORS),
        search=True,
        filters=("status", "build", "waits"),
    )
    TABLE.screen("platform:applications_rereview", read=READS_CASES, acts=dict.fromkeys(("keep_grant", "end_grant"), SENIORS), filters=("status", "cause"))
    TABLE.screen("platform:applications_bar", read=READS_CASES, acts=dict.fromkeys(("confirm", "dismiss", "lift"), SENIORS), filters=("status",))
    TABLE.screen("platform:applications_caseevent", read=READS_CASES, filters=("act",), lookups=("case_id",))
    TABLE.page("platform:applications_figures", READS_CASES)
    TABLE.page("platform:applications_figure_rows", READS_CASES, get=404)  # without the name of a number; with one: tests of the figures
    for model in ("category", "capability"):
        TABLE.screen(f"platform:applications_{model}", read=READS_CASES, add=EDITS_POLICY, search=True, filters=("is_active",))
    TABLE.screen("platform:applications_rulenumber", read=READS_CASES, list_acts={"set_number": SENIORS})
    TABLE.screen("platform:applications_calendarday", read=READS_CASES, list_acts={"set_day": SENIORS}, filters=("is_working", "is_confirmed", "day"))
    TABLE.screen("platform:applications_strike", read=READS_CASES, filters=("status", "kind"), lookups=("developer_id",))


def paid_platform() -> None:
    """Paid membership as staff see it: member operations rules, industry operations nominates and watches, appeals officers decide appeals."""
    readers = roles(ADMIN, AUDITOR, MEMBER_OPS, INDUSTRY, Role.PLATFORM_APPEALS)
    ops, industry, appeals = roles(ADMIN, MEMBER_OPS), roles(ADMIN, INDUSTRY), roles(ADMIN, Role.PLATFORM_APPEALS)
    TABLE.screen(
        "platform:paid_nomination",
        read=readers,
        acts={"nominate": industry, "decline": industry, "end_invitation": ops},
        list_acts={"invite": ops, "nominate_new": industry},
        search=True,
        filters=("status", "way", "store"),
    )
    for model in ("benefitpack", "decoration"):
        acts = dict.fromkeys(("approve", "ask_for_changes", "reject"), ops)
        TABLE.screen(f"platform:paid_{model}", read=readers, acts=acts, search=True, filters=("status", "program__store"))
    TABLE.screen("platform:paid_paidprogram", read=readers, search=True, filters=("status", "store", "store__merchant"))
    TABLE.page("platform:paid_figures", readers)
    TABLE.screen("platform:paid_paidmembership", read=readers, acts={"complain": ops}, filters=("term", "store", "status"), lookups=("program_id",))
    TABLE.screen("platform:paid_fulfilment", read=readers, filters=("queue", "store", "status"))
    rulings = dict.fromkeys(("accept", "dismiss", "honoured", "not_proven", "sanction"), ops)
    TABLE.screen("platform:paid_complaint", read=readers, acts=rulings, filters=("queue", "status", "store"))
    TABLE.screen("platform:paid_sanction", read=readers, filters=("status", "merchant"))
    TABLE.screen("platform:paid_sanctionappeal", read=readers, acts={"deny": appeals, "grant": appeals}, filters=("status",))
    TABLE.screen("platform:paid_paidnumber", read=readers, list_acts={"set_number": ops})


def paid_merchant() -> None:
    """Paid membership in the merchant's console: all read, operators and owners set up and sell, only owners let money and programs go."""
    owner = roles(OWNER)
    name = "merchant:paid_paidprogram"
    TABLE.screen(
        name,
        read=MERCHANT,
        acts={"place_card": WRITES, "close_program": owner},
        list_acts={"new": WRITES, "propose": owner},
        search=True,
        filters=("store", "status", "turn"),
    )
    for page in ("setup", "figures", "sanction"):
        TABLE.page(f"merchant:paid_{page}", MERCHANT)
    for page in ("pack", "review", "configuration", "decoration", "preview"):
        TABLE.page(f"{name}_{page}", MERCHANT, shows=True)
    TABLE.page(f"{name}_benefit", MERCHANT, get=404)  # without a benefit or kind; with one: tests/members/paid/admin
    TABLE.screen(
        "merchant:paid_benefit", read=MERCHANT, acts=dict.fromkeys(("switch_off", "switch_on"), WRITES), search=True, filters=("pack__program__store", "kind")
    )
    TABLE.screen(
        "merchant:paid_paidmembership",
        read=MERCHANT,
        acts={**dict.fromkeys(("confirm_payment", "renew", "consent_on", "consent_off"), WRITES), "cancel": owner},
        list_acts={"sell": WRITES},
        search=True,
        filters=("store", "program", "term", "status", "source"),
        lookups=("member_id",),
    )
    TABLE.screen(
        "merchant:paid_benefitissue",
        read=MERCHANT,
        acts={"use": WRITES},
        search=True,
        filters=("store", "status"),
        lookups=("paid_membership_id", "benefit__key", "benefit__pack__program_id", "member_id"),
    )
    TABLE.screen("merchant:paid_fulfilment", read=MERCHANT, acts={"keep_promise": WRITES}, search=True, filters=("store", "status", "late"))
    TABLE.screen("merchant:paid_paidrefund", read=MERCHANT, acts={"mark_paid": owner}, search=True, filters=("store", "status", "cause", "decided_at"))
    TABLE.screen("merchant:paid_complaint", read=MERCHANT, acts={"reply": WRITES}, search=True, filters=("store", "status"))


def paid_pictures() -> None:
    for console, readers in (("platform", READS_PAID), ("merchant", MERCHANT)):
        TABLE.screen(f"{console}:paid_picture", read=readers, filters=("store",))
        TABLE.page(f"{console}:paid_picture_file", readers, shows=True)


def machines() -> None:
    TABLE.outside("healthz", "says that the process answers, and nothing else")
    TABLE.outside("readyz", "says which part of the product is missing, and nothing of anybody")
    TABLE.outside("metrics", "figures without names, only for the addresses of METRICS_ALLOW, as tests/backoffice/test_health.py shows")
    TABLE.outside("api-1:receive_receipts", "signed by the store's gateway, as tests/campaigns/api show")
    for name in (
        "add_complaint", "add_events", "add_hold", "add_paid_membership", "add_payment", "add_refund", "add_spend", "add_top_up",
        "capture_hold", "get_credit", "get_level", "get_member", "leave",
        "link_identities", "list_messages", "list_payouts", "refund_a_top_up", "refund_order", "release_hold", "save_member", "settle_payout",
        "cancel_paid_membership", "get_paid_membership", "list_benefits", "pay_paid_membership", "renew_paid_membership", "set_auto_renewal", "use_benefit",
        "show_live_card", "show_member_centre", "show_push_account",
    ):  # fmt: skip
        TABLE.outside(f"api-1:{name}", "a client's token decides which stores it reaches: tests/backoffice/test_api_reach.py walks every call")
    TABLE.outside("api-1:check_grant", "only for a client of the platform, as tests/applications/api show")
    TABLE.outside("no_such_call", "answers that there is nothing there")
    TABLE.outside("oauth-token", "gives a token for a client's id and secret, as tests/kernel/api show")
    for name in ("api-1:api-root", "api-1:openapi-json"):
        TABLE.outside(name, "tells which calls there are, and shows nothing of anybody")
    operator = "run by the operator of the machine, who has the database itself"
    for name in (
        "advance_applications", "api_reference", "catalogues", "check_invariants", "create_app_client", "create_client", "create_developer", "create_user",
        "deliver_notices", "demo",
        "dispatch_messages",
        "expire_credit",
        "grants_check", "issue_benefits", "prove_ledger", "push_accounts", "run_reminders",
        "lifecycle_figures", "services", "settings_reference", "why_not",
    ):  # fmt: skip
        TABLE.outside(f"command {name}", operator)
    TABLE.outside("command import_file", "with --user the rights of that user count, as tests/kernel/files show; without it the operator's")
    started = "carries no rights: does what rows in the database say is due"
    for name in (
        "api.prune", "applications.advance", "applications.deliver_notices", "applications.recount_due_dates",
        "campaigns.dispatch_messages", "campaigns.hand_over_notices",
        "campaigns.run_due_reminders",
        "files.resume_imports", "files.run_import",
        "members.fold_push_figures", "members.prove_ledger_nightly", "members.sweep_lapsed_credit",
        "paid.issue_benefits", "paid.keep_orders",
    ):  # fmt: skip
        TABLE.outside(f"task {name}", started)


shell()
tenancy()
members()
api_clients()
files()
messages()
reminders()
offered_apps()
opening_table()
grants_and_standing()
review_desk()
developer_console()
paid_platform()
paid_merchant()
paid_pictures()
machines()
