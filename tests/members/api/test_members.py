"""``/stores/{store}/members/{member_no}``, ``/leave`` and ``/identities``: what is told, refused, and never given away."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.secrets import decrypt
from backoffice.kernel.tenancy.models import Store
from members.choices import ConsentSource, MemberStatus
from members.models import Identity, IdentityLink, Member, MemberStatusChange, Person, PhoneChange
from members.selectors.people import find_person
from members.services.members import record_consent
from tests.campaigns.reminders import give
from tests.factories import NOON, make_level, make_member, make_store
from tests.kernel.api.calling import Caller, problem_of

pytestmark = pytest.mark.django_db
PHONE, OTHER_PHONE = "13812345678", "13900001111"


@pytest.fixture
def store() -> Store:
    return make_store("s1")


@pytest.fixture
def caller(store: Store) -> Caller:
    return Caller(store)


def put(caller: Caller, body: dict[str, Any], member_no: str = "M1") -> Any:
    return caller.put(f"/stores/s1/members/{member_no}", body)


class TestNew:
    def test_a_member_is_made_with_everything_that_is_told(self, caller: Caller, store: Store) -> None:
        level = make_level(store, "金卡")
        answer = put(caller, {
            "nickname": "小林", "phone": "+86 138 1234 5678", "birthday": "1990-05-01", "joined_at": "2026-01-05T10:30:00+08:00", "channel": "门店",
            "scene": "扫码", "level": "金卡", "language": "en", "tags": ["老客", "爱喝咖啡"], "marketing_consent": True, "consent_version": "v3",
            "consent_at": "2026-01-05T10:29:00+08:00",
        })  # fmt: skip
        assert answer.status_code == 201
        told = answer.json()
        assert told | {"created": True} == told
        assert {key: told[key] for key in ("store", "member_no", "status", "nickname", "phone", "birthday", "joined_at", "level", "tags", "language")} == {
            "store": "s1", "member_no": "M1", "status": "ACTIVE", "nickname": "小林", "phone": "138****5678", "birthday": "1990-05-01",
            "joined_at": "2026-01-05T10:30:00+08:00", "level": "金卡", "tags": ["爱喝咖啡", "老客"], "language": "en",
        }  # fmt: skip
        member = Member.objects.get()
        assert decrypt(member.phone_encrypted) == PHONE
        assert (member.level, member.join_channel, member.join_scene, member.language) == (level, "门店", "扫码", "en")
        assert (member.marketing_consent, member.consent_source, member.consent_version) == (True, ConsentSource.MEMBER, "v3")
        assert find_person("phone", PHONE) == member.person
        assert PHONE not in answer.content.decode()

    def test_nothing_need_be_told(self, caller: Caller, store: Store) -> None:
        Store.objects.update(marketing_consent_default=False)
        assert put(caller, {}).status_code == 201
        member = Member.objects.get()
        assert (member.nickname, member.phone_masked, member.marketing_consent, member.consent_source) == ("", "", False, ConsentSource.STORE_DEFAULT)
        assert abs(member.joined_at - timezone.now()) < timedelta(minutes=1)

    def test_the_client_is_the_actor(self, caller: Caller) -> None:
        put(caller, {"nickname": "小林"})
        event = AuditEvent.objects.get(verb="member.joined")
        assert (event.actor, event.facts) == (caller.client.user, {"source": "api"})

    def test_a_person_whom_another_store_knows_joins_as_the_same_person(self, caller: Caller) -> None:
        elsewhere = make_member(make_store("s2"), phone=PHONE)
        put(caller, {"phone": PHONE})
        assert Member.objects.get(store__code="s1").person == elsewhere.person
        assert Person.objects.count() == 1

    def test_a_phone_of_another_member_of_the_store(self, caller: Caller, store: Store) -> None:
        make_member(store, "M2", phone=PHONE)
        assert problem_of(put(caller, {"phone": PHONE})) == (422, "phone_taken")
        assert Member.objects.count() == Person.objects.count() == 1

    def test_a_person_who_is_a_member_under_another_number(self, caller: Caller, store: Store) -> None:
        person = make_member(make_store("s2"), phone=PHONE).person
        make_member(store, "M2", person=person)
        assert problem_of(put(caller, {"phone": PHONE})) == (422, "person_already_member")
        assert Member.objects.filter(store=store).count() == 1

    def test_the_store_has_no_such_level(self, caller: Caller, store: Store) -> None:
        make_level(make_store("s2"), "金卡")
        assert problem_of(put(caller, {"level": "金卡"})) == (422, "unknown_level")
        assert not Member.objects.exists()

    @pytest.mark.parametrize("member_no", ["１２３", " M1", "%E2%80%8BM1", "1.38E+10", "%23REF!", "x" * 65])
    def test_a_number_that_files_would_write_otherwise_or_refuse(self, caller: Caller, member_no: str) -> None:
        assert problem_of(put(caller, {}, member_no)) == (422, "member_no_invalid")
        assert not Member.objects.exists()


class TestKnown:
    def test_what_is_left_out_stays(self, caller: Caller, store: Store) -> None:
        level = make_level(store, "金卡")
        make_member(store, "M1", nickname="小林", phone=PHONE, level=level, birthday="1990-05-01")
        answer = put(caller, {"channel": "门店"})
        assert (answer.status_code, answer.json()["changed"]) == (200, True)
        member = Member.objects.get()
        assert (member.nickname, member.phone_masked, member.level, member.join_channel) == ("小林", "138****5678", level, "门店")
        assert AuditEvent.objects.get(verb="member.changed").facts == {"source": "api", "fields": ["join_channel"]}

    def test_the_same_again_changes_nothing(self, caller: Caller) -> None:
        body = {"nickname": "小林", "phone": PHONE, "tags": ["老客"], "marketing_consent": True}
        put(caller, body)
        before = Member.objects.values().get()
        answer = put(caller, body)
        assert (answer.status_code, answer.json()["created"], answer.json()["changed"]) == (200, False, False)
        assert Member.objects.values().get() == before
        assert not AuditEvent.objects.filter(verb="member.changed").exists()

    def test_tags_are_added(self, caller: Caller) -> None:
        put(caller, {"tags": ["a"]})
        assert put(caller, {"tags": ["b", "a"]}).json()["tags"] == ["a", "b"]
        assert put(caller, {"tags": []}).json()["tags"] == ["a", "b"]

    def test_a_new_phone_is_logged_masked(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1", phone=PHONE)
        assert put(caller, {"phone": OTHER_PHONE}).json()["phone"] == "139****1111"
        change = PhoneChange.objects.get()
        assert (change.old_masked, change.new_masked, change.source) == ("138****5678", "139****1111", "api")

    def test_a_phone_that_stands_for_another_person(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1", phone=PHONE)
        make_member(make_store("s2"), phone=OTHER_PHONE)
        answer = put(caller, {"phone": OTHER_PHONE, "nickname": "x"})
        assert problem_of(answer) == (422, "phone_of_another_person")
        assert "store" not in answer.json()["detail"]
        assert Member.objects.get(store=store).nickname != "x"

    def test_a_closed_account_is_not_changed(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1", status=MemberStatus.CLOSED, nickname="小林")
        assert problem_of(put(caller, {"nickname": "x"})) == (422, "account_closed")
        assert Member.objects.get().nickname == "小林"


class TestConsent:
    def declined(self, store: Store, *, at: Any = NOON) -> Member:
        member = make_member(store, "M1")
        return record_consent(member=member, agrees=False, source=ConsentSource.MEMBER, version="", by=None, now=at)

    def test_a_no_is_always_taken(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1")
        assert put(caller, {"marketing_consent": False}).json()["marketing_consent"] is False
        assert Member.objects.get().consent_source == ConsentSource.MEMBER

    def test_a_yes_without_a_time_does_not_turn_a_recorded_no(self, caller: Caller, store: Store) -> None:
        self.declined(store)
        answer = put(caller, {"marketing_consent": True, "nickname": "x"})
        assert (answer.json()["marketing_consent"], answer.json()["consent_kept"], answer.json()["nickname"]) == (False, True, "x")

    def test_nor_does_one_that_was_said_before(self, caller: Caller, store: Store) -> None:
        self.declined(store, at=timezone.now())
        told = put(caller, {"marketing_consent": True, "consent_at": (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}).json()
        assert (told["marketing_consent"], told["consent_kept"]) == (False, True)

    def test_one_that_was_said_later_does(self, caller: Caller, store: Store) -> None:
        self.declined(store, at=timezone.now() - timedelta(days=2))
        told = put(
            caller, {"marketing_consent": True, "consent_at": (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ"), "consent_version": "v4"}
        )
        assert (told.json()["marketing_consent"], told.json()["consent_kept"]) == (True, False)
        assert Member.objects.get().consent_version == "v4"

    def test_a_yes_from_the_future_counts_as_said_now(self, caller: Caller, store: Store) -> None:
        self.declined(store, at=timezone.now() + timedelta(minutes=5))
        told = put(caller, {"marketing_consent": True, "consent_at": (timezone.now() + timedelta(hours=20)).strftime("%Y-%m-%dT%H:%M:%SZ")}).json()
        assert told["consent_kept"] is True


class TestRead:
    def test_it_answers_what_put_answered(self, caller: Caller, store: Store) -> None:
        saved = put(caller, {"nickname": "小林", "phone": PHONE}).json()
        read = caller.get("/stores/s1/members/M1")
        assert read.status_code == 200
        assert read.json() == {key: value for key, value in saved.items() if key not in ("created", "changed", "consent_kept")}

    def test_the_phone_is_masked(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1", phone=PHONE)
        assert PHONE not in caller.get("/stores/s1/members/M1").content.decode()


class TestLeaving:
    def test_a_member_leaves(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1")
        answer = caller.post("/stores/s1/members/M1/leave", {"reason": "不想要了"})
        assert (answer.status_code, answer.json()["status"]) == (200, "LEFT")
        change = MemberStatusChange.objects.get()
        assert (change.to_status, change.reason, change.by) == ("LEFT", "不想要了", caller.client.user)

    def test_credit_must_be_confirmed_to_the_fen(self, caller: Caller, store: Store) -> None:
        member = make_member(store, "M1")
        give(member, "100.00", "20.00")
        for wrong in ({}, {"confirmed_balance": "119.99"}, {"confirmed_balance": "0.00"}):
            answer = caller.post("/stores/s1/members/M1/leave", {"reason": "x", **wrong})
            assert problem_of(answer) == (422, "balance_not_confirmed")
            assert answer.json()["balance"] == "120.00"
        assert caller.post("/stores/s1/members/M1/leave", {"reason": "x", "confirmed_balance": "120.00"}).status_code == 200
        assert caller.get("/stores/s1/members/M1/credit").json()["balance"] == "120.00"

    def test_who_has_left_cannot_leave_again(self, caller: Caller, store: Store) -> None:
        make_member(store, "M1", status=MemberStatus.LEFT)
        assert problem_of(caller.post("/stores/s1/members/M1/leave", {"reason": "x"})) == (409, "state_conflict")


class TestIdentities:
    URL = "/stores/s1/identities"

    def link(self, caller: Caller, *identities: tuple[str, str], **more: Any) -> Any:
        return caller.post(self.URL, {"identities": [{"kind": kind, "value": value} for kind, value in identities], **more})

    def test_identities_seen_together_are_one_person(self, caller: Caller) -> None:
        answer = self.link(caller, ("openid", "o-1"), ("phone", PHONE))
        assert (answer.status_code, answer.json()) == (202, {"accepted": 2})
        assert find_person("openid", "o-1") == find_person("phone", PHONE)
        assert IdentityLink.objects.get().source.startswith("api:")

    def test_they_are_a_members(self, caller: Caller, store: Store) -> None:
        member = make_member(store, "M1")
        self.link(caller, ("openid", "o-1"), member_no="M1")
        assert find_person("openid", "o-1") == member.person

    def test_a_conflict_answers_like_a_success_and_is_for_staff(self, caller: Caller, store: Store) -> None:
        mine, theirs = make_member(store, "M1", phone=PHONE), make_member(make_store("s2"), phone=OTHER_PHONE)
        fresh = self.link(caller, ("phone", "13700000000"), ("openid", "o-9"))
        met = self.link(caller, ("phone", PHONE), ("phone", OTHER_PHONE))
        named = self.link(caller, ("phone", OTHER_PHONE), member_no="M1")
        assert fresh.status_code == met.status_code == named.status_code == 202
        assert (fresh.content, named.content) == (met.content, b'{"accepted":1}')
        assert (find_person("phone", PHONE), find_person("phone", OTHER_PHONE)) == (mine.person, theirs.person)
        events = AuditEvent.objects.filter(verb="identities.conflict_met")
        assert [(event.store, event.facts["kinds"]) for event in events] == [(None, ["phone"]), (None, ["phone"])]
        assert IdentityLink.objects.filter(first__person=mine.person, second__person=theirs.person).count() == 1
        assert PHONE not in str(list(events.values()))

    def test_a_second_value_of_a_kind_that_has_one(self, caller: Caller, store: Store) -> None:
        member = make_member(store, "M1", phone=PHONE)
        assert self.link(caller, ("phone", OTHER_PHONE), member_no="M1").status_code == 202
        assert find_person("phone", OTHER_PHONE) is None
        assert AuditEvent.objects.get(verb="identities.conflict_met").target_id == member.person_id

    @pytest.mark.parametrize(
        ("identities", "code"),
        [
            ([("phone", "123")], "phone_invalid"),
            ([("shoe_size", "42")], "identity_kind_unknown"),
            ([], "body_invalid"),
            ([("openid", "x" * 201)], "body_invalid"),
        ],
    )
    def test_what_cannot_be_an_identity(self, caller: Caller, identities: list[tuple[str, str]], code: str) -> None:
        assert problem_of(self.link(caller, *identities)) == (422, code)
        assert not Identity.objects.exists()

    def test_a_member_who_is_none(self, caller: Caller) -> None:
        assert problem_of(self.link(caller, ("openid", "o-1"), member_no="M7")) == (404, "not_found")
        assert not Identity.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        {"phone": 13812345678}, {"phone": "12"}, {"nickname": "a\x00b"}, {"nickname": "\ud800"}, {"nickname": "x" * 101}, {"nickname": 5},
        {"nickname": "a\u202eb"}, {"birthday": "1990-02-30"}, {"birthday": "0001-01-01"}, {"birthday": "9999-12-31"}, {"birthday": 0},
        {"joined_at": "9999-12-31T23:59:59-14:00"}, {"joined_at": "2026-01-01T00:00:00+99:00"}, {"joined_at": "2200-01-01"}, {"joined_at": 1e300},
        {"joined_at": "昨天"}, {"language": "fr"}, {"tags": "a"}, {"tags": ["a"] * 51}, {"tags": [""]}, {"tags": [None]}, {"marketing_consent": "yes"},
        {"marketing_consent": 1}, {"growth": 5}, {"status": "LEFT"}, {"phone_hash": "x"}, {"\ud800": 1}, [], "x", None, 5, {"nickname": {"a": 1}},
    ],
)  # fmt: skip
def test_a_body_that_is_not_as_documented(caller: Caller, body: Any) -> None:
    answer = put(caller, body)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("body_invalid", "phone_invalid")
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"nickname": "' + b"x" * 2_700_000 + b'"}', b"[" * 100_000, b'{"a":' * 50_000, b'{"nickname": 1e99999}', b"1" * 5_000]
)
def test_a_body_that_cannot_be_read(caller: Caller, raw: bytes) -> None:
    answer = caller.ask("PUT", "/stores/s1/members/M1", raw)
    assert answer.status_code in (400, 413, 422)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert not Member.objects.exists()


def test_no_personal_data_in_the_problem(caller: Caller) -> None:
    answer = put(caller, {"phone": "1381234567", "nickname": "小林" * 60})
    assert "1381234567" not in answer.content.decode()
    assert "小林" not in answer.content.decode()


def test_amounts_stay_decimal(caller: Caller, store: Store) -> None:
    give(make_member(store, "M1"), "0.10", "0.20")
    assert Decimal(caller.get("/stores/s1/members/M1/credit").json()["balance"]) == Decimal("0.30")
