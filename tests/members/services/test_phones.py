"""Setting, changing and revealing a phone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.secrets import decrypt, lookup_hash
from backoffice.kernel.tenancy.roles import Role
from members.models import Identity, Member, PhoneChange, PhoneRevealCount
from members.selectors.people import IdentityRefused, find_person
from members.services.phones import PhoneOfAnotherPerson, PhoneTaken, ReasonTooShort, RevealLimitReached, reveal_phone, set_phone
from tests.factories import NOON, make_member, make_store, make_user

pytestmark = pytest.mark.django_db
OLD, NEW = "13812341111", "13912342222"
LATER = NOON + timedelta(hours=1)


def change(member, phone, **fields):
    return set_phone(member=member, phone=phone, **({"source": "console", "by": None, "now": LATER} | fields))


def phone_of(member):
    stored = Member.objects.get(pk=member.pk)
    return decrypt(stored.phone_encrypted) if stored.phone_encrypted else ""


def test_a_first_phone_is_stored_encrypted_masked_and_leads_to_the_person():
    member = make_member(make_store())
    change(member, "+86 139-1234 2222")
    stored = Member.objects.get(pk=member.pk)
    assert (phone_of(member), stored.phone_masked, bytes(stored.phone_hash)) == (NEW, "139****2222", lookup_hash("phone", NEW))
    assert NEW.encode() not in bytes(stored.phone_encrypted)
    assert find_person("phone", NEW) == member.person


def test_a_changed_phone_keeps_the_person_and_is_logged_masked():
    member, user = make_member(make_store(), phone=OLD), make_user()
    change(member, NEW, by=user, source="api")
    assert Member.objects.get(pk=member.pk).person_id == member.person_id
    assert (find_person("phone", NEW), find_person("phone", OLD)) == (member.person, None)
    logged = PhoneChange.objects.get()
    assert (logged.old_masked, logged.new_masked, logged.source, logged.happened_at) == ("138****1111", "139****2222", "api", LATER)
    event = AuditEvent.objects.get(verb="phone.changed")
    assert (event.actor, event.store_id, event.facts) == (user, member.store_id, {"source": "api"})


def test_the_same_phone_again_changes_nothing():
    member = make_member(make_store(), phone=OLD)
    change(member, f"+86{OLD}")
    assert (PhoneChange.objects.count(), AuditEvent.objects.count()) == (0, 0)


def test_the_old_phone_stays_an_identity_while_another_store_knows_it():
    member = make_member(make_store(), phone=OLD)
    elsewhere = make_member(make_store(), phone=OLD)
    assert elsewhere.person_id == member.person_id
    change(member, NEW)
    assert find_person("phone", OLD) == find_person("phone", NEW) == member.person
    assert phone_of(elsewhere) == OLD


def test_a_phone_of_another_member_of_the_store_is_taken():
    store = make_store()
    member, other = make_member(store, phone=OLD), make_member(store, phone=NEW)
    with pytest.raises(PhoneTaken) as refused:
        change(member, NEW)
    assert refused.value.code == "phone_taken"
    assert (phone_of(member), phone_of(other), PhoneChange.objects.count()) == (OLD, NEW, 0)


def test_a_phone_of_another_person_is_for_staff_to_decide():
    member, other = make_member(make_store(), phone=OLD), make_member(make_store(), phone=NEW)
    with pytest.raises(PhoneOfAnotherPerson) as refused:
        change(member, NEW)
    assert refused.value.code == "phone_of_another_person"
    assert "store" not in str(refused.value)
    assert (phone_of(member), find_person("phone", NEW), find_person("phone", OLD)) == (OLD, other.person, member.person)


def test_an_ended_phone_may_come_back_to_somebody_else():
    first, second = make_member(make_store(), phone=OLD), make_member(make_store())
    change(first, NEW)
    change(second, OLD)
    assert find_person("phone", OLD) == second.person
    assert Identity.objects.filter(kind_id="phone", value_hash=lookup_hash("phone", OLD)).count() == 2


@pytest.mark.parametrize("text", ["", "12345", "12812341111", "138123411112", "1381234111a", "138\x0012341111"])
def test_what_is_no_mobile_number_is_refused(text):
    member = make_member(make_store(), phone=OLD)
    with pytest.raises(IdentityRefused) as refused:
        change(member, text)
    assert (refused.value.code, phone_of(member)) == ("phone_invalid", OLD)


# --- revealing


def reveal(member, user, reason="customer asked us to call", now=LATER):
    return reveal_phone(member=member, reason=reason, by=user, now=now)


def test_a_reveal_is_counted_and_logged_with_its_reason():
    member, user = make_member(make_store(), phone=OLD), make_user(Role.PLATFORM_MEMBER_OPS)
    assert reveal(member, user) == OLD
    event = AuditEvent.objects.get()
    assert (event.verb, event.actor, event.store_id, event.target_id, event.reason) == (
        "phone.revealed",
        user,
        member.store_id,
        member.pk,
        "customer asked us to call",
    )
    assert OLD not in str(event.facts)
    assert PhoneRevealCount.objects.get(user=user).used == 1


@pytest.mark.parametrize("role", [Role.PLATFORM_AUDITOR, Role.PLATFORM_REVIEWER])
def test_platform_roles_without_the_right_see_nothing(role):
    with pytest.raises(NotAllowed):
        reveal(make_member(make_store(), phone=OLD), make_user(role))
    assert (AuditEvent.objects.count(), PhoneRevealCount.objects.count()) == (0, 0)


def test_an_owner_reveals_only_in_stores_of_the_seat_and_an_operator_nowhere():
    mine, theirs = make_store(), make_store()
    owner = make_user(Role.MERCHANT_OWNER, merchant=mine.merchant)
    operator = make_user(Role.MERCHANT_OPERATOR, merchant=mine.merchant)
    member, foreign = make_member(mine, phone=OLD), make_member(theirs, phone=NEW)
    assert reveal(member, owner) == OLD
    for user, target in [(owner, foreign), (operator, member)]:
        with pytest.raises(NotAllowed):
            reveal(target, user)


def test_a_reason_must_say_something():
    member, user = make_member(make_store(), phone=OLD), make_user()
    with pytest.raises(ReasonTooShort):
        reveal(member, user, reason="  why  ")
    assert AuditEvent.objects.count() == 0


def test_thirty_a_user_and_local_day():
    member, user, colleague = make_member(make_store(), phone=OLD), make_user(), make_user()
    for _ in range(30):
        reveal(member, user)
    with pytest.raises(RevealLimitReached):
        reveal(member, user)
    assert (AuditEvent.objects.count(), PhoneRevealCount.objects.get(user=user).used) == (30, 30)
    assert reveal(member, colleague) == OLD
    assert reveal(member, user, now=NOON + timedelta(hours=12)) == OLD  # local midnight
    with pytest.raises(IntegrityError, match="phone_reveal_day_limit"), transaction.atomic():
        PhoneRevealCount.objects.filter(user=user).update(used=31)


def test_nothing_to_reveal_is_not_counted():
    assert reveal(make_member(make_store()), make_user()) == ""
    assert (AuditEvent.objects.count(), PhoneRevealCount.objects.count()) == (0, 0)
