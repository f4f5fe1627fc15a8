"""The messages list and page: what they show, to whom, and the button for dead letters."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backoffice.kernel import clock
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import MessageStatus
from campaigns.models import Message, Receipt
from campaigns.services.ending import end_messages
from members.models import Member
from members.selectors.timeline import list_timeline
from tests.campaigns.delivery import reload, waiting_card
from tests.campaigns.reminders import TEN, TODAY, other_message, store_slots, store_with_reminders
from tests.factories import make_member, make_merchant, make_person, make_store, make_user

pytestmark = pytest.mark.django_db
QUERIES = 7
BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def client_of(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def store() -> Store:
    return store_with_reminders("mine", merchant=make_merchant("m1"))


@pytest.fixture
def owner(store: Store) -> Client:
    return client_of(make_user(Role.MERCHANT_OWNER, merchant=store.merchant))


@pytest.fixture
def staff() -> Client:
    return client_of(make_user(Role.PLATFORM_MEMBER_OPS))


def page(client: Client, console: str, message: Message) -> str:
    answer = client.get(reverse(f"{console}:campaigns_message_change", args=[message.pk]))
    assert answer.status_code == 200
    return answer.content.decode()


def shown(client: Client, console: str, query: str = "") -> list[Message]:
    answer = client.get(reverse(f"{console}:campaigns_message_changelist") + query)
    assert answer.status_code == 200
    return list(answer.context["cl"].result_list)


def capped(member: Member, *others: Message) -> Message:
    """A card that the platform's cap held back."""
    return Message.objects.create(
        store=member.store, person=member.person, member=member, scenario="BALANCE_REMINDER", occasion=20261122, local_day=TODAY, status="SUPPRESSED",
        reason="platform_cap", decided_at=TEN, params={"balance": "65.00", "principal": "65.00", "bonus": "0.00"},
        cap_facts={"cap": 10, "used": 10, "taken_by": [other.pk for other in others]},
    )  # fmt: skip


def test_the_list_says_what_became_of_each(store: Store, owner: Client) -> None:
    sent = waiting_card(make_member(store, "M-1", nickname="王芳"), status="SENT", sent_at=TEN)
    dead = waiting_card(make_member(store, "M-2"), status="FAILED", error="call_refused: HTTP 404", attempt_count=3)
    held = capped(make_member(store, "M-3"))
    answer = owner.get(reverse("merchant:campaigns_message_changelist"))
    text = answer.content.decode()
    assert [message.pk for message in answer.context["cl"].result_list] == [held.pk, dead.pk, sent.pk]
    for words in ("王芳", "M-2", "Sent", "Failed", "Held back", "The gateway refused the call (HTTP 404)", "Ten messages from all stores today already"):
        assert words in text


def test_tabs_and_filters(store: Store, owner: Client) -> None:
    dead = waiting_card(make_member(store), status="FAILED", error="rejected")
    unknown = waiting_card(make_member(store), status="UNKNOWN")
    assert shown(owner, "merchant", "?status__exact=FAILED") == [dead]
    assert shown(owner, "merchant", "?status__exact=UNKNOWN") == [unknown]
    assert shown(owner, "merchant", "?reason__exact=store_cap") == []


def test_a_merchant_sees_only_its_own(store: Store, owner: Client) -> None:
    foreign = waiting_card(make_member(store_with_reminders("theirs"), "F-1", nickname="外人"))
    mine = waiting_card(make_member(store))
    assert shown(owner, "merchant") == [mine]
    assert owner.get(reverse("merchant:campaigns_message_change", args=[foreign.pk])).status_code == 404


def test_search_by_member(store: Store, owner: Client) -> None:
    wanted = waiting_card(make_member(store, "M-77", nickname="李雷", phone="13812345678"))
    waiting_card(make_member(store, "X-1", nickname="韩梅梅"))
    for term in ("M-77", "李雷", "13812345678"):
        assert shown(owner, "merchant", f"?q={term}") == [wanted]
    assert shown(owner, "merchant", "?q=13812345679") == []


def test_a_phone_known_only_elsewhere_finds_nothing_here(store: Store, owner: Client) -> None:
    """The same person is a member in both stores; only the other store knows the phone."""
    person = make_person()
    make_member(make_store("theirs"), person=person, phone="13812345678")
    waiting_card(make_member(store, person=person))
    assert shown(owner, "merchant", "?q=13812345678") == []


