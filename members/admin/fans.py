"""Fans and posts of push accounts: facts from events and files, read only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter

from backoffice.kernel.admin.display import BUSY, EMPTY, GOOD, PLAIN, chip, moment, row_link
from backoffice.kernel.clock import database_now
from members.admin.tabs import Tab, TabbedList
from members.admin.words import unbroken
from members.models import Fan, Member, Post
from members.selectors.fans import first_day_of_window, get_push_numbers


class FanStateFilter(DropdownFilter):
    """Who follows now, subscribes, returns, or left."""

    title = gettext_lazy("State")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return (("fans", _("Fans")), ("subscribed", _("Subscribers")), ("returning", _("Returning fans")), ("left", _("Left the account")))

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        state = self.value()
        if state == "subscribed":
            return queryset.filter(subscribed=True)
        if state == "returning":
            return queryset.filter(fan_since__isnull=False, second_day__gte=_returning_since())
        if state in ("fans", "left"):
            return queryset.filter(fan_since__isnull=state == "left")
        return queryset


def _returning_since() -> Any:
    return first_day_of_window(database_now(), get_push_numbers().purchase_days)


class FanScreen(TabbedList):
    """Everybody whom an account knows as a follower, newest first as they became known."""

    big_list = True
    list_display: tuple[str, ...] = ("who", "store_name", "since", "state", "second_purchase", "seen")
    list_display_links = ("since",)
    list_filter: tuple[Any, ...] = ("store", FanStateFilter)
    list_select_related = ("store",)
    fields = ("who", "store_name", "state", "since", "left_at", "subscribed_since", "unsubscribed", "second_purchase", "seen")
    readonly_fields = ("who", "store_name", "state", "since", "left_at", "subscribed_since", "unsubscribed", "second_purchase", "seen")
    empty_text = gettext_lazy("No fans yet. Import the fans file: “Imports”, then “New import”; or let the store's systems tell who follows over the API.")
    admin_site: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Fan]:
        rows: models.QuerySet[Fan] = super().get_queryset(request)  # type: ignore[misc]
        member = Member.objects.filter(store=OuterRef("store"), person=OuterRef("person"))
        return rows.annotate(as_member=Subquery(member.values(found=JSONObject(pk="pk", member_no="member_no", nickname="nickname"))[:1]))

    def list_tabs(self, request: HttpRequest) -> tuple[Tab, ...]:
        return (
            (_("All"), ""),
            (_("Fans"), "state=fans"),
            (_("Subscribers"), "state=subscribed"),
            (_("Returning fans"), "state=returning"),
            (_("Left the account"), "state=left"),
        )

    @admin.display(description=gettext_lazy("Who"))
    def who(self, fan: Any) -> Any:
        if not fan.as_member:
            return _("Not a member")
        member = Member(**fan.as_member)
        return row_link(self.admin_site.name, member, unbroken(f"{member.nickname} {member.member_no}".strip()))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, fan: Fan) -> str:
        return unbroken(fan.store.name)

    @admin.display(description=gettext_lazy("Fan since"))
    def since(self, fan: Fan) -> str:
        return moment(fan.fan_since)

    @admin.display(description=gettext_lazy("State"))
    def state(self, fan: Fan) -> str:
        if fan.fan_since is None:
            return chip(_("Left the account"), PLAIN)
        return chip(_("Subscriber"), GOOD) if fan.subscribed else chip(_("Fan"), BUSY)

    @admin.display(description=gettext_lazy("Second last day of purchase"))
    def second_purchase(self, fan: Fan) -> str:
        return fan.second_day.isoformat() if fan.second_day else EMPTY

    @admin.display(description=gettext_lazy("Last seen"))
    def seen(self, fan: Fan) -> str:
        return moment(fan.last_seen_at)

    @admin.display(description=gettext_lazy("Left at"))
    def left_at(self, fan: Fan) -> str:
        return moment(fan.unfollowed_at)

    @admin.display(description=gettext_lazy("Subscribed at"))
    def subscribed_since(self, fan: Fan) -> str:
        return moment(fan.subscribed_at)

    @admin.display(description=gettext_lazy("Unsubscribed at"))
    def unsubscribed(self, fan: Fan) -> str:
        return moment(fan.unsubscribed_at)


class PostScreen(TabbedList):
    """Posts, newest first as they became known."""

    big_list = True
    list_display: tuple[str, ...] = ("post_id", "title_column", "store_name", "published")
    list_filter: tuple[Any, ...] = ("store", "published_at")
    list_select_related = ("store",)
    fields = ("post_id", "title_column", "store_name", "published")
    readonly_fields = ("title_column", "store_name", "published")
    empty_text = gettext_lazy("No posts yet. Import the posts file: “Imports”, then “New import”.")

    @admin.display(description=gettext_lazy("Title"))
    def title_column(self, post: Post) -> str:
        return post.title or EMPTY

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, post: Post) -> str:
        return unbroken(post.store.name)

    @admin.display(description=gettext_lazy("Published"))
    def published(self, post: Post) -> str:
        return moment(post.published_at)
