"""The members' and credit screens: what they show, to whom, and with how many queries."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from members.choices import ConsentSource, DeductionOrder, MemberStatus
from members.models import CreditAccount, CreditEntry, CreditLot, Level, Member, OrderLine, PurchaseSummary, Tag
from members.services.members import change_status, record_consent
from tests.factories import NOON, make_level, make_member, make_merchant, make_store, make_user
from tests.members.ledger import account_of, give, take, yuan

pytestmark = pytest.mark.django_db
BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"
PHONE = "13812341111"
SCREENS = ["member", "creditaccount", "creditlot", "creditentry", "orderline", "level", "tag"]


def client_of(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def url(console: str, name: str, *args: object) -> str:
    return reverse(f"{console}:members_{name}", args=args)


@pytest.fixture
def store():
    return make_store("mine", merchant=make_merchant("m1"))


@pytest.fixture
def owner(store):
    return client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))


@pytest.fixture
def platform():
    return client_of(make_user(Role.PLATFORM_ADMIN))


def furnish(store, number, *, phone=None):
    """One member with a row on every screen. Recent, so that nothing has lapsed."""
    now = clock.database_now()
    level, _ = Level.objects.get_or_create(store=store, name="金卡", defaults={"threshold": 1})
    member = make_member(store, f"N{number}", nickname=f"王芳{number}", phone=phone, level=level, growth=5)
    give(member, 100, 20, now=now, expires_at=now + timedelta(days=40))
    take(member, 30, now=now, order_no=f"ORDER{number}")
    OrderLine.objects.create(store=store, order_no=f"ORDER{number}", member=member, person=member.person, paid_at=now, amount=yuan(88), credit_used=yuan(30))
    PurchaseSummary.objects.create(member=member, store=store, first_purchase_at=now, last_purchase_at=now, order_count=1, amount=yuan(88))
    Tag.objects.get_or_create(store=store, name=f"标签{number}")
    return member


# --- lists


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("console", ["merchant", "platform"])
def test_a_list_costs_the_same_queries_with_one_row_and_with_three(console, screen, store, owner, platform):
    client = owner if console == "merchant" else platform
    costs = []
    for rows in (1, 3):
        for number in range(rows):
            if not Member.objects.filter(store=store, member_no=f"N{number}").exists():
                furnish(store, number)
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(url(console, f"{screen}_changelist"))
        assert answer.status_code == 200
        costs.append(len(queries))
        assert not [
            query
            for query in queries.captured_queries
            if query["sql"].startswith("SELECT COUNT(*)") and "LIMIT" not in query["sql"] and screen not in ("level", "tag")
        ]
    assert costs[0] == costs[1]
    assert costs[0] <= 8


def test_the_members_list_shows_what_people_decide_by(store, owner):
    member = furnish(store, 1, phone=PHONE)
    record_consent(member=member, agrees=False, source=ConsentSource.MEMBER, version="", by=None, now=NOON)
    page = owner.get(url("merchant", "member_changelist")).content.decode()
    for shown in ("N1", "王芳1", "138****1111", "金卡", "Active", "90.00", "Declined", "店铺-mine"):
        assert shown in page
    assert PHONE not in page


@pytest.mark.parametrize("screen", SCREENS)
def test_nothing_of_another_store_is_listed_or_opened(screen, store, owner):
    furnish(store, 1)
    foreign = furnish(make_store("other"), 2)
    rows = {
        "member": foreign,
        "creditaccount": account_of(foreign),
        "creditlot": CreditLot.objects.get(account__member=foreign),
        "creditentry": CreditEntry.objects.filter(account__member=foreign).first(),
        "orderline": OrderLine.objects.get(member=foreign),
        "level": foreign.level,
        "tag": Tag.objects.get(store=foreign.store),
    }
    listed = owner.get(url("merchant", f"{screen}_changelist"))
    assert listed.context["cl"].result_list
    assert {row.store_id for row in listed.context["cl"].result_list} == {store.pk}
    assert owner.get(url("merchant", f"{screen}_change", rows[screen].pk)).status_code == 404


@pytest.mark.parametrize(
    ("term", "found", "said"),
    [
        (PHONE, ["N1"], "the whole phone number"),
        ("+86 138 1234 1111", ["N1"], "the whole phone number"),
        ("N", ["N1", "N12", "N2"], None),
        ("N1", ["N1", "N12"], "the beginning of the member number"),
        ("王芳", ["N1", "N2"], "the beginning of the nickname"),
        ("芳", [], "the beginning of the nickname"),
        ("1381234", [], "the beginning of the member number"),
        ("%", [], "the beginning of the nickname"),
    ],
)
def test_members_are_searched_by_the_shape_of_the_term(term, found, said, store, owner, platform):
    make_member(store, "N1", nickname="王芳", phone=PHONE)
    make_member(store, "N2", nickname="王芳芳")
    make_member(store, "N12", nickname="Nora")
    for client, console in ((owner, "merchant"), (platform, "platform")):
        answer = client.get(url(console, "member_changelist"), {"q": term})
        numbers = sorted(member.member_no for member in answer.context["cl"].result_list)
        if said is None:  # a single letter may begin a nickname
            assert numbers == ["N12"]
            continue
        assert numbers == found
        assert said in answer.content.decode()


@pytest.mark.parametrize(
    ("screen", "term"), [("creditaccount", "N1"), ("creditentry", "王芳1"), ("creditlot", PHONE), ("orderline", "ORDER1"), ("orderline", PHONE)]
)
def test_rows_of_members_are_found_by_member_or_number(screen, term, store, owner):
    furnish(store, 1, phone=PHONE)
    furnish(store, 2)
    rows = owner.get(url("merchant", f"{screen}_changelist"), {"q": term}).context["cl"].result_list
    members = {getattr(row, "member", None) or row.account.member for row in rows}
    assert {member.member_no for member in members} == {"N1"}


def test_tabs_narrow_the_list(store, owner):
    frozen, rich = make_member(store, "F1", status=MemberStatus.FROZEN), furnish(store, 1)
    for query, expected in (("status__exact=FROZEN", frozen), ("credit=with", rich)):
        answer = owner.get(f"{url('merchant', 'member_changelist')}?{query}")
        assert [member.pk for member in answer.context["cl"].result_list] == [expected.pk]
        assert [tab["query"] for tab in answer.context["list_tabs"] if tab["active"]] == [query]
        assert f'href="?{query.replace("&", "&amp;")}" class="active"' in answer.content.decode()


def test_lots_are_filtered_by_when_they_lapse(store, owner):
    now, member = clock.database_now(), make_member(store, "N1")
    soon = give(member, 1, now=now, source_no="SOON", expires_at=now + timedelta(days=3)).lot_id
    never = give(member, 1, now=now, source_no="NEVER").lot_id
    late = give(member, 1, now=now, source_no="LATE", expires_at=now + timedelta(days=300)).lot_id
    spent = give(member, 1, now=now, source_no="SPENT", expires_at=now + timedelta(days=2))
    take(member, 1, now=now)
    assert CreditLot.objects.get(pk=spent.lot_id).principal_left == 0
    for lapses, expected in (("week", {soon}), ("never", {never}), ("", {soon, never, late, spent.lot_id}), ("nonsense", set())):
        rows = owner.get(url("merchant", "creditlot_changelist"), {"lapses": lapses} if lapses else {}).context["cl"].result_list
        assert {lot.pk for lot in rows} == expected


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("language", "words"), [("en", "first"), ("zh-hans", "还没有")])
def test_an_empty_list_says_what_to_do(screen, language, words, store):
    page = client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant), language).get(url("merchant", f"{screen}_changelist")).content.decode()
    assert words in page or "members file" in page or "yet" in page


# --- the member's page


@pytest.mark.parametrize("console", ["merchant", "platform"])
def test_the_page_tells_the_whole_story(console, store, owner, platform):
    member = furnish(store, 1, phone=PHONE)
    change_status(member=member, to=MemberStatus.FROZEN, reason="card stolen", by=None, now=clock.database_now())
    page = (owner if console == "merchant" else platform).get(url(console, "member_change", member.pk)).content.decode()
    for shown in (
        "王芳1",
        "138****1111",
        "90.00",
        "Principal 75.00, bonus 15.00",
        "+120.00",
        "−30.00",
        "Order ORDER1.",
        "Bought for 88.00 yuan",
        "card stolen",
        "Status changed",
        "Known by Phone",
    ):
        assert shown in page
    assert PHONE not in page
    assert url(console, "creditaccount_change", account_of(member).pk) in page


def test_the_page_costs_the_same_queries_whatever_happened(store, owner):
    member = furnish(store, 1)
    owner.get(url("merchant", "member_change", member.pk))  # what a process looks up once
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(url("merchant", "member_change", member.pk)).status_code == 200
        costs.append(len(queries))
        for _ in range(3):
            give(member, 1)
            take(member, 1)
    assert costs[0] == costs[1]
    assert costs[0] <= 25


def test_a_store_does_not_see_identities_that_another_store_brought(store, owner, platform):
    from members.services.identities import link_identities

    member = make_member(store, "N1", phone=PHONE)
    link_identities(values=[("phone", PHONE), ("email", "ann@example.com")], source="other_store", by=None, now=NOON)
    masked = "an****om"
    assert masked not in owner.get(url("merchant", "member_change", member.pk)).content.decode()
    assert masked in platform.get(url("platform", "member_change", member.pk)).content.decode()


# --- acts


def act(client, console, name, member, **fields):
    return client.post(url(console, f"member_{name}", member.pk), {"_form_submitted": "1", **fields})


@pytest.mark.parametrize("name", ["change_status", "record_consent", "cards_off", "change_phone", "reveal_phone"])
def test_a_get_only_asks_and_changes_nothing(name, store, owner):
    member = furnish(store, 1, phone=PHONE)
    before = Member.objects.filter(pk=member.pk).values().get()
    events = AuditEvent.objects.count()
    assert owner.get(url("merchant", f"member_{name}", member.pk), {"reason": "because of this", "to": "FROZEN", "_form_submitted": "1"}).status_code == 200
    assert (Member.objects.filter(pk=member.pk).values().get(), AuditEvent.objects.count()) == (before, events)


def test_a_status_is_changed_with_its_reason(store, owner):
    member = make_member(store, "N1")
    answer = act(owner, "merchant", "change_status", member, to="FROZEN", reason="asked for it")
    assert answer.status_code == 302
    assert [str(message) for message in get_messages(answer.wsgi_request)] == ["The member is now “Frozen”."]
    change = Member.objects.get(pk=member.pk).status_changes.get()
    assert (change.to_status, change.reason, change.by.username) == ("FROZEN", "asked for it", answer.wsgi_request.user.username)


def test_leaving_with_credit_is_refused_in_the_dialog_until_the_balance_is_entered(store, owner):
    member = furnish(store, 1)
    answer = act(owner, "merchant", "change_status", member, to="LEFT", reason="moved away")
    assert answer.status_code == 200
    assert "This member still has 90.00 yuan of credit" in answer.content.decode()
    assert Member.objects.get(pk=member.pk).status == MemberStatus.ACTIVE
    assert act(owner, "merchant", "change_status", member, to="LEFT", reason="moved away", confirmed_with_balance="90.00").status_code == 302
    assert Member.objects.get(pk=member.pk).status == MemberStatus.LEFT


def test_consent_cards_and_phone_are_recorded(store, owner):
    member = make_member(store, "N1", phone=PHONE)
    assert act(owner, "merchant", "record_consent", member, agrees="0", source="MEMBER", version="v2").status_code == 302
    assert act(owner, "merchant", "cards_off", member, reason="asked for it").status_code == 302
    assert act(owner, "merchant", "change_phone", member, phone="13912342222").status_code == 302
    stored = Member.objects.get(pk=member.pk)
    assert (stored.marketing_consent, stored.consent_version, stored.credit_cards_on, stored.phone_masked) == (False, "v2", False, "139****2222")
    assert act(owner, "merchant", "cards_off", member, reason="again").status_code == 404  # no such act on a member whose cards are off


def test_a_phone_is_shown_to_who_may_see_it_and_never_stored_on_the_way(store, owner):
    member = make_member(store, "N1", phone=PHONE)
    answer = act(owner, "merchant", "reveal_phone", member, reason="customer called back")
    assert PHONE in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert PHONE not in str(answer.wsgi_request.session.items())
    event = AuditEvent.objects.get(verb="phone.revealed")
    assert event.reason == "customer called back"
    dialog = owner.post(
        url("merchant", "member_reveal_phone", member.pk), {"_form_submitted": "1", "reason": "customer called back"}, headers={"HX-Request": "true"}
    )
    assert PHONE in dialog.content.decode()
    assert 'id="dialog-form"' in dialog.content.decode()


@pytest.mark.parametrize(
    ("role", "name", "status"),
    [(Role.MERCHANT_OPERATOR, "reveal_phone", 403), (Role.MERCHANT_ANALYST, "change_status", 403), (Role.MERCHANT_ANALYST, "cards_off", 403)],
)
def test_who_may_not_gets_no_button_and_no_act(role, name, status, store):
    member = make_member(store, "N1", phone=PHONE)
    client = client_of(make_user(role, merchant=store.merchant))
    assert url("merchant", f"member_{name}", member.pk) not in client.get(url("merchant", "member_change", member.pk)).content.decode()
    assert act(client, "merchant", name, member, reason="because of this", to="FROZEN").status_code == status
    assert Member.objects.get(pk=member.pk).status == MemberStatus.ACTIVE


def test_acts_on_a_foreign_member_answer_like_a_missing_one(store, owner):
    foreign = make_member(make_store("other"), "N9", phone=PHONE)
    for name in ("change_status", "record_consent", "cards_off", "change_phone", "reveal_phone"):
        answers = [owner.post(url("merchant", f"member_{name}", pk), {"_form_submitted": "1", "reason": "because of this"}) for pk in (foreign.pk, 987654321)]
        assert [answer.status_code for answer in answers] == [404, 404]


# --- the credit account's page


def test_the_account_page_shows_lots_entries_and_what_lapses(store, owner):
    member = furnish(store, 1)
    account = account_of(member)
    page = owner.get(url("merchant", "creditaccount_change", account.pk)).content.decode()
    for shown in (
        "90.00",
        "75.00",
        "15.00",
        "+100.00",
        "−25.00",
        "ORDER1",
        CreditLot.objects.get(account=account).source_no,
        "What lapses when",
        "Only a preview",
    ):
        assert shown in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ({}, ["66.66", "13.34", "80.00"]),
        ({"spend": "30", "order": DeductionOrder.GIFT_BEFORE_REAL}, ["15.00", "30.00"]),
        ({"spend": "90.01"}, ["Only 90.00 yuan can be spent; the spend would be refused."]),
        ({"spend": "abc"}, ["This is not an amount in yuan."]),
        ({"spend": "1.005"}, ["Amounts have at most two decimals."]),
        ({"spend": "-5", "order": "nonsense"}, ["The amount is too small or too large."]),
        ({"spend": "<script>"}, ["&lt;script&gt;"]),
    ],
)
def test_what_if_they_spend_now(query, shown, store, owner):
    account = account_of(furnish(store, 1))
    entries = CreditEntry.objects.count()
    page = owner.get(url("merchant", "creditaccount_change", account.pk), query).content.decode()
    for text in shown:
        assert text in page
    assert "<script>alert" not in page
    assert (CreditEntry.objects.count(), CreditAccount.objects.get(pk=account.pk).balance) == (entries, yuan(90))


def test_the_account_page_costs_the_same_queries_with_one_lot_and_with_four(store, owner):
    member = furnish(store, 1)
    owner.get(url("merchant", "creditaccount_change", account_of(member).pk))  # what a process looks up once
    costs = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert owner.get(url("merchant", "creditaccount_change", account_of(member).pk)).status_code == 200
        costs.append(len(queries))
        for _ in range(3):
            give(member, 1)
    assert costs[0] == costs[1]
    assert costs[0] <= 18


# --- levels


def test_a_level_is_added_changed_and_deleted_by_its_store_only(store, owner):
    added = owner.post(url("merchant", "level_add"), {"store": store.pk, "name": "银卡", "threshold": 10, "perks": "免邮"})
    assert added.status_code == 302
    level = Level.objects.get(store=store)
    assert owner.post(url("merchant", "level_change", level.pk), {"name": "金卡", "threshold": 20, "perks": ""}).status_code == 302
    assert list(Level.objects.values_list("name", "threshold", "perks")) == [("金卡", 20, "")]
    foreign = make_store("other")
    answer = owner.post(url("merchant", "level_add"), {"store": foreign.pk, "name": "银卡", "threshold": 10, "perks": ""})
    assert (answer.status_code, Level.objects.filter(store=foreign).count()) == (200, 0)
    assert owner.post(url("merchant", "level_delete_level", level.pk), {"_form_submitted": "1"}).status_code == 302
    assert not Level.objects.exists()


def test_what_would_break_the_ladder_is_said_beside_the_field(store, owner):
    make_level(store, "金卡", 20)
    level = make_level(store, "银卡", 10)
    answer = owner.post(url("merchant", "level_change", level.pk), {"name": "银卡", "threshold": 20, "perks": ""})
    assert "Thresholds must differ" in answer.content.decode()
    assert Level.objects.get(pk=level.pk).threshold == 10


def test_a_level_with_members_offers_no_deleting(store, owner):
    level = make_level(store)
    make_member(store, level=level)
    assert owner.post(url("merchant", "level_delete_level", level.pk), {"_form_submitted": "1"}).status_code == 404
    assert Level.objects.filter(pk=level.pk).exists()


def test_merchants_do_not_read_the_names_of_platform_staff(store, owner, platform):
    staff = make_user(Role.PLATFORM_MEMBER_OPS, display_name="郑平台")
    colleague = make_user(Role.MERCHANT_OPERATOR, merchant=store.merchant, display_name="钱店员")
    now = clock.database_now()
    member = make_member(store, "N1")
    change_status(member=member, to=MemberStatus.FROZEN, reason="asked", by=staff, now=now)
    record_consent(member=member, agrees=False, source=ConsentSource.MEMBER, version="", by=staff, now=now)
    give(member, 10, now=now, by=staff)
    give(member, 10, now=now, by=colleague)
    pages = [("member_change", member.pk), ("creditaccount_change", account_of(member).pk), ("creditentry_changelist", None)]
    for name, number in pages:
        address = [name] if number is None else [name, number]
        own = owner.get(url("merchant", *address)).content.decode()
        assert "郑平台" not in own, name
        assert "Platform staff" in own, name
        assert "钱店员" in own, name
        assert "郑平台" in platform.get(url("platform", *address)).content.decode(), name
