"""A member's phone: setting and changing it, and showing it in full to somebody who may see it and says why."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import IntegrityError, connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel import clock
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotAllowed
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.secrets import decrypt, encrypt, lookup_hash, mask_phone
from backoffice.kernel.tenancy.access import allows, stores_of
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Console
from members.choices import PHONE_REVEALS_A_DAY
from members.models import Identity, Member, PhoneChange
from members.selectors.people import PHONE, normalise_identity, survivor
from members.services.locks import lock_member

REVEAL_PERMISSION = "members.reveal_phone"
SHORTEST_REASON = 5


class PhoneTaken(BusinessError):
    """Another member of the store has this phone."""

    code = "phone_taken"


class PhoneOfAnotherPerson(BusinessError):
    """The phone stands for another person. Nobody is merged by this; staff decide."""

    code = "phone_of_another_person"


class ReasonTooShort(BusinessError):
    """Revealing needs a reason that says something."""

    code = "reason_too_short"


class RevealLimitReached(BusinessError):
    """The user had the day's number of phones shown already."""

    code = "reveal_limit"


@in_transaction
def set_phone(*, member: Member, phone: str, source: str, by: User | None, now: datetime) -> Member:
    """Give ``member`` a phone, or another one; the person stays the same and the change is logged, masked.

    ``source`` says where it was learned (``console``, ``api``). The phone it had stays an identity of the person only while another store
    still knows it. Raises ``IdentityRefused`` (not a phone), ``PhoneTaken`` or ``PhoneOfAnotherPerson``; then nothing changed.
    """
    digits = normalise_identity(PHONE, phone)
    phone_hash, masked = lookup_hash(PHONE, digits), mask_phone(digits)
    stored = lock_member(member)
    old_hash = bytes(stored.phone_hash) if stored.phone_hash else None
    if old_hash == phone_hash:
        return stored
    if Member.objects.filter(store_id=stored.store_id, phone_hash=phone_hash).exclude(pk=stored.pk).exists():
        raise PhoneTaken(PHONE_TAKEN, field="phone")
    with _conflicts_told():
        identity = Identity.objects.filter(kind_id=PHONE, value_hash=phone_hash, ended_at=None).select_related("person").first()
        if identity is None:
            Identity.objects.create(kind_id=PHONE, value_hash=phone_hash, value_masked=masked, person_id=stored.person_id, seen_at=now)
        elif survivor(identity.person).pk != stored.person_id:
            raise PhoneOfAnotherPerson(_PHONE_OF_ANOTHER, field="phone")
        old_masked = stored.phone_masked
        stored.phone_encrypted, stored.phone_hash, stored.phone_masked, stored.updated_at = encrypt(digits), phone_hash, masked, now
        stored.save(update_fields=["phone_encrypted", "phone_hash", "phone_masked", "updated_at"])
    if old_hash and not Member.objects.filter(person_id=stored.person_id, phone_hash=old_hash).exists():
        Identity.objects.filter(kind_id=PHONE, value_hash=old_hash, person_id=stored.person_id, ended_at=None).update(ended_at=now)
    PhoneChange.objects.create(member=stored, old_masked=old_masked, new_masked=masked, source=source, happened_at=now)
    record_event("phone.changed", target=stored, store=stored.store_id, by=by, now=now, source=source)
    return stored


@in_transaction
def reveal_phone(*, member: Member, reason: str, by: User, now: datetime) -> str:
    """The member's phone in full, for a user who may see it, with a reason; counted and logged.

    Raises ``NotAllowed``, ``ReasonTooShort`` or ``RevealLimitReached`` (30 a user and local day, held by the database).
    Returns an empty text, uncounted, when the member has no phone.
    """
    everywhere = allows(by, REVEAL_PERMISSION, console=Console.PLATFORM.value)
    if not everywhere and not stores_of(by, REVEAL_PERMISSION).filter(pk=member.store_id).exists():
        raise NotAllowed(_("You may not have phones shown in full."))
    reason = reason.strip()
    if len(reason) < SHORTEST_REASON:
        raise ReasonTooShort(_("Say in at least %(count)s characters why you need the phone.") % {"count": SHORTEST_REASON}, field="reason")
    encrypted = Member.objects.values_list("phone_encrypted", flat=True).get(pk=member.pk)
    if encrypted is None:
        return ""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO members_phonerevealcount AS c (user_id, local_day, used) VALUES (%(user)s, %(day)s, 1) "
            "ON CONFLICT (user_id, local_day) DO UPDATE SET used = c.used + 1 WHERE c.used < %(limit)s RETURNING used",
            {"user": by.pk, "day": clock.local_day(now), "limit": PHONE_REVEALS_A_DAY},
        )
        counted = cursor.fetchone()
    if counted is None:
        sentence = _("You have had %(count)s phones shown today. The limit starts anew tomorrow.") % {"count": PHONE_REVEALS_A_DAY}
        raise RevealLimitReached(sentence)
    record_event("phone.revealed", target=member, store=member.store_id, by=by, now=now, reason=reason)
    return decrypt(encrypted)


PHONE_TAKEN = _("Another member of this store has this phone.")
_PHONE_OF_ANOTHER = _("This phone stands for another person. Ask the platform's member operations to look at both.")


@contextmanager
def _conflicts_told() -> Iterator[None]:
    """What somebody else wrote between our look and our write."""
    try:
        yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "member_phone_once_a_store":
            raise PhoneTaken(PHONE_TAKEN, field="phone") from error
        if constraint == "identity_live_value_is_one_person":
            raise PhoneOfAnotherPerson(_PHONE_OF_ANOTHER, field="phone") from error
        raise
