"""The figures of a store's push account, as the rights to push depend on them."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import shown
from backoffice.kernel.api.problems import READ_PROBLEMS
from backoffice.kernel.clock import database_now
from members.models import PushAccount
from members.selectors.fans import get_account_figures, get_push_numbers
from members.selectors.marks import list_marks

router = Router(tags=["push accounts"], auth=client_auth)


class PushAccountOut(Schema):
    """Figures of this moment. Windows are local days, today among them."""

    model_config = shown(
        {
            "store": "S1",
            "name": "云上微淘",
            "broadcast_url": "https://shop.example.com/live",
            "fans": 1200,
            "subscribers": 300,
            "returning_fans": 64,
            "posts": 6,
            "seen_fans": 90,
            "revisit_rate": "0.075000",
            "marks": {"SUBSCRIPTION": True, "FIRST_WIN_BACK": True, "SECOND_WIN_BACK": False},
        }
    )

    store: str
    name: str
    broadcast_url: str
    fans: int
    subscribers: int
    returning_fans: int = Field(description="fans who bought on two local days of the window (180 days)")
    posts: int = Field(description="posts of the window (7 days)")
    seen_fans: int = Field(description="fans seen again in the window (7 days)")
    revisit_rate: str = Field(description="`seen_fans` of `fans`, cut to six decimals")
    marks: dict[str, bool] = Field(description="which marks are reached now")


@router.get("/stores/{store}/push-account", response={200: PushAccountOut, **READ_PROBLEMS}, summary="Figures of the push account")
def show_push_account(request: HttpRequest, store: str) -> PushAccountOut:
    """Fans, subscribers, returning fans, posts and revisit rate, and which marks they reach. Told by events, and by files of fans, posts and orders."""
    place = caller_of(request).store(store)
    account = PushAccount.objects.filter(store=place).first() or PushAccount(store=place)
    figures = get_account_figures(place, database_now())
    return PushAccountOut(
        store=place.code,
        name=account.name,
        broadcast_url=account.broadcast_url,
        fans=figures.fans,
        subscribers=figures.subscribers,
        returning_fans=figures.returning_fans,
        posts=figures.posts_in_window,
        seen_fans=figures.seen_fans,
        revisit_rate=f"{figures.revisit_rate:.6f}",
        marks={mark.code: mark.is_met for mark in list_marks(figures, get_push_numbers())},
    )
