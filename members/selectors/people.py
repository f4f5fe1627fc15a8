"""Finding people by the identities they are known by."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.columns import ColumnError, Phone
from backoffice.kernel.secrets import lookup_hash, mask_phone
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console
from members.models import Identity, Member, Person

PHONE = "phone"
LONGEST_VALUE = 200


class IdentityRefused(BusinessError):
    """The value cannot be an identity of its kind."""

    code = "identity_invalid"


def normalise_identity(kind: str, value: str) -> str:
    """The one written form under which a value is hashed. Raises ``IdentityRefused`` for a value that cannot be of its kind."""
    if kind == PHONE:
        try:
            phone = Phone().clean(value)
        except ColumnError:
            phone = None
        if phone is None:
            raise IdentityRefused(
                _("This is not a mobile phone number. Write 11 digits that begin with 13 to 19; +86 in front is fine."), code="phone_invalid", field="phone"
            )
        return str(phone)
    text = value.strip()
    if not text or len(text) > LONGEST_VALUE or "\x00" in text:
        raise IdentityRefused(_("An identity has 1 to %(longest)s characters.") % {"longest": LONGEST_VALUE})
    return text.lower() if kind == "email" else text


def identity_hash(kind: str, value: str) -> bytes:
    """Keyed hash of a value in its one written form."""
    return lookup_hash(kind, normalise_identity(kind, value))


def mask_identity(kind: str, value: str) -> str:
    """What people may see of a normalised value: a phone as ``138****5678``, anything else by its first and last two characters."""
    if kind == PHONE:
        return mask_phone(value)
    return f"{value[:2]}****{value[-2:]}" if len(value) >= 8 else f"{value[:1]}****"


def find_person(kind: str, value: str) -> Person | None:
    """The person for whom a live identity stands; a merged person leads to the one it was merged into."""
    identity = Identity.objects.filter(kind_id=kind, value_hash=identity_hash(kind, value), ended_at=None).select_related("person").first()
    return None if identity is None else survivor(identity.person)


def survivor(person: Person) -> Person:
    """The person at the end of the redirections."""
    while person.merged_into is not None:
        person = person.merged_into
    return person


def list_identities(member: Member, user: User) -> QuerySet[Identity]:
    """Identities that ``user`` may see of the member's person, newest first.

    An identity says nothing about who brought it, so store staff see only the phone that their own store knows; platform staff see all.
    """
    identities = Identity.objects.filter(person_id=member.person_id).select_related("kind").order_by("-seen_at", "-pk")
    if allows(user, "members.view_identity", console=Console.PLATFORM.value):
        return identities
    return identities.filter(kind_id=PHONE, value_hash=member.phone_hash) if member.phone_hash else identities.none()
