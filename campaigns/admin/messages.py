"""Messages, sent and held back, with their page. Read only; staff may let a dead letter be tried again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin, SearchShape, any_term, tenant_action, tenant_bulk_action
from backoffice.kernel.admin.display import EMPTY, count, moment, row_link, status_chip
from backoffice.kernel.admin.search import search_by_shape
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.sites import merchant_site, platform_site
from backoffice.kernel.tenancy.access import stores_of
from campaigns.admin.message_page import message_page
from campaigns.choices import MessageStatus, SuppressionReason
from campaigns.gateways.errors import describe_error
from campaigns.models import Message
from campaigns.selectors.messages import MESSAGE_TONES, of_members_like
from campaigns.services.retry import retry_message
from members.admin.search import MEMBER_HELP
from members.admin.tabs import Tab, TabbedList
from members.admin.words import unbroken

RETRY = "campaigns.retry_message"
VIEW_MEMBER = "members.view_member"


class MessageScreen(TabbedList):
    """Declaration of both consoles' screen."""

    big_list = True
    list_display: tuple[str, ...] = ("decided", "member_link", "store_name", "scenario_name", "status_column", "why", "attempts", "sent")
    list_display_links = ("decided",)
    list_filter: tuple[str, ...] = ("store", "scenario", "status", "reason", "local_day")
    allowed_lookups: Sequence[str] = ("scenario__in",)
    list_select_related = ("store", "member")
    search_shapes: Sequence[SearchShape] = (SearchShape(gettext_lazy("the member"), any_term, of_members_like),)
    search_help_text = MEMBER_HELP
    allows: Any
    fields = ("scenario",)
    change_form_template = "campaigns/message_page.html"
    empty_text = gettext_lazy("No messages yet. They are decided at each store's send time, once its reminders are on.")

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("Waiting"), "status__exact=PENDING"),
            (_("Sent"), "status__exact=SENT"),
            (_("Held back"), "status__exact=SUPPRESSED"),
            (_("Dead letters"), "status__exact=FAILED"),
            (_("Outcome unknown"), "status__exact=UNKNOWN"),
        )

    def shows_members(self, request: HttpRequest) -> bool:
        """Who may not see members reads the messages without learning, or asking, whom they were for."""
        return bool(self.allows(request, VIEW_MEMBER))

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        return tuple(name for name in self.list_display if name != "member_link" or self.shows_members(request))

    def get_search_fields(self, request: HttpRequest) -> Sequence[str]:
        return super().get_search_fields(request) if self.shows_members(request) else ()  # type: ignore[misc]

    def get_search_results(self, request: HttpRequest, queryset: models.QuerySet[Any], search_term: str) -> tuple[models.QuerySet[Any], bool]:
        if not self.shows_members(request):
            return (queryset.none() if search_term.strip() else queryset), False
        return search_by_shape(request, queryset, search_term, self.shapes_for(request)), False

    def shapes_for(self, request: HttpRequest) -> Sequence[SearchShape]:
        return self.search_shapes

    @admin.display(description=gettext_lazy("Decided"))
    def decided(self, message: Message) -> str:
        return moment(message.decided_at)

    @admin.display(description=gettext_lazy("Member"))
    def member_link(self, message: Message) -> str:
        if message.member is None:
            return _("Not a member")
        site = self.admin_site.name  # type: ignore[attr-defined]
        return row_link(site, message.member, unbroken(f"{message.member.nickname} {message.member.member_no}".strip()))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, message: Message) -> str:
        return unbroken(message.store.name)

    @admin.display(description=gettext_lazy("Scenario"))
    def scenario_name(self, message: Message) -> str:
        return unbroken(message.get_scenario_display())

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, message: Message) -> str:
        return status_chip(message, MESSAGE_TONES)

    @admin.display(description=gettext_lazy("Reason"))
    def why(self, message: Message) -> str:
        if message.reason:
            return str(SuppressionReason(message.reason).label)
        return describe_error(message.error) if message.error else EMPTY

    @admin.display(description=gettext_lazy("Attempts"))
    def attempts(self, message: Message) -> str:
        return count(message.attempt_count)

    @admin.display(description=gettext_lazy("Sent at"))
    def sent(self, message: Message) -> str:
        return moment(message.sent_at)

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        message = kwargs.get("obj")
        if message is not None:
            content = message_page(self, message, shows_member=self.shows_members(request))
            context |= {"title": message.get_scenario_display(), "subtitle": None, "page": content}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer


def _failed(message: models.Model) -> bool:
    return cast(Message, message).status == MessageStatus.FAILED


@admin.register(Message, site=platform_site)
class PlatformMessageAdmin(MessageScreen, PlatformModelAdmin):
    """All stores, with the button for dead letters."""

    actions: Any = ("try_all_again",)
    actions_detail = ("try_again",)

    @tenant_action(
        permission=RETRY,
        title=gettext_lazy("Try again"),
        icon="replay",
        available=_failed,
        description=gettext_lazy(
            "It takes a new slot of today's limits and is handed over with the same figures and the same key. Only on the day it was decided for."
        ),
    )
    def try_again(self, request: HttpRequest, message: Message, form: Any) -> str:
        retry_message(message=message, by=request.user, now=database_now())  # type: ignore[arg-type]
        return _("It waits to be handed over again.")

    @tenant_bulk_action(permission=RETRY, title=gettext_lazy("Try the chosen dead letters again"))
    def try_all_again(self, request: HttpRequest, messages: models.QuerySet[Message]) -> str:
        tried, refused = 0, ""
        for message in messages.order_by("pk"):
            try:
                retry_message(message=message, by=request.user, now=database_now())  # type: ignore[arg-type]
            except BusinessError as error:
                refused = refused or str(error)
            else:
                tried += 1
        said = ngettext("%(tried)d message waits to be handed over again.", "%(tried)d messages wait to be handed over again.", tried) % {"tried": tried}
        return f"{said} {refused}".strip()


@admin.register(Message, site=merchant_site)
class MerchantMessageAdmin(MessageScreen, MerchantModelAdmin):
    """Messages of the user's own stores."""

    def shapes_for(self, request: HttpRequest) -> Sequence[SearchShape]:
        within = partial(of_members_like, stores=stores_of(request.user, VIEW_MEMBER))
        return tuple(replace(shape, apply=within) for shape in self.search_shapes)
