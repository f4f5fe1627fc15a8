"""Programs and their holders in all stores."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, Subquery, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from backoffice.kernel.admin import person, tenant_action
from backoffice.kernel.admin.display import EMPTY, count, full_time, list_url, moment, money, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import platform_site
from members.admin.member_page import Figure
from members.admin.tabs import Tab
from members.paid.admin.merchant.base import RowPage, Section, Table
from members.paid.admin.merchant.memberships import TermFilter
from members.paid.admin.platform.figures import figures_view
from members.paid.admin.platform.parts import CONSOLE, PaidDialog, PaidPlatformScreen, link_if_allowed
from members.paid.choices import PAID_STATES, MembershipStatus, ProgramStatus
from members.paid.models import Benefit, PackReach, PaidMembership, PaidProgram
from members.paid.selectors.pack_changes import term_text
from members.paid.selectors.sanctions import count_holders
from members.paid.selectors.tones import COMPLAINT_TONES, ISSUE_TONES, MEMBERSHIP_TONES, PROGRAM_TONES, REVIEW_TONES
from members.paid.services.complaints import file_complaint

ROWS_SHOWN = 20
VIEW_MEMBER = "members.view_member"


@admin.register(PaidProgram, site=platform_site)
class PaidProgramAdmin(PaidPlatformScreen):
    """Programs of all stores."""

    list_display = ("name_column", "store_column", "status_column", "rank", "fee_column", "holders_column", "stock_column", "live_column")
    list_display_links = ("name_column",)
    list_filter = ("status", "store", "store__merchant")
    list_select_related = ("store__merchant", "pack", "decoration")
    search_fields = ("name", "store__code", "store__name")
    empty_text = gettext_lazy("No store has a program yet. Invite a store first.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in ProgramStatus.choices), (_("All"), ""))

    def get_urls(self) -> list[URLPattern]:
        own = [path("figures/", self.admin_site.admin_view(self.figures_view), name="paid_figures")]
        return [*own, *super().get_urls()]

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        return figures_view(self, request)

    def get_queryset(self, request: HttpRequest) -> Any:
        """``holder_count`` is counted for the rows of a page only: it orders nothing."""
        today = local_day(database_now())
        holding = PaidMembership.objects.filter(program=OuterRef("pk"), status__in=PAID_STATES, starts_on__lte=today, ends_on__gt=today)
        counted = Subquery(holding.order_by().values("program").annotate(number=Count("pk")).values("number"), output_field=IntegerField())
        return super().get_queryset(request).select_related("store__merchant", "pack", "decoration").annotate(holder_count=Coalesce(counted, Value(0)))

    @admin.display(description=gettext_lazy("Program"))
    def name_column(self, row: PaidProgram) -> str:
        return row.name

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: PaidProgram) -> str:
        return status_chip(row, PROGRAM_TONES)

    @admin.display(description=gettext_lazy("Card fee"))
    def fee_column(self, row: PaidProgram) -> str:
        return f"{format_yuan(row.pack.card_fee)} / {term_text(row.pack)}" if row.pack else EMPTY

    @admin.display(description=gettext_lazy("Holders today"))
    def holders_column(self, row: Any) -> str:
        return count(row.holder_count)

    @admin.display(description=gettext_lazy("Places taken"))
    def stock_column(self, row: PaidProgram) -> str:
        return f"{row.sold_count:,} / {row.stock_limit:,}" if row.stock_limit is not None else f"{row.sold_count:,}"

    @admin.display(description=gettext_lazy("Live since"))
    def live_column(self, row: PaidProgram) -> str:
        return moment(row.live_at)

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        program: PaidProgram = row
        holders = count_holders(program, local_day(database_now()))
        packs = program.packs.order_by("-version")
        decorations = program.decorations.order_by("-version")
        complaints = program.complaints.order_by("-pk")[:ROWS_SHOWN]
        return RowPage(
            title=program.name,
            chips=(status_chip(program, PROGRAM_TONES),),
            under=program.store.name,
            figures=[
                Figure(_("Holders today"), f"{holders:,}", "", list_url(CONSOLE, PaidMembership, f"program_id={program.pk}")),
                Figure(_("Places taken"), f"{program.sold_count:,}", _("of %(n)d") % {"n": program.stock_limit} if program.stock_limit is not None else ""),
                Figure(_("Card fee"), format_yuan(program.pack.card_fee) if program.pack else EMPTY, term_text(program.pack) if program.pack else ""),
            ],
            sections=[
                Section(
                    _("Program"),
                    facts=[
                        (_("Store"), row_link(CONSOLE, program.store, f"{program.store.name} ({program.store.code})")),
                        (_("Merchant"), row_link(CONSOLE, program.store.merchant)),
                        (_("Nomination"), row_link(CONSOLE, program.nomination, program.nomination.get_way_display())),
                        (_("Rank"), program.rank),
                        (_("Live since"), full_time(program.live_at) if program.live_at else EMPTY),
                        *(((_("Closed or revoked"), full_time(program.ended_at)),) if program.ended_at else ()),
                    ],
                ),
                Section(_("Terms"), text=program.terms_text) if program.terms_text else Section(_("Terms"), text=_("Not written yet.")),
                Section(_("Packs"), table=_versions(packs)),
                Section(_("Decorations"), table=_versions(decorations)),
                Section(
                    _("Complaints"),
                    table=Table(
                        [_("Complaint"), _("Status"), _("Filed")],
                        [[row_link(CONSOLE, each, each.text[:60]), status_chip(each, COMPLAINT_TONES), moment(each.filed_at)] for each in complaints],
                        empty=_("None."),
                    ),
                ),
            ],
        )


def _versions(rows: Any) -> Table:
    """Drafts have no page of their own: they are the merchant's until they are handed in."""
    return Table(
        [_("Version"), _("Status"), _("Submitted"), _("Ruled on")],
        [
            [
                row_link(CONSOLE, row, f"v{row.version}") if row.submitted_at else f"v{row.version}",
                status_chip(row, REVIEW_TONES),
                moment(row.submitted_at),
                moment(row.decided_at),
            ]
            for row in rows
        ],
        empty=_("None yet."),
    )


