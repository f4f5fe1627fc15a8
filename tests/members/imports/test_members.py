"""Member files: what a row creates, changes and leaves alone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import translation

from backoffice.kernel.files.problems import sentence_for
from backoffice.kernel.secrets import decrypt, lookup_hash
from backoffice.kernel.tenancy.models import Store
from members.choices import ConsentSource, MemberStatus
from members.models import Identity, Member, MemberTag, Person, PhoneChange, Tag
from tests.factories import NOON, make_level, make_member, make_store
from tests.loading import csv_of, load, outcome, problems

pytestmark = pytest.mark.django_db

HEADER = "member_no,nickname,phone,joined_at,birthday,level,growth,tags,channel,marketing_consent"
PHONE, OTHER_PHONE = "13800138000", "13900139000"


@pytest.fixture
def store() -> Store:
    return make_store("YS01")


def member_of(store: Store, number: str) -> Member:
    return Member.objects.get(store=store, member_no=number)


def test_a_row_creates_a_member_with_all_columns(store: Store) -> None:
    gold = make_level(store, "金卡", 100)
    job = load("members", csv_of(HEADER, f"M1,小林,{PHONE},2026-01-05 10:30,1990-5-1,金卡,120,老客;爱喝咖啡,门店,0"), store=store)

    assert outcome(job) == {"status": "APPLIED", "created": 1}
    member = member_of(store, "M1")
    assert (member.nickname, member.joined_at, member.birthday) == ("小林", datetime(2026, 1, 5, 2, 30, tzinfo=UTC), date(1990, 5, 1))
    assert (member.level, member.growth, member.join_channel, member.status) == (gold, 120, "门店", MemberStatus.ACTIVE)
    assert (member.marketing_consent, member.consent_source, member.consent_at) == (False, ConsentSource.FILE, NOON)
    assert (decrypt(member.phone_encrypted), bytes(member.phone_hash), member.phone_masked) == (PHONE, lookup_hash("phone", PHONE), "138****8000")
    assert sorted(MemberTag.objects.filter(member=member).values_list("tag__name", flat=True)) == ["爱喝咖啡", "老客"]
    identity = Identity.objects.get(kind_id="phone")
    assert (bytes(identity.value_hash), identity.value_masked, identity.person_id) == (lookup_hash("phone", PHONE), "138****8000", member.person_id)


def test_a_row_with_a_number_alone_takes_the_defaults(store: Store) -> None:
    load("members", csv_of("member_no", "M1", "M2"), store=store)

    member = member_of(store, "M1")
    assert (member.joined_at, member.nickname, member.phone_hash, member.phone_masked, member.growth) == (NOON, "", None, "", 0)
    assert (member.marketing_consent, member.consent_source) == (True, ConsentSource.STORE_DEFAULT)
    assert member.person_id != member_of(store, "M2").person_id
    assert not Identity.objects.exists()
    assert set(Person.objects.values_list("pk", flat=True)) == set(Member.objects.values_list("person_id", flat=True))


def test_a_new_member_takes_the_default_of_the_store() -> None:
    store = make_store("YS01", marketing_consent_default=False)
    load("members", csv_of("member_no,marketing_consent,joined_at", "M1,,2026-02-01", "M2,1,"), store=store)

    assert [(m.marketing_consent, m.consent_source) for m in (member_of(store, "M1"), member_of(store, "M2"))] == [
        (False, ConsentSource.STORE_DEFAULT),
        (True, ConsentSource.FILE),
    ]


@pytest.mark.parametrize("written", ["+86 138-0013-8000", "0086 13800138000", "１３８００１３８０００", "138 0013 8000", " 13800138000 ", "'+8613800138000"])
def test_a_phone_is_one_phone_however_it_is_written(store: Store, written: str) -> None:
    load("members", csv_of("member_no,phone", f"M1,{written}"), store=store)

    assert decrypt(member_of(store, "M1").phone_encrypted) == PHONE


def test_blank_cells_and_missing_columns_change_nothing(store: Store) -> None:
    gold = make_level(store, "金卡", 100)
    made = make_member(store, "M1", phone=PHONE, nickname="小林", birthday=date(1990, 5, 1), level=gold, growth=7, join_channel="门店", marketing_consent=False)
    before = Member.objects.filter(pk=made.pk).values().get()
    first = load("members", csv_of(HEADER, "M1,,,,,,,,,"), store=store)
    second = load("members", csv_of("member_no,nickname", "M1,小林"), store=store)

    assert outcome(first) == outcome(second) == {"status": "APPLIED", "unchanged": 1}
    assert Member.objects.filter(pk=made.pk).values().get() == before


def test_what_is_given_changes_and_nothing_else(store: Store) -> None:
    make_member(store, "M1", phone=PHONE, nickname="小林", growth=7, birthday=date(1990, 5, 1))
    make_member(store, "M2", nickname="不在文件里", growth=3)
    job = load("members", csv_of("member_no,nickname,growth", "M1,大林,"), store=store)

    assert outcome(job) == {"status": "APPLIED", "updated": 1}
    member = member_of(store, "M1")
    assert (member.nickname, member.growth, member.birthday, decrypt(member.phone_encrypted), member.updated_at) == ("大林", 7, date(1990, 5, 1), PHONE, NOON)
    assert member_of(store, "M2").nickname == "不在文件里"


def test_status_is_untouched_and_a_closed_account_refuses(store: Store) -> None:
    make_member(store, "LEFT", status=MemberStatus.LEFT)
    make_member(store, "BLACK", status=MemberStatus.BLACKLISTED)
    make_member(store, "CLOSED", status=MemberStatus.CLOSED, nickname="旧")
    job = load("members", csv_of("member_no,nickname", "LEFT,新", "BLACK,新", "CLOSED,新"), store=store, skip=True)

    assert outcome(job) == {"status": "APPLIED", "updated": 2, "bad": 1}
    assert problems(job) == [(4, "member_no", "account_closed")]
    assert [member_of(store, number).status for number in ("LEFT", "BLACK", "CLOSED")] == [MemberStatus.LEFT, MemberStatus.BLACKLISTED, MemberStatus.CLOSED]
    assert member_of(store, "CLOSED").nickname == "旧"


class TestConsent:
    @pytest.mark.parametrize("source", [ConsentSource.FILE, ConsentSource.CONSOLE, ConsentSource.MEMBER])
    def test_yes_in_a_file_never_overrides_a_recorded_no(self, store: Store, source: str) -> None:
        earlier = NOON - timedelta(days=9)
        make_member(store, "M1", marketing_consent=False, consent_source=source, consent_at=earlier, nickname="旧")
        job = load("members", csv_of("member_no,nickname,marketing_consent", "M1,新,1"), store=store)

        assert outcome(job) == {"status": "APPLIED", "updated": 1}, "the row is applied"
        assert job.notes["consent_kept"] == 1
        member = member_of(store, "M1")
        assert (member.nickname, member.marketing_consent, member.consent_source, member.consent_at) == ("新", False, source, earlier)

    def test_no_in_a_file_is_a_recorded_no(self, store: Store) -> None:
        make_member(store, "M1")
        make_member(store, "M2", consent_source=ConsentSource.MEMBER)
        job = load("members", csv_of("member_no,营销同意", "M1,否", "M2,0"), store=store)

        assert outcome(job) == {"status": "APPLIED", "updated": 2}
        for number in ("M1", "M2"):
            member = member_of(store, number)
            assert (member.marketing_consent, member.consent_source, member.consent_at) == (False, ConsentSource.FILE, NOON)
        again = load("members", csv_of("member_no,营销同意", "M1,是", "M2,是"), store=store)
        assert (outcome(again), again.notes["consent_kept"]) == ({"status": "APPLIED", "unchanged": 2}, 2)

    def test_a_store_default_of_no_is_no_wish(self, store: Store) -> None:
        make_member(store, "M1", marketing_consent=False, consent_source=ConsentSource.STORE_DEFAULT)
        load("members", csv_of("member_no,marketing_consent", "M1,1"), store=store)

        member = member_of(store, "M1")
        assert (member.marketing_consent, member.consent_source) == (True, ConsentSource.FILE)


class TestPhones:
    def test_a_person_is_found_by_phone_across_stores(self, store: Store) -> None:
        known = make_member(make_store("OTHER"), "X9", phone=PHONE)
        load("members", csv_of("member_no,phone", f"M1,{PHONE}"), store=store)

        assert member_of(store, "M1").person_id == known.person_id
        assert Identity.objects.count() == Person.objects.count() == 1

    def test_one_new_phone_in_two_stores_of_a_file_is_one_person(self, store: Store) -> None:
        other = make_store("YS02")
        job = load("members", csv_of("store,member_no,phone", f"YS01,M1,{PHONE}", f"YS02,M1,{PHONE}", f"YS02,M2,{OTHER_PHONE}"))

        assert outcome(job) == {"status": "APPLIED", "created": 3}
        assert member_of(store, "M1").person_id == member_of(other, "M1").person_id != member_of(other, "M2").person_id
        assert Identity.objects.count() == Person.objects.count() == 2

    def test_a_phone_twice_in_a_store_of_the_file_is_nobodys(self, store: Store) -> None:
        job = load("members", csv_of("member_no,phone", f"M1,{PHONE}", f"M2,+86{PHONE}", f"M3,{OTHER_PHONE}"), store=store, skip=True)

        assert problems(job) == [(2, "phone", "phone_twice"), (3, "phone", "phone_twice")]
        assert list(Member.objects.values_list("member_no", flat=True)) == ["M3"]

    def test_the_phone_of_another_member_of_the_store_is_refused(self, store: Store) -> None:
        make_member(store, "M1", phone=PHONE)
        job = load("members", csv_of("member_no,phone", f"M2,{PHONE}"), store=store)

        assert (outcome(job), job.error_code) == ({"status": "REFUSED", "bad": 1}, "bad_rows")
        assert problems(job) == [(2, "phone", "phone_taken")]
        assert not Member.objects.filter(member_no="M2").exists()

    def test_a_changed_phone_keeps_the_person_and_is_logged(self, store: Store) -> None:
        before = make_member(store, "M1", phone=PHONE)
        job = load("members", csv_of("member_no,phone", f"M1,{OTHER_PHONE}"), store=store)

        assert outcome(job) == {"status": "APPLIED", "updated": 1}
        after = member_of(store, "M1")
        assert (after.person_id, decrypt(after.phone_encrypted), after.phone_masked) == (before.person_id, OTHER_PHONE, "139****9000")
        change = PhoneChange.objects.get()
        assert (change.member_id, change.old_masked, change.new_masked, change.source, change.happened_at) == (
            after.pk, "138****8000", "139****9000", f"import:{job.pk}", NOON,
        )  # fmt: skip
        ended = {bytes(identity.value_hash): identity.ended_at for identity in Identity.objects.filter(person_id=before.person_id)}
        assert ended == {lookup_hash("phone", PHONE): NOON, lookup_hash("phone", OTHER_PHONE): None}

    def test_an_old_phone_that_another_store_still_knows_stays_an_identity(self, store: Store) -> None:
        person = make_member(store, "M1", phone=PHONE).person
        make_member(make_store("OTHER"), "X1", phone=PHONE)
        load("members", csv_of("member_no,phone", f"M1,{OTHER_PHONE}"), store=store)

        assert Identity.objects.filter(person=person, ended_at=None).count() == 2

    def test_a_freed_phone_makes_a_new_person(self, store: Store) -> None:
        before = make_member(store, "M1", phone=PHONE).person_id
        load("members", csv_of("member_no,phone", f"M1,{OTHER_PHONE}"), store=store)
        load("members", csv_of("member_no,phone", f"M2,{PHONE}"), store=store)

        assert member_of(store, "M2").person_id != before

    def test_a_phone_of_another_person_is_a_conflict_for_staff(self, store: Store) -> None:
        mine = make_member(store, "M1", phone=PHONE)
        theirs = make_member(make_store("OTHER"), "X1", phone=OTHER_PHONE)
        job = load("members", csv_of("member_no,phone,nickname", f"M1,{OTHER_PHONE},新", "M2,,新"), store=store, skip=True)

        assert outcome(job) == {"status": "APPLIED", "created": 1, "conflict": 1}
        assert problems(job) == [(2, "phone", "phone_of_another_person")]
        with translation.override("en"):
            assert "store" not in sentence_for("phone_of_another_person")
        after = member_of(store, "M1")
        assert (after.person_id, decrypt(after.phone_encrypted), after.nickname) == (mine.person_id, PHONE, mine.nickname)
        assert mine.person_id != theirs.person_id
        assert not PhoneChange.objects.exists()

    def test_all_or_nothing_counts_a_conflict_as_something_wrong(self, store: Store) -> None:
        make_member(store, "M1", phone=PHONE)
        make_member(make_store("OTHER"), "X1", phone=OTHER_PHONE)
        job = load("members", csv_of("member_no,phone", f"M1,{OTHER_PHONE}", "M2,"), store=store)

        assert (job.status, job.error_code, job.conflict_count) == ("REFUSED", "bad_rows", 1)
        assert not Member.objects.filter(member_no="M2").exists()

    def test_a_second_number_for_a_person_of_the_store_is_a_conflict(self, store: Store) -> None:
        """The store knows no phone of M1, but another store does: the person is a member already."""
        person = make_member(make_store("OTHER"), "X1", phone=PHONE).person
        make_member(store, "M1", person=person)
        job = load("members", csv_of("member_no,phone", f"M2,{PHONE}"), store=store, skip=True)

        assert (job.conflict_count, problems(job)) == (1, [(2, "phone", "person_already_member")])
        assert not Member.objects.filter(member_no="M2").exists()

    def test_a_merged_person_leads_to_the_survivor(self, store: Store) -> None:
        loser = make_member(make_store("OTHER"), "X1", phone=PHONE).person
        middle, survivor = Person.objects.create(), Person.objects.create()
        Person.objects.filter(pk=loser.pk).update(merged_into=middle)
        Person.objects.filter(pk=middle.pk).update(merged_into=survivor)
        load("members", csv_of("member_no,phone", f"M1,{PHONE}"), store=store)

        assert member_of(store, "M1").person_id == survivor.pk


class TestLevelsAndTags:
    def test_a_level_is_found_by_name_in_the_own_store_only(self, store: Store) -> None:
        make_level(store, "金卡", 100)
        make_level(make_store("OTHER"), "黑卡", 100)
        job = load("members", csv_of("member_no,level", "M1,金卡", "M2,黑卡", "M3,"), store=store, skip=True)

        assert problems(job) == [(3, "level", "unknown_level")]
        assert (outcome(job), member_of(store, "M1").level.name) == ({"status": "APPLIED", "created": 2, "bad": 1}, "金卡")

    def test_tags_are_made_once_and_added(self, store: Store) -> None:
        member = make_member(store, "M1")
        MemberTag.objects.create(member=member, tag=Tag.objects.create(store=store, name="手工"))
        first = load("members", csv_of("member_no,tags", "M1,老客；咖啡;老客", "M2,老客"), store=store)
        second = load("members", csv_of("member_no,tags", "M1,咖啡", "M2,老客;新"), store=store)

        assert outcome(first) == {"status": "APPLIED", "created": 1, "updated": 1}
        assert outcome(second) == {"status": "APPLIED", "updated": 1, "unchanged": 1}
        assert sorted(Tag.objects.filter(store=store).values_list("name", flat=True)) == sorted(["手工", "老客", "咖啡", "新"])
        assert sorted(MemberTag.objects.filter(member=member).values_list("tag__name", flat=True)) == sorted(["手工", "老客", "咖啡"])


def test_growth_is_a_whole_number_of_zero_or_more(store: Store) -> None:
    job = load("members", csv_of("member_no,growth", "M1,12.5", "M2,-1", "M3,很多", "M4,0"), store=store, skip=True)

    assert problems(job) == [(2, "growth", "not_whole"), (3, "growth", "negative_number"), (4, "growth", "not_number")]


def test_rows_keep_the_rules_when_the_same_file_content_comes_in_another_order(store: Store) -> None:
    """The same rows in a file of other bytes: everything is known, nothing changes, no person is made."""
    rows = [f"M{number},会员{number},138{number:08},{number}" for number in range(50)]
    first = load("members", csv_of("member_no,nickname,phone,growth", *rows), store=store)
    people = Person.objects.count()
    second = load("members", csv_of("member_no,nickname,phone,growth", *reversed(rows)), store=store)

    assert (outcome(first), outcome(second)) == ({"status": "APPLIED", "created": 50}, {"status": "APPLIED", "unchanged": 50})
    assert Person.objects.count() == people == 50