def test_members_of_other_stores_do_not_push_the_own_out_of_what_is_found(store: Store, owner: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("campaigns.selectors.messages.MOST_MEMBERS_FOUND", 2)
    theirs = store_with_reminders("theirs")
    for number in range(3):
        make_member(theirs, f"A-{number}", nickname="李雷")
    wanted = waiting_card(make_member(store, "A-9", nickname="李雷"))
    assert shown(owner, "merchant", "?q=李雷") == [wanted]
    assert shown(owner, "merchant", "?q=A-") == []
    assert shown(owner, "merchant", "?q=A-9") == [wanted]


def test_who_may_not_see_members_does_not_learn_whom_a_message_was_for(store: Store, staff: Client) -> None:
    """Nor by asking: a search that finds a message would confirm a phone."""
    industry = client_of(make_user(Role.PLATFORM_INDUSTRY_OPS))
    message = waiting_card(make_member(store, "M-77", nickname="李雷", phone="13812345678"), status="SENT", sent_at=TEN)
    assert shown(industry, "platform") == [message]
    for term in ("M-77", "李雷", "13812345678"):
        assert shown(staff, "platform", f"?q={term}") == [message]
        assert shown(industry, "platform", f"?q={term}") == []
    texts = [industry.get(reverse("platform:campaigns_message_changelist")).content.decode(), page(industry, "platform", message)]
    for text in texts:
        assert "李雷" not in text
        assert "M-77" not in text
    assert 'name="q"' not in texts[0]
    assert "李雷" in page(staff, "platform", message)


def test_the_page_of_a_sent_card(store: Store, owner: Client) -> None:
    message = waiting_card(make_member(store, "M-1", nickname="王芳"), status="SENT", sent_at=TEN, provider_id="gw-9", attempt_count=1)
    Receipt.objects.create(store=store, message=message, event="opened", happened_at=TEN)
    text = page(owner, "merchant", message)
    for words in ("王芳", "gw-9", "Opened", "65.00", "2026-11-22 10:00", store.name):
        assert words in text


def test_which_stores_took_the_slots_is_for_the_platform_only(store: Store, owner: Client, staff: Client) -> None:
    member = make_member(store)
    other = other_message(member.person, make_store("rival", name="对手店"))
    message = capped(member, other)
    assert "对手店" in page(staff, "platform", message)
    merchants_page = page(owner, "merchant", message)
    assert "对手店" not in merchants_page
    assert "10" in merchants_page


def test_a_message_to_somebody_who_is_no_member(store: Store, owner: Client) -> None:
    message = other_message(make_person(), store)
    assert "Not a member" in page(owner, "merchant", message)


def test_figures_that_do_not_fit_the_text(store: Store, owner: Client) -> None:
    message = waiting_card(make_member(store), params={})
    assert "cannot be filled in" in page(owner, "merchant", message)


@pytest.fixture
def dead_letter(store: Store) -> Message:
    today = clock.local_day(clock.database_now())
    message = waiting_card(make_member(store), day=today, decided_at=clock.database_now())
    end_messages({message.pk: "rejected: full"}, status=MessageStatus.FAILED)
    return reload(message)


def retry_url(message: Message) -> str:
    return reverse("platform:campaigns_message_try_again", args=[message.pk])


def test_the_button_tries_a_dead_letter_again(dead_letter: Message, staff: Client) -> None:
    assert "Try again" in page(staff, "platform", dead_letter)
    assert staff.get(retry_url(dead_letter)).status_code == 200
    assert reload(dead_letter).status == "FAILED", "looking changes nothing"
    answer = staff.post(retry_url(dead_letter), {"_form_submitted": "on"})
    assert answer.status_code == 302, answer.content.decode()[:2000]
    assert (reload(dead_letter).status, store_slots(dead_letter.member, dead_letter.local_day)) == ("PENDING", 1)


def test_the_button_says_why_not(dead_letter: Message, staff: Client) -> None:
    for _ in range(2):
        other_message(dead_letter.person, dead_letter.store, dead_letter.local_day)
    answer = staff.post(retry_url(dead_letter), {"_form_submitted": "on"})
    assert answer.status_code == 200
    assert "Two messages from this store today already" in answer.content.decode()
    assert reload(dead_letter).status == "FAILED"


@pytest.mark.parametrize("role", [Role.PLATFORM_AUDITOR, Role.PLATFORM_INDUSTRY_OPS, Role.PLATFORM_REVIEWER])
def test_not_everybody_may_press_it(dead_letter: Message, role: str) -> None:
    client = client_of(make_user(role))
    assert client.post(retry_url(dead_letter), {"_form_submitted": "on"}).status_code in (403, 404)
    assert reload(dead_letter).status == "FAILED"


def test_only_a_dead_letter_has_the_button(store: Store, staff: Client) -> None:
    message = waiting_card(make_member(store), status="SENT", sent_at=TEN)
    assert retry_url(message) not in page(staff, "platform", message)
    assert staff.post(retry_url(message), {"_form_submitted": "on"}).status_code == 404


def test_several_at_once(dead_letter: Message, store: Store, staff: Client) -> None:
    sent = waiting_card(make_member(store), status="SENT", sent_at=TEN)
    address = reverse("platform:campaigns_message_changelist")
    answer = staff.post(address, {"action": "try_all_again", "_selected_action": [dead_letter.pk, sent.pk]})
    (said,) = [str(message) for message in get_messages(answer.wsgi_request)]
    assert said.startswith("1 message waits to be handed over again.")
    assert "Only a message that failed" in said
    assert (reload(dead_letter).status, reload(sent).status) == ("PENDING", "SENT")


def test_the_member_page_tells_messages_sent_and_held_back(store: Store) -> None:
    user = make_user(Role.MERCHANT_OWNER, merchant=store.merchant)
    member = make_member(store)
    rival = make_store("rival", name="对手店")
    held = capped(member, other_message(member.person, rival))
    sent = waiting_card(member, day=TODAY.replace(day=1), status="SENT", sent_at=TEN.replace(day=1))
    items = {item.kind: item for item in list_timeline(member, user) if item.kind.startswith("message")}
    assert set(items) == {"message", "message_held_back"}
    assert items["message"].at == sent.sent_at
    assert "65.00" in items["message"].body
    assert items["message_held_back"].url == reverse("merchant:campaigns_message_change", args=[held.pk])
    assert "对手店" not in str(items["message_held_back"].body)


def test_who_may_not_see_messages_gets_no_items(store: Store) -> None:
    member = make_member(store)
    waiting_card(member)
    reader = make_user(Role.PLATFORM_REVIEWER)
    assert [item for item in list_timeline(member, reader) if item.kind.startswith("message")] == []


@pytest.mark.parametrize("rows", [1, 3])
def test_the_list_asks_as_often_for_three_rows_as_for_one(store: Store, owner: Client, rows: int) -> None:
    for _ in range(rows):
        waiting_card(make_member(store))
    shown(owner, "merchant")
    with CaptureQueriesContext(connection) as captured:
        assert len(shown(owner, "merchant")) == rows
    assert len(captured) == QUERIES
