"""What the shop's live card and the member centre show of a store's paid membership."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import Field

from backoffice.kernel.api.auth import caller_of, client_auth
from backoffice.kernel.api.fields import AmountOut, code, shown
from backoffice.kernel.api.problems import READ_PROBLEMS
from backoffice.kernel.clock import database_now
from members.models import Member
from members.paid.benefits import describe
from members.paid.choices import TermUnit
from members.paid.selectors.entry_points import Entry, EntryPoint, get_entry_point

router = Router(tags=["paid membership"], auth=client_auth)

MemberNo = Annotated[str, code(64, example="M0001")]
Who = Annotated[MemberNo | None, Query(None, description="who looks at it; left out, or no active member of the store: nothing is shown")]


class ShownProgramOut(Schema):
    """The plan that is shown: the store's highest."""

    program_id: int
    name: str
    card_fee: AmountOut
    term_unit: TermUnit
    term_days: int | None = Field(description="with the unit DAYS only")


class ShownBenefitOut(Schema):
    """One of the three benefits on top."""

    key: str
    kind: str
    title: str
    description: str
    text: str = Field(description="what it is and when it is given, in one line")


class EntryPointOut(Schema):
    """What to show, the first module first. Without a program: nothing."""

    model_config = shown(
        {
            "store": "S1",
            "entry": "MEMBER_CENTRE",
            "program": {"program_id": 1, "name": "云上会员", "card_fee": "99.00", "term_unit": "YEAR", "term_days": None},
            "benefits": [{"key": "opening-gift", "kind": "OPENING_GIFT", "title": "开卡礼包", "description": "限量帆布袋", "text": "帆布袋 · 立即"}],
            "sign_up_url": "/paid-membership/S1/1",
        }
    )

    store: str
    entry: Entry
    program: ShownProgramOut | None
    benefits: list[ShownBenefitOut]
    sign_up_url: str | None


@router.get("/stores/{store}/entry-points/live-card", response={200: EntryPointOut, **READ_PROBLEMS}, summary="What the live card shows")
def show_live_card(request: HttpRequest, store: str, member_no: Who) -> EntryPointOut:
    """The top three benefits in the order of the decoration's modules and the link to the sign-up page, for an active member of the store. Empty for
    anybody else, without a live program, for a merchant that is barred, and where the store has not placed the live-card module."""
    return _shown(request, store, Entry.LIVE_CARD, member_no)


@router.get("/stores/{store}/entry-points/member-centre", response={200: EntryPointOut, **READ_PROBLEMS}, summary="What the member centre shows")
def show_member_centre(request: HttpRequest, store: str, member_no: Who) -> EntryPointOut:
    """As the live card, without a module to place."""
    return _shown(request, store, Entry.MEMBER_CENTRE, member_no)


def _shown(request: HttpRequest, store: str, entry: Entry, member_no: str | None) -> EntryPointOut:
    place = caller_of(request).store(store)
    member = Member.objects.filter(store=place, member_no=member_no).only("store_id", "status").first() if member_no else None
    return _told(place.code, entry, get_entry_point(place, entry, member, database_now()))


def _told(store_code: str, entry: Entry, point: EntryPoint | None) -> EntryPointOut:
    if point is None or point.program.pack is None:
        return EntryPointOut(store=store_code, entry=entry, program=None, benefits=[], sign_up_url=None)
    pack = point.program.pack
    return EntryPointOut(
        store=store_code,
        entry=entry,
        program=ShownProgramOut(
            program_id=point.program.pk, name=point.program.name, card_fee=pack.card_fee, term_unit=TermUnit(pack.term_unit), term_days=pack.term_days
        ),
        benefits=[
            ShownBenefitOut(key=benefit.key, kind=benefit.kind, title=benefit.title, description=benefit.description, text=describe(benefit))
            for benefit in point.benefits
        ],
        sign_up_url=point.sign_up_url,
    )
