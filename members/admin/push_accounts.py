"""Push accounts: the list of stores, and the page with figures, trend and the way to each mark. Numbers of pushes for the platform."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextInputWidget

from backoffice.kernel import clock
from backoffice.kernel.admin import tenant_action
from backoffice.kernel.admin.charts import Chart, Series
from backoffice.kernel.admin.display import EMPTY, GOOD, PLAIN, chip, count, list_url, moment
from members.admin.acting import acting_user
from members.admin.member_page import Figure
from members.admin.words import unbroken
from members.models import Fan, Post, PushAccount
from members.selectors.fans import AccountFigures, PushNumbers, get_account_figures, get_push_numbers, list_snapshots
from members.selectors.marks import list_marks
from members.services.push_accounts import set_push_account

CHANGE = "members.change_pushaccount"
TREND_DAYS = 30
POSTS_SHOWN = 10


class AccountDialog(BaseDialogForm):
    """The account's name and the page that its pushes open."""

    name = forms.CharField(label=gettext_lazy("Account name"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget())
    broadcast_url = forms.CharField(
        label=gettext_lazy("Broadcast page"),
        help_text=gettext_lazy("Every push opens this page. An https address."),
        required=False,
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "url", "autocomplete": "off"}),
    )

    _obj: PushAccount | None = None

    @property
    def obj(self) -> Any:
        return self._obj

    @obj.setter
    def obj(self, account: PushAccount) -> None:
        self._obj = account
        self.fields["name"].initial, self.fields["broadcast_url"].initial = account.name, account.broadcast_url


class PushAccountScreen:
    """Declaration of both consoles' screen: a row a store."""

    list_display: tuple[str, ...] = ("store_name", "name_column", "fans", "subscribers", "returning", "posts", "revisits")
    list_display_links = ("store_name",)
    search_fields = ("store__name", "store__code", "name")
    search_help_text = gettext_lazy("Searches the store's name and code, and the account's name.")
    fields = ("name", "broadcast_url")
    change_form_template = "members/push_account_page.html"
    actions_detail = ("describe",)
    empty_text = gettext_lazy("No store yet. Each store has a push account.")
    admin_site: Any
    allows: Any

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PushAccount]:
        rows: models.QuerySet[PushAccount] = super().get_queryset(request)  # type: ignore[misc]
        return rows.select_related("store")

    @admin.display(description=gettext_lazy("Store"), ordering="store__name")
    def store_name(self, account: PushAccount) -> str:
        return unbroken(account.store.name)

    @admin.display(description=gettext_lazy("Account name"))
    def name_column(self, account: PushAccount) -> str:
        return account.name or EMPTY

    @admin.display(description=gettext_lazy("Fans"), ordering="fan_count")
    def fans(self, account: PushAccount) -> str:
        return count(account.fan_count)

    @admin.display(description=gettext_lazy("Subscribers"), ordering="subscriber_count")
    def subscribers(self, account: PushAccount) -> str:
        return count(account.subscriber_count)

    @admin.display(description=gettext_lazy("Returning fans"), ordering="returning_fan_count")
    def returning(self, account: PushAccount) -> str:
        return count(account.returning_fan_count)

    @admin.display(description=gettext_lazy("Posts lately"), ordering="post_count")
    def posts(self, account: PushAccount) -> str:
        return count(account.post_count)

    @admin.display(description=gettext_lazy("Revisit rate"))
    def revisits(self, account: PushAccount) -> str:
        return _rate(AccountFigures(fans=account.fan_count, seen_fans=account.seen_fan_count))

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        account: PushAccount = kwargs["obj"]
        context |= {"subtitle": None, "title": account.store.name, "page": push_account_page(self.admin_site.name, account, clock.database_now())}
        answer: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return answer

    @tenant_action(permission=CHANGE, title=gettext_lazy("Name and page"), form=AccountDialog, icon="edit", submit=gettext_lazy("Save"))
    def describe(self, request: HttpRequest, account: PushAccount, form: Any) -> str:
        given = {name: form.cleaned_data[name] for name in ("name", "broadcast_url")}
        set_push_account(store=account.store, by=acting_user(request), now=clock.database_now(), **given)
        return _("The account's name and page are saved.")


def push_account_page(console: str, account: PushAccount, now: datetime) -> dict[str, Any]:
    """Context of the page. A fixed number of queries, however many fans and posts there are."""
    figures, numbers = get_account_figures(account.store_id, now), get_push_numbers()
    posts = list(Post.objects.filter(store=account.store_id).order_by("-published_at", "-pk")[:POSTS_SHOWN])
    return {
        "account": account,
        "figures": _figures(console, account, figures, numbers),
        "marks": [
            {"mark": mark, "state": chip(_("Reached"), GOOD) if mark.is_met else chip(_("Not reached yet"), PLAIN)} for mark in list_marks(figures, numbers)
        ],
        "trend": _trend(account, figures, now),
        "posts": [{"title": post.title or EMPTY, "number": post.post_id, "when": moment(post.published_at, now)} for post in posts],
        "posts_url": list_url(console, Post, f"store__id__exact={account.store_id}"),
    }


def _rate(figures: AccountFigures) -> str:
    return f"{figures.revisit_rate * 100:.2f} %" if figures.fans else EMPTY


def _figures(console: str, account: PushAccount, figures: AccountFigures, numbers: PushNumbers) -> list[Figure]:
    query = f"store__id__exact={account.store_id}"
    return [
        Figure(_("Fans"), f"{figures.fans:,}", _("Follow the account now"), list_url(console, Fan, f"state=fans&{query}")),
        Figure(_("Subscribers"), f"{figures.subscribers:,}", _("Want the account's messages"), list_url(console, Fan, f"state=subscribed&{query}")),
        Figure(
            _("Returning fans"),
            f"{figures.returning_fans:,}",
            _("Bought on two days of the last %(days)d") % {"days": numbers.purchase_days},
            list_url(console, Fan, f"state=returning&{query}"),
        ),
        Figure(_("Posts"), f"{figures.posts_in_window:,}", _("In the last %(days)d days") % {"days": numbers.post_days}, list_url(console, Post, query)),
        Figure(
            _("Revisit rate"),
            _rate(figures),
            _("%(seen)s of %(fans)s fans seen again in %(days)d days")
            % {"seen": f"{figures.seen_fans:,}", "fans": f"{figures.fans:,}", "days": numbers.seen_days},
        ),
    ]


def _trend(account: PushAccount, figures: AccountFigures, now: datetime) -> dict[str, Any]:
    """Days' ends, and the figures of now at the end of the line."""
    today = clock.local_day(now)
    ends = [end for end in list_snapshots([account.store_id], since=today - timedelta(days=TREND_DAYS - 1)) if end.day < today]
    labels = [*(f"{end.day:%m-%d}" for end in ends), f"{today:%m-%d}"]
    fans, subscribers, returning = ([*(getattr(end, name) for end in ends)] for name in ("fan_count", "subscriber_count", "returning_fan_count"))
    series: Sequence[Series] = (
        Series(_("Fans"), [*fans, figures.fans]),
        Series(_("Subscribers"), [*subscribers, figures.subscribers]),
        Series(_("Returning fans"), [*returning, figures.returning_fans]),
    )
    return {"chart": Chart(labels, series, stacked=False), "is_short": not ends}