class ComplaintDialog(PaidDialog):
    """What a member told staff, written down for them."""

    benefit = forms.ChoiceField(label=gettext_lazy("Benefit"), required=False, widget=UnfoldAdminSelectWidget())
    text = forms.CharField(label=gettext_lazy("What was promised and not kept"), max_length=4000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}))
    evidence = forms.CharField(label=gettext_lazy("Evidence"), required=False, max_length=4000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}))
    _obj: PaidMembership | None = None

    @property
    def obj(self) -> Any:
        return self._obj

    @obj.setter
    def obj(self, row: PaidMembership) -> None:
        """The benefits that reach this purchase are known once the row is."""
        self._obj = row
        reached = PackReach.objects.filter(pack=row.pack_id).select_related("benefit").order_by("benefit__position", "pk")
        field: Any = self.fields["benefit"]
        field.choices = [("", _("The program as a whole")), *((str(reach.benefit_id), reach.benefit.title) for reach in reached)]

    def facts(self) -> list[tuple[Any, Any]]:
        row = self._obj
        return [(_("Member"), row.member.member_no), (_("Program"), row.program.name), (_("Store"), row.store.name)] if row else []


@admin.register(PaidMembership, site=platform_site)
class PaidMembershipAdmin(PaidPlatformScreen):
    """Purchases of all stores, newest first."""

    big_list = True
    list_display = ("order_column", "store_column", "member_column", "program_column", "status_column", "starts_on", "ends_on", "price_column")
    list_display_links = ("order_column",)
    list_filter = (TermFilter, "store", "status")
    list_select_related = ("store", "member", "program", "pack")
    allowed_lookups = ("program_id",)
    actions_detail = ("complain",)
    empty_text = gettext_lazy("Nobody has bought a program yet.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (*((label, f"status__exact={status}") for status, label in MembershipStatus.choices), (_("All"), ""))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("store", "member", "program", "pack")

    @admin.display(description=gettext_lazy("Order number"))
    def order_column(self, row: PaidMembership) -> str:
        return row.order_no

    @admin.display(description=gettext_lazy("Member"))
    def member_column(self, row: PaidMembership) -> str:
        return row.member.member_no

    @admin.display(description=gettext_lazy("Program"))
    def program_column(self, row: PaidMembership) -> str:
        return f"{row.program.name} v{row.pack.version}"

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, row: PaidMembership) -> str:
        return status_chip(row, MEMBERSHIP_TONES)

    @admin.display(description=gettext_lazy("Price paid"))
    def price_column(self, row: PaidMembership) -> str:
        return money(row.price)

    def page(self, row: Any, request: HttpRequest) -> RowPage:
        term: PaidMembership = row
        issues = term.issues.select_related("benefit").order_by("-due_on", "-pk")[: ROWS_SHOWN * 2]
        return RowPage(
            title=term.order_no,
            chips=(status_chip(term, MEMBERSHIP_TONES),),
            under=term.store.name,
            sections=[
                Section(
                    _("Purchase"),
                    facts=[
                        (_("Member"), link_if_allowed(request, VIEW_MEMBER, term.member)),
                        (_("Program"), row_link(CONSOLE, term.program)),
                        (_("Pack"), row_link(CONSOLE, term.pack, f"v{term.pack.version}")),
                        (_("Price paid"), format_yuan(term.price)),
                        (_("Source"), term.get_source_display()),
                        (_("From"), term.starts_on or EMPTY),
                        (_("Until (not including)"), term.ends_on or EMPTY),
                        *(((_("Reason"), term.end_reason),) if term.end_reason else ()),
                    ],
                ),
                Section(
                    _("Benefits issued"),
                    table=Table(
                        [_("Benefit"), _("Due"), _("Status"), _("Expires on")],
                        [[issue.benefit.title, issue.due_on, status_chip(issue, ISSUE_TONES), issue.expires_on] for issue in issues],
                        empty=_("Nothing has been issued yet."),
                    ),
                ),
            ],
        )

    @tenant_action(
        permission="paid.rule_complaint",
        title=gettext_lazy("Write down a complaint"),
        submit=gettext_lazy("File the complaint"),
        form=ComplaintDialog,
        icon="report",
        available=lambda row: row.status in PAID_STATES,
    )
    def complain(self, request: HttpRequest, row: PaidMembership, form: Any) -> str:
        given = form.cleaned_data
        benefit = Benefit.objects.filter(reach__pack=row.pack_id, pk=int(given["benefit"])).first() if given["benefit"] else None
        file_complaint(
            store=row.store, member=row.member, program=row.program, benefit=benefit, issue=None, text=given["text"], evidence=given["evidence"],
            by=person(request), now=database_now(),
        )  # fmt: skip
        return _("The complaint is filed. Take it up to hear the merchant.")
