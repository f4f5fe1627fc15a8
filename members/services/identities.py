"""Linking identities that were seen together to one person. Two people are never merged here: that is for staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.secrets import lookup_hash
from backoffice.kernel.tenancy.models import User
from members.models import Identity, IdentityKind, IdentityLink, Person
from members.selectors.people import IdentityRefused, mask_identity, normalise_identity, survivor
from members.services.locks import lock_people


class PeopleConflict(BusinessError):
    """The identities stand for different people. Nothing was changed; ``person_ids`` says whom staff have to look at."""

    code = "people_conflict"

    def __init__(self, person_ids: set[int]) -> None:
        self.person_ids = sorted(person_ids)
        super().__init__(_("These identities belong to different people. Look at both and decide; nothing was linked."), person_ids=self.person_ids)


class SingleValueConflict(BusinessError):
    """The person has another live value of a kind of which people have one. Nothing was changed."""

    code = "single_value_conflict"


@dataclass(frozen=True)
class Linked:
    """The one person behind the identities, how many identities were new to it, and whether the person is new."""

    person: Person
    new_identities: int
    is_new_person: bool


@in_transaction
def link_identities(*, values: Sequence[tuple[str, str]], source: str, by: User | None, now: datetime, person: Person | None = None) -> Linked:
    """Identities ``(kind, value)`` that ``source`` saw together stand for one person from now on; edges say what was seen with what.

    Strong kinds decide who it is (``person`` names somebody known already). Weak kinds, such as a cookie, never decide against a strong one
    and are left where they are when somebody else has them. Raises ``IdentityRefused``, ``PeopleConflict`` or ``SingleValueConflict``.
    """
    if not values:
        raise IdentityRefused(_("Name at least one identity."))
    kinds = {kind.code: kind for kind in IdentityKind.objects.filter(code__in={kind for kind, _value in values})}
    unknown = sorted({kind for kind, _value in values} - kinds.keys())
    if unknown:
        raise IdentityRefused(_("There is no identity kind “%(kind)s”.") % {"kind": unknown[0]}, code="identity_kind_unknown")
    wanted: dict[tuple[str, bytes], str] = {}
    for kind, value in values:
        text = normalise_identity(kind, value)
        wanted[kind, lookup_hash(kind, text)] = mask_identity(kind, text)

    found = _live_identities(wanted)
    owners = {key: survivor(identity.person) for key, identity in found.items()}
    strong = {owner.pk for (kind, _hash), owner in owners.items() if kinds[kind].may_link} | ({survivor(person).pk} if person else set())
    if len(strong) > 1:
        raise PeopleConflict(strong)
    known = strong or _known_by_weak({owner.pk for owner in owners.values()}, brings_strong=any(kind.may_link for kind in kinds.values()))
    chosen = lock_people(known)[0] if known else Person.objects.create()

    new = [key for key in wanted if key not in found]
    _refuse_second_values(chosen, {kind for kind, _hash in new if kinds[kind].single_valued})
    Identity.objects.bulk_create(
        [Identity(kind_id=kind, value_hash=value_hash, value_masked=wanted[kind, value_hash], person=chosen, seen_at=now) for kind, value_hash in new],
        ignore_conflicts=True,
    )
    stored = _live_identities(wanted)
    meanwhile = {identity.person_id for (kind, value_hash), identity in stored.items() if (kind, value_hash) in new and identity.person_id != chosen.pk}
    if meanwhile:
        raise PeopleConflict(meanwhile | {chosen.pk})
    _keep_edges([identity for identity in stored.values() if survivor(identity.person).pk == chosen.pk], kinds, source=source, now=now)
    if new:
        record_event("identities.linked", target=chosen, by=by, now=now, source=source, kinds=sorted({kind for kind, _hash in new}))
    return Linked(chosen, len(new), is_new_person=not known)


def note_sighting(*, values: Sequence[tuple[str, str]], source: str, by: User | None, now: datetime, person: Person | None = None) -> bool:
    """``link_identities`` for a source that must not learn who is known elsewhere: a conflict is no refusal but evidence for staff.

    Then nobody is linked; an edge between the identities that are known, and an audit event, say what was seen. Returns whether they were
    linked, for staff only. Raises ``IdentityRefused``.
    """
    for _attempt in range(3):
        try:
            link_identities(values=values, source=source, by=by, now=now, person=person)
        except (PeopleConflict, SingleValueConflict):
            continue  # somebody may have brought the same identities at the same moment: then the next look finds them
        return True
    _keep_evidence(values=values, source=source, by=by, now=now, person=person)
    return False


@in_transaction
def _keep_evidence(*, values: Sequence[tuple[str, str]], source: str, by: User | None, now: datetime, person: Person | None) -> None:
    keys = {(kind, lookup_hash(kind, normalise_identity(kind, value))): "" for kind, value in values}
    found = list(_live_identities(keys).values())
    _keep_edges(found, {kind.code: kind for kind in IdentityKind.objects.filter(code__in={kind for kind, _value in values})}, source=source, now=now)
    people = {survivor(identity.person).pk: identity.person for identity in found} | ({person.pk: person} if person else {})
    if people:
        # At the person, whom only platform staff see: a store's own history would tell what it must not learn.
        record_event("identities.conflict_met", target=people[min(people)], by=by, now=now, source=source, kinds=sorted({kind for kind, _value in values}))


def _known_by_weak(owners: set[int], *, brings_strong: bool) -> set[int]:
    """The one person behind weak identities, if they may decide: a visitor becomes known by the first strong identity, but somebody
    who is known already gets no new strong one from a shared device."""
    if len(owners) != 1:
        return set()
    if brings_strong and Identity.objects.filter(person__in=owners, kind__may_link=True, ended_at=None).exists():
        return set()
    return owners


def _live_identities(wanted: dict[tuple[str, bytes], str]) -> dict[tuple[str, bytes], Identity]:
    condition = Q(pk__in=[])
    for kind, value_hash in wanted:
        condition |= Q(kind_id=kind, value_hash=value_hash)
    rows = Identity.objects.filter(condition, ended_at=None).select_related("person")
    return {(row.kind_id, bytes(row.value_hash)): row for row in rows}


def _refuse_second_values(person: Person, kinds: set[str]) -> None:
    taken = Identity.objects.filter(person=person, kind__in=kinds, ended_at=None).values_list("kind__name", flat=True).first() if kinds else None
    if taken is not None:
        raise SingleValueConflict(_("This person is known by another value of “%(kind)s” already.") % {"kind": taken})


def _keep_edges(identities: list[Identity], kinds: dict[str, IdentityKind], *, source: str, now: datetime) -> None:
    """Every identity beside the strongest one: a star holds the same evidence as all pairs."""
    if len(identities) < 2:
        return
    anchor = max(identities, key=lambda identity: (kinds[identity.kind_id].strength, -identity.pk))
    pairs = [sorted((anchor.pk, other.pk)) for other in identities if other.pk != anchor.pk]
    IdentityLink.objects.bulk_create(
        [IdentityLink(first_id=first, second_id=second, source=source, seen_at=now) for first, second in pairs], ignore_conflicts=True
    )
