"""Members as a store's own systems tell of them: one by its number, new or known. The same rules as for a members file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.secrets import encrypt, lookup_hash, mask_phone
from backoffice.kernel.tenancy.models import Store, User
from members.choices import ConsentSource, MemberStatus
from members.models import Identity, Level, Member, MemberTag, Person, Tag
from members.selectors.people import PHONE, find_person, normalise_identity
from members.services.locks import lock_member_by_number
from members.services.phones import PHONE_TAKEN, PhoneTaken, set_phone

MOST_TRIES = 5
_OVERTAKEN = {"member_no_once_a_store", "member_person_once_a_store", "member_phone_once_a_store", "identity_live_value_is_one_person"}


class MemberRefused(BusinessError):
    """The member cannot be made or changed as told; nothing was changed."""

    code = "member_refused"


@dataclass(frozen=True)
class Profile:
    """What is told of a member. ``None`` (and no tags) changes nothing; tags are added, none is taken away.

    ``level`` is the name of a level of the store. ``consent_at`` is when the member said what ``marketing_consent`` says.
    """

    nickname: str | None = None
    phone: str | None = None
    birthday: date | None = None
    joined_at: datetime | None = None
    channel: str | None = None
    scene: str | None = None
    level: str | None = None
    language: str | None = None
    tags: tuple[str, ...] = ()
    marketing_consent: bool | None = None
    consent_at: datetime | None = None
    consent_version: str | None = None


@dataclass(frozen=True)
class Put:
    """What became of it. ``consent_kept``: the member had declined marketing, and a yes without a later time does not change that."""

    member: Member
    created: bool
    changed: bool
    consent_kept: bool


class _Overtaken(Exception):
    """Somebody else wrote between our look and our write: everything begins anew."""


def put_member(*, store: Store, member_no: str, profile: Profile, source: str, by: User | None, now: datetime) -> Put:
    """Make the member with this number, or bring the known one up to date. ``source`` says who told, for the log of phones.

    A new member's person is found by the phone, or made. Raises ``MemberRefused`` (``unknown_level``, ``account_closed``,
    ``person_already_member``), ``PhoneTaken``, ``PhoneOfAnotherPerson`` or ``IdentityRefused``; then nothing changed.
    """
    tries = 1
    while True:
        try:
            return _put(store=store, member_no=member_no, profile=profile, source=source, by=by, now=now)
        except _Overtaken:
            if tries == MOST_TRIES:
                raise
        tries += 1


@in_transaction
def _put(*, store: Store, member_no: str, profile: Profile, source: str, by: User | None, now: datetime) -> Put:
    level = _level(store, profile.level)
    member = lock_member_by_number(store.pk, member_no)
    if member is not None:
        return _change(member, profile, level, source=source, by=by, now=now)
    try:
        member = _join(store, member_no, profile, level, now)
    except IntegrityError as error:
        if getattr(getattr(error.__cause__, "diag", None), "constraint_name", "") in _OVERTAKEN:
            raise _Overtaken from error
        raise
    _add_tags(member, profile.tags)
    record_event("member.joined", target=member, store=store, by=by, now=now, source=source)
    return Put(member, created=True, changed=True, consent_kept=False)


def _level(store: Store, name: str | None) -> Level | None:
    level = Level.objects.filter(store=store, name=name).first() if name is not None else None
    if name is not None and level is None:
        raise MemberRefused(_("The store has no level of this name. Create the level first, or check the name."), code="unknown_level", field="level")
    return level


def _join(store: Store, member_no: str, profile: Profile, level: Level | None, now: datetime) -> Member:
    fields: dict[str, Any] = {}
    person = None
    if profile.phone is not None:
        digits = normalise_identity(PHONE, profile.phone)
        fields = {"phone_encrypted": encrypt(digits), "phone_hash": lookup_hash(PHONE, digits), "phone_masked": mask_phone(digits)}
        if Member.objects.filter(store=store, phone_hash=fields["phone_hash"]).exists():
            raise PhoneTaken(PHONE_TAKEN, field="phone")
        person = find_person(PHONE, digits)
        if person is not None and Member.objects.filter(store=store, person=person).exists():
            sentence = _("The person with this phone is a member of this store under another number. Staff must look at both.")
            raise MemberRefused(sentence, code="person_already_member", field="phone")
    if person is None:
        person = Person.objects.create()
        if fields:
            Identity.objects.create(kind_id=PHONE, value_hash=fields["phone_hash"], value_masked=fields["phone_masked"], person=person, seen_at=now)
    joined_at = profile.joined_at or now
    agrees, told = profile.marketing_consent, profile.marketing_consent is not None
    return Member.objects.create(
        store=store,
        person=person,
        member_no=member_no,
        nickname=profile.nickname or "",
        birthday=profile.birthday,
        joined_at=joined_at,
        join_channel=profile.channel or "",
        join_scene=profile.scene or "",
        level=level,
        marketing_consent=store.marketing_consent_default if agrees is None else agrees,
        consent_source=ConsentSource.MEMBER if told else ConsentSource.STORE_DEFAULT,
        consent_version=(profile.consent_version or "") if told else "",
        consent_at=min(profile.consent_at or now, now) if told else joined_at,
        created_at=now,
        updated_at=now,
        **({"language": profile.language} if profile.language else {}),
        **fields,
    )


def _change(member: Member, profile: Profile, level: Level | None, *, source: str, by: User | None, now: datetime) -> Put:
    if member.status == MemberStatus.CLOSED:
        raise MemberRefused(_("This member's account is closed. It is not changed or reopened from outside."), code="account_closed")
    phone_before = member.phone_hash
    if profile.phone is not None:
        member = set_phone(member=member, phone=profile.phone, source=source, by=by, now=now)
    told = {
        "nickname": profile.nickname,
        "birthday": profile.birthday,
        "joined_at": profile.joined_at,
        "join_channel": profile.channel,
        "join_scene": profile.scene,
        "level": level,
        "language": profile.language,
    }
    changes: dict[str, Any] = {name: value for name, value in told.items() if value is not None and value != getattr(member, name)}
    consent, kept = _consent(member, profile, now)
    changes |= consent
    if changes:
        for name, value in changes.items():
            setattr(member, name, value)
        member.updated_at = now
        member.save(update_fields=[*changes, "updated_at"])
    tagged = _add_tags(member, profile.tags)
    fields = sorted({*changes, *(["tags"] if tagged else [])})
    if fields:
        record_event("member.changed", target=member, store=member.store_id, by=by, now=now, source=source, fields=fields)
    return Put(member, created=False, changed=bool(fields) or member.phone_hash != phone_before, consent_kept=kept)


def _consent(member: Member, profile: Profile, now: datetime) -> tuple[dict[str, Any], bool]:
    """The fields that change, and whether a recorded no was kept. A no is always taken; a yes turns a recorded no only when the member said it later."""
    agrees = profile.marketing_consent
    if agrees is None:
        return {}, False
    said_at = min(profile.consent_at, now) if profile.consent_at else None
    recorded = member.consent_source != ConsentSource.STORE_DEFAULT
    if agrees and recorded and not member.marketing_consent and (said_at is None or said_at <= member.consent_at):
        return {}, True
    if agrees == member.marketing_consent and recorded:
        return {}, False
    return {
        "marketing_consent": agrees,
        "consent_source": ConsentSource.MEMBER,
        "consent_version": profile.consent_version or "",
        "consent_at": said_at or now,
    }, False


def _add_tags(member: Member, names: Iterable[str]) -> bool:
    """Put the tags on the member, making those that the store does not have. Whether any was new."""
    wanted = sorted(set(names))
    if not wanted:
        return False
    Tag.objects.bulk_create([Tag(store_id=member.store_id, name=name) for name in wanted], ignore_conflicts=True)
    tags = list(Tag.objects.filter(store_id=member.store_id, name__in=wanted).order_by("pk"))
    had = set(MemberTag.objects.filter(member=member, tag__in=tags).values_list("tag_id", flat=True))
    MemberTag.objects.bulk_create([MemberTag(member=member, tag=tag) for tag in tags if tag.pk not in had], ignore_conflicts=True)
    return len(had) < len(tags)
