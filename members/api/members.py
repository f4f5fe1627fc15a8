"""Members: told, read, left; and identities that were seen together."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from ninja import Router, Schema
from pydantic import Field, StrictBool

from backoffice.kernel.api.auth import caller_of, client_auth, opened_by
from backoffice.kernel.api.fields import Amount, Body, Day, Happened, MomentOut, code, shown, words
from backoffice.kernel.api.idempotency import KEYED, Done, keyed
from backoffice.kernel.api.problems import READ_PROBLEMS, WRITE_PROBLEMS
from backoffice.kernel.clock import database_now
from backoffice.kernel.files.columns import Code
from backoffice.kernel.files.columns.base import ColumnError
from backoffice.kernel.tenancy.choices import Language
from members.api.found import member_of
from members.choices import MemberStatus
from members.models import Member
from members.selectors.people import LONGEST_VALUE
from members.services.identities import note_sighting
from members.services.members import change_status
from members.services.profiles import MemberRefused, Profile, put_member

SOURCE = "api"
MOST_IDENTITIES = 20
LEVELS = "level.read"
"""The capability that opens level and growth."""

router = Router(tags=["members"], auth=client_auth)

Nickname = Annotated[str, words(100, example="小林", blank=True)]
Word64 = Annotated[str, words(64, example="门店", blank=True)]
LevelName = Annotated[str, words(64, example="金卡")]
TagName = Annotated[str, words(64, example="老客")]
Phone = Annotated[str, words(32, example="13800138000")]
Version = Annotated[str, words(32, example="2026-01", blank=True)]
Reason = Annotated[str, words(500, example="会员申请退出")]
MemberNo = Annotated[str, code(64, example="M0001")]
KindCode = Annotated[str, code(32, example="openid")]
IdentityValue = Annotated[str, words(LONGEST_VALUE, example="o6_bmjrPTlm6_2sgVt7hMZOPfL2M")]


class MemberIn(Body):
    """What is known of the member. A field that is left out changes nothing; tags are added."""

    model_config = shown({"nickname": "小林", "phone": "13800138000", "level": "普通", "tags": ["老客"], "marketing_consent": True})

    nickname: Nickname | None = None
    phone: Phone | None = Field(None, description="mainland mobile number; kept encrypted and never given back in full")
    birthday: Day | None = None
    joined_at: Happened | None = Field(None, description="for a new member: now, when left out")
    channel: Word64 | None = Field(None, description="through what the member joined")
    scene: Word64 | None = None
    level: LevelName | None = Field(None, description="name of a level of the store")
    language: Language | None = None
    tags: list[TagName] = Field(default=[], max_length=50)
    marketing_consent: StrictBool | None = Field(
        None, description="a no is always taken; a yes turns a recorded no only with a consent_at that is later. Left out, a new member has the store's default"
    )
    consent_at: Happened | None = Field(None, description="when the member said so")
    consent_version: Version | None = Field(None, description="version of the terms that were agreed to")


EXAMPLE: dict[str, Any] = {
    "store": "S1",
    "member_no": "M0001",
    "status": "ACTIVE",
    "nickname": "小林",
    "phone": "138****8000",
    "birthday": "1990-05-01",
    "joined_at": "2026-11-22T10:00:00+08:00",
    "channel": "门店",
    "scene": "",
    "level": "普通",
    "growth": 0,
    "tags": ["老客"],
    "language": "zh-hans",
    "marketing_consent": True,
    "consent_source": "MEMBER",
    "consent_at": "2026-11-22T10:00:00+08:00",
    "credit_cards_on": True,
}


class MemberOut(Schema):
    """A member as this store knows them."""

    model_config = shown(EXAMPLE)

    store: str
    member_no: str
    status: MemberStatus
    nickname: str
    phone: str | None = Field(description="masked")
    birthday: date | None
    joined_at: MomentOut
    channel: str
    scene: str
    level: str | None = Field(description="null without one, and for an app that may not read levels")
    growth: int | None = Field(description="null for an app that may not read levels")
    tags: list[str]
    language: str
    marketing_consent: bool
    consent_source: str = Field(description="STORE_DEFAULT, FILE, CONSOLE or MEMBER")
    consent_at: MomentOut
    credit_cards_on: bool = Field(description="the member's own switch for the three credit cards")


class SavedOut(MemberOut):
    """A member after a PUT, and what became of it."""

    model_config = shown({**EXAMPLE, "created": True, "changed": True, "consent_kept": False})

    created: bool = Field(description="the member is new")
    changed: bool = Field(description="something changed")
    consent_kept: bool = Field(description="the member declined marketing before, and this stands")


class LeaveIn(Body):
    """Why, and the balance that stays the member's when there is one."""

    model_config = shown({"reason": "会员申请退出", "confirmed_balance": "120.00"})

    reason: Reason
    confirmed_balance: Amount | None = Field(None, description="needed when the member has credit: exactly the balance, what is held included")


class LeaveOut(Schema):
    """The member has left. The money stays theirs."""

    model_config = shown({"store": "S1", "member_no": "M0001", "status": "LEFT", "left_at": "2026-11-22T10:00:00+08:00"})

    store: str
    member_no: str
    status: MemberStatus
    left_at: MomentOut


class IdentityIn(Body):
    kind: KindCode = Field(description="phone, openid, unionid, alipay_id, email, device, cookie ...")
    value: IdentityValue


class IdentitiesIn(Body):
    """Identities that stood together in one event, and the member they were seen with, if any."""

    model_config = shown({"member_no": "M0001", "identities": [{"kind": "openid", "value": "o6_bmjrP"}, {"kind": "phone", "value": "13800138000"}]})

    identities: list[IdentityIn] = Field(min_length=1, max_length=MOST_IDENTITIES)
    member_no: MemberNo | None = None


