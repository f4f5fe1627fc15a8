"""The badge of the ledger, the discreet line for merchants, and the page of an incident."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.consoles.system import list_parts
from backoffice.kernel import clock
from backoffice.kernel.admin.display import BAD, GOOD, WARN
from members.models import CreditAccount, CreditEntry, CreditLot, LedgerProof
from members.selectors.proof import prove_ledger
from tests.factories import make_store
from tests.members.admin.credit_desk import Desk, client_of, url
from tests.members.ledger import account_of

pytestmark = pytest.mark.django_db


def proof(differences: list[Any] | None = None, *, days_ago: int = 0, **fields: Any) -> LedgerProof:
    now = clock.database_now() - timedelta(days=days_ago)
    differences = differences or []
    return LedgerProof.objects.create(
        local_day=clock.local_day(now), started_at=now, differences=differences,
        **({"finished_at": now, "account_count": 1234, "entry_count": 5678, "balance": "1000.50", "difference_count": len(differences)} | fields),
    )  # fmt: skip


def break_ledger(desk: Desk) -> tuple[CreditAccount, CreditLot]:
    """What somebody does past the services; the differences are the proof's own."""
    member = desk.member(100, 20)
    account, lot = account_of(member), desk.lot(member)
    CreditAccount.objects.filter(pk=account.pk).update(balance=119)
    CreditLot.objects.filter(pk=lot.pk).update(bonus_left=19)
    return account, lot


def as_stored() -> list[dict[str, Any]]:
    return [difference.as_json() for difference in prove_ledger().differences]


def badge_on_home(desk: Desk) -> Any:
    page = client_of(desk.staff).get("/admin/")
    (figure,) = [figure for figure in page.context["figures"] if figure.title == "Ledger proved"]
    return figure, [need for need in page.context["needs"] if "roof of the ledger" in need.text or "not proved" in need.text]


def test_a_whole_ledger_is_green_with_its_day_and_figures(desk: Desk) -> None:
    made = proof()
    figure, needs = badge_on_home(desk)
    assert "Whole" in figure.value
    assert "bg-green" in figure.value
    assert figure.note == f"{made.local_day}: 1,234 accounts, 5,678 entries, 1,000.50 yuan."
    assert needs == []
    (part,) = [part for part in list_parts(clock.database_now()) if "账本" in part.name or "ledger" in part.name]
    assert part.tone == GOOD


def test_a_difference_is_red_and_comes_first(desk: Desk) -> None:
    break_ledger(desk)
    made = proof(as_stored())
    figure, (need,) = badge_on_home(desk)
    assert "bg-red" in figure.value
    assert need.tone == BAD
    assert need.url == url("ledgerproof_change", made.pk, console="platform")
    parts = {part.tone for part in list_parts(clock.database_now()) if "账本" in part.name or "ledger" in part.name}
    assert parts == {BAD}


@pytest.mark.parametrize(("days", "tone"), [(1, GOOD), (2, WARN)])
def test_an_old_proof_is_not_green(days: int, tone: str, desk: Desk) -> None:
    proof(days_ago=days)
    figure, needs = badge_on_home(desk)
    assert ("bg-green" in figure.value) == (tone == GOOD)
    assert bool(needs) == (tone == WARN)


def test_never_proved_is_said(desk: Desk) -> None:
    proof(finished_at=None)  # runs, or crashed
    figure, needs = badge_on_home(desk)
    assert "Never proved" in figure.value
    assert needs == []


def test_the_incident_names_the_rows_with_links(desk: Desk) -> None:
    account, lot = break_ledger(desk)
    gone = {"what": "entry", "id": 987654321, "rule": "lot_exists", "told": "5", "proved": None}
    made = proof([*as_stored(), gone], difference_count=9)
    page = client_of(desk.staff).get(url("ledgerproof_change", made.pk, console="platform")).content.decode()
    for shown in (
        url("creditaccount_change", account.pk, console="platform"),
        url("creditlot_change", lot.pk, console="platform"),
        account.member.nickname,
        desk.store.name,
        "The balance of the account is not the sum of its entries.",
        "The bonus left in the lot is not the sum of its entries.",
        "119.00",
        "120.00",
        "(no longer there)",
        "What to do",
    ):
        assert shown in page, shown
    assert f"{9 - len(made.differences)} more are not named here." in page


def test_the_page_costs_the_same_queries_with_one_difference_and_with_three(desk: Desk) -> None:
    costs = []
    client = client_of(desk.staff)
    for number in range(3):
        break_ledger(desk)
        made = proof(as_stored(), days_ago=number)
        address = url("ledgerproof_change", made.pk, console="platform")
        client.get(address)
        with CaptureQueriesContext(connection) as queries:
            client.get(address)
        costs.append(len(queries))
    assert costs[0] == costs[2]


def footnote(desk: Desk) -> str:
    line = client_of(desk.reader).get("/merchant/").context["footnote"]
    assert line == client_of(desk.reader).get(url("liability")).context["page"]["proof"]
    return str(line)


def test_merchants_read_a_discreet_line(desk: Desk) -> None:
    assert footnote(desk) == ""
    green = proof(days_ago=1)
    assert footnote(desk) == f"Ledger proved on {green.local_day}: entries, lots and balances agree."
    assert client_of(desk.reader).get("/merchant/members/ledgerproof/").status_code == 404


def test_an_incident_of_others_is_not_told_and_an_own_one_is(desk: Desk) -> None:
    green = proof(days_ago=1)
    own = desk.store
    desk.store = make_store("other")
    break_ledger(desk)
    desk.store = own
    red = proof(as_stored())
    assert footnote(desk) == f"Ledger proved on {green.local_day}: entries, lots and balances agree."
    break_ledger(desk)
    LedgerProof.objects.filter(pk=red.pk).update(differences=as_stored())
    assert footnote(desk) == f"The proof of {red.local_day} found a difference in your ledger. The platform looks into it."


def test_entries_named_by_a_proof_are_linked(desk: Desk) -> None:
    member = desk.member()
    entry = CreditEntry.objects.get(account__member=member)
    made = proof([{"what": "entry", "id": entry.pk, "rule": "parts_of_a_key_follow_each_other", "told": "1", "proved": None}])
    page = client_of(desk.staff).get(url("ledgerproof_change", made.pk, console="platform")).content.decode()
    assert url("creditentry_change", entry.pk, console="platform") in page
