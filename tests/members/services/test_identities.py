"""Linking identities that were seen together."""

from __future__ import annotations

import pytest

from backoffice.kernel.audit.models import AuditEvent
from members.models import Identity, IdentityLink, Person
from members.selectors.people import IdentityRefused, find_person
from members.services.identities import PeopleConflict, SingleValueConflict, link_identities
from tests.factories import NOON, make_member, make_person, make_store

pytestmark = pytest.mark.django_db
PHONE = ("phone", "13812341111")
UNION = ("unionid", "union-abcdef")
OPEN = ("openid", "open-abcdef")


def link(*values, source="mini_program", **fields):
    return link_identities(values=values, source=source, **({"by": None, "now": NOON} | fields))


def test_unknown_identities_make_one_person_and_edges():
    linked = link(PHONE, UNION, OPEN)
    assert (linked.is_new_person, linked.new_identities) == (True, 3)
    assert {find_person(*value) for value in (PHONE, UNION, OPEN)} == {linked.person}
    phone, union, openid = (Identity.objects.get(kind_id=value[0]) for value in (PHONE, UNION, OPEN))
    # the phone is the strongest: the others were seen with it
    assert set(IdentityLink.objects.values_list("first", "second", "source")) == {(phone.pk, union.pk, "mini_program"), (phone.pk, openid.pk, "mini_program")}
    assert AuditEvent.objects.get().facts == {"source": "mini_program", "kinds": ["openid", "phone", "unionid"]}


def test_a_known_identity_brings_the_others_to_its_person():
    member = make_member(make_store(), phone=PHONE[1])
    linked = link(PHONE, UNION)
    assert (linked.person, linked.is_new_person, linked.new_identities) == (member.person, False, 1)
    assert find_person(*UNION) == member.person


def test_seen_again_changes_nothing():
    link(PHONE, UNION)
    again = link(UNION, PHONE)
    assert (again.new_identities, IdentityLink.objects.count(), AuditEvent.objects.count(), Person.objects.count()) == (0, 1, 1, 1)
    link(UNION, PHONE, source="import")
    assert IdentityLink.objects.count() == 2


def test_two_strong_people_are_a_conflict_and_nothing_is_linked():
    one, two = link(PHONE).person, link(UNION).person
    with pytest.raises(PeopleConflict) as refused:
        link(PHONE, UNION, OPEN)
    assert (refused.value.code, refused.value.person_ids) == ("people_conflict", sorted([one.pk, two.pk]))
    assert (find_person(*OPEN), find_person(*PHONE), find_person(*UNION), IdentityLink.objects.count()) == (None, one, two, 0)


def test_a_named_person_who_is_not_the_known_one_is_a_conflict():
    link(PHONE)
    with pytest.raises(PeopleConflict):
        link(PHONE, person=make_person())


def test_a_weak_identity_never_decides():
    one = link(PHONE, ("cookie", "c1")).person
    two = link(UNION, ("cookie", "c1")).person
    assert one != two
    assert find_person("cookie", "c1") == one
    assert link(("cookie", "c1")).person == one


def test_a_visitor_becomes_known_by_the_first_strong_identity():
    visitor = link(("cookie", "c1")).person
    assert link(PHONE, ("cookie", "c1")).person == visitor
    assert find_person(*PHONE) == visitor


def test_a_second_value_of_a_single_valued_kind_is_refused():
    link(PHONE, UNION)
    with pytest.raises(SingleValueConflict):
        link(PHONE, ("unionid", "another-one"))
    assert find_person("unionid", "another-one") is None
    assert link(PHONE, OPEN, ("openid", "second-openid")).new_identities == 2  # of openids a person has many


def test_a_merged_person_leads_to_the_survivor():
    person = link(PHONE).person
    survivor = make_person()
    Person.objects.filter(pk=person.pk).update(merged_into=survivor)
    assert find_person(*PHONE) == survivor
    assert link(PHONE, UNION).person == survivor


def test_values_have_one_written_form_and_are_kept_only_as_hash():
    link(("phone", "+86 138-1234-1111"), ("email", " Ann@Example.COM "))
    assert find_person("phone", PHONE[1]) == find_person("email", "ann@example.com")
    assert set(Identity.objects.values_list("value_masked", flat=True)) == {"138****1111", "an****om"}


@pytest.mark.parametrize(
    ("values", "code"),
    [([], "identity_invalid"), ([("shoe_size", "42")], "identity_kind_unknown"), ([("openid", " ")], "identity_invalid"), ([("phone", "1")], "phone_invalid")],
)
def test_what_is_no_identity_is_refused(values, code):
    with pytest.raises(IdentityRefused) as refused:
        link(*values)
    assert (refused.value.code, Person.objects.count()) == (code, 0)