class IdentitiesOut(Schema):
    """How many identities were taken. Whom they stand for, and whether staff have to look, is not told: they may be known to other stores."""

    model_config = shown({"accepted": 2})

    accepted: int


def _fields_of(member: Member, store_code: str, *, with_level: bool = True) -> dict[str, Any]:
    return {
        "store": store_code,
        "member_no": member.member_no,
        "status": MemberStatus(member.status),
        "nickname": member.nickname,
        "phone": member.phone_masked or None,
        "birthday": member.birthday,
        "joined_at": member.joined_at,
        "channel": member.join_channel,
        "scene": member.join_scene,
        "level": member.level.name if with_level and member.level else None,
        "growth": member.growth if with_level else None,
        "tags": list(member.member_tags.order_by("tag__name").values_list("tag__name", flat=True)),
        "language": member.language,
        "marketing_consent": member.marketing_consent,
        "consent_source": member.consent_source,
        "consent_at": member.consent_at,
        "credit_cards_on": member.credit_cards_on,
    }


class LevelOut(Schema):
    """Where a member stands in this store."""

    model_config = shown({"store": "S1", "member_no": "M0001", "level": "普通", "growth": 0})

    store: str
    member_no: str
    level: str | None
    growth: int


@router.get("/stores/{store}/members/{member_no}", response={200: MemberOut, **READ_PROBLEMS}, summary="A member", auth=opened_by("member.read"))
def get_member(request: HttpRequest, store: str, member_no: str) -> MemberOut:
    """The member as this store knows them. A missing member and one of another store are the same 404. An app is told level and growth when it
    holds `level.read` too."""
    caller = caller_of(request)
    place = caller.store(store)
    return MemberOut(**_fields_of(member_of(place, member_no), place.code, with_level=caller.may(LEVELS, place)))


@router.get("/stores/{store}/members/{member_no}/level", response={200: LevelOut, **READ_PROBLEMS}, summary="A member's level", auth=opened_by(LEVELS))
def get_level(request: HttpRequest, store: str, member_no: str) -> LevelOut:
    """Level and growth of the member, and nothing else of them."""
    place = caller_of(request).store(store)
    member = member_of(place, member_no)
    return LevelOut(store=place.code, member_no=member.member_no, level=member.level.name if member.level else None, growth=member.growth)


@router.put(
    "/stores/{store}/members/{member_no}",
    response={200: SavedOut, 201: SavedOut, **WRITE_PROBLEMS},
    summary="Make a member, or bring one up to date",
    openapi_extra=KEYED,
)
@keyed
def save_member(request: HttpRequest, store: str, member_no: str, payload: MemberIn) -> Done:
    """201 for a new member, 200 for a known one. Refusals: `unknown_level`, `phone_taken`, `phone_of_another_person`, `person_already_member`,
    `account_closed`, `member_no_invalid`."""
    caller = caller_of(request)
    place, now = caller.store(store), database_now()
    told = payload.model_dump(exclude_unset=True)
    profile = Profile(**{**told, "tags": tuple(payload.tags)})
    done = put_member(store=place, member_no=_number(member_no), profile=profile, source=SOURCE, by=caller.user, now=now)
    fields = _fields_of(member_of(place, done.member.member_no), place.code)
    return Done(SavedOut(**fields, created=done.created, changed=done.changed, consent_kept=done.consent_kept), status=201 if done.created else 200)


def _number(text: str) -> str:
    """A member number as files have it, in its one written form: another form of it would be another member."""
    try:
        right = Code(64).clean(text) == text
    except (ColumnError, UnicodeError):
        right = False
    if not right:
        raise MemberRefused(_("This cannot be a member number."), code="member_no_invalid")
    return text


@router.post("/stores/{store}/members/{member_no}/leave", response={200: LeaveOut, **WRITE_PROBLEMS}, summary="The member leaves", openapi_extra=KEYED)
@keyed
def leave(request: HttpRequest, store: str, member_no: str, payload: LeaveIn) -> Done:
    """Without the right `confirmed_balance` a member with credit stays: `balance_not_confirmed`, with `balance`."""
    caller = caller_of(request)
    place = caller.store(store)
    change = change_status(
        member=member_of(place, member_no),
        to=MemberStatus.LEFT,
        reason=payload.reason,
        by=caller.user,
        now=database_now(),
        confirmed_with_balance=payload.confirmed_balance,
    )
    left_at: datetime = change.happened_at
    return Done(LeaveOut(store=place.code, member_no=member_no, status=MemberStatus.LEFT, left_at=left_at))


@router.post("/stores/{store}/identities", response={202: IdentitiesOut, **WRITE_PROBLEMS}, summary="Identities that were seen together", openapi_extra=KEYED)
@keyed
def link_identities(request: HttpRequest, store: str, payload: IdentitiesIn) -> Done:
    """They stand for one person from now on, unless they are known to be different people's: then staff look at them.

    The answer is the same in every case. Refusals: `identity_kind_unknown`, `identity_invalid`, `phone_invalid`.
    """
    caller = caller_of(request)
    place = caller.store(store)
    person = member_of(place, payload.member_no).person if payload.member_no is not None else None
    values = [(identity.kind, identity.value) for identity in payload.identities]
    note_sighting(values=values, source=f"{SOURCE}:{place.pk}", by=caller.user, now=database_now(), person=person)
    return Done(IdentitiesOut(accepted=len(values)), status=202)
