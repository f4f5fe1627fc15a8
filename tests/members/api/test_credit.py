"""Credit over HTTP: balances, top-ups, spends, holds, refunds of orders and of top-ups. Figures are those of the services; here is what is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, CreditEntry, CreditHold, CreditLot, CreditPayout
from tests.campaigns.reminders import give
from tests.factories import make_member, make_store
from tests.kernel.api.calling import Caller, problem_of

pytestmark = pytest.mark.django_db
BASE = "/stores/s1/members/M1/credit"
LINES = [{"line_no": 1, "amount": "20.00"}, {"line_no": 2, "amount": "10.00"}]


@pytest.fixture
def store() -> Store:
    store = make_store("s1")
    make_member(store, "M1")
    return store


@pytest.fixture
def caller(store: Store) -> Caller:
    return Caller(store)


@pytest.fixture
def rich(caller: Caller) -> Caller:
    """M1 has 100 of principal and 20 of bonus."""
    answer = caller.post(f"{BASE}/top-ups", {"source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "expires_at": "2099-12-31"})
    assert answer.status_code == 201
    return caller


class TestReading:
    def test_nobody_had_any(self, caller: Caller) -> None:
        told = caller.get(BASE).json()
        assert {key: told[key] for key in ("balance", "principal", "bonus", "held", "next_expiry", "lots", "more_lots")} == {
            "balance": "0.00", "principal": "0.00", "bonus": "0.00", "held": "0.00", "next_expiry": None, "lots": [], "more_lots": False,
        }  # fmt: skip
        assert not CreditAccount.objects.exists()

    def test_balance_lots_and_what_lapses_next(self, rich: Caller, store: Store) -> None:
        rich.post(f"{BASE}/top-ups", {"source_no": "R2", "principal_amount": "50.00"})
        rich.post(f"{BASE}/holds", {"order_no": "D1", "amount": "12.00"})
        told = rich.get(BASE).json()
        assert {key: told[key] for key in ("store", "member_no", "balance", "principal", "bonus", "held")} == {
            "store": "s1", "member_no": "M1", "balance": "158.00", "principal": "140.00", "bonus": "18.00", "held": "12.00",
        }  # fmt: skip
        assert told["next_expiry"] == {"at": "2100-01-01T00:00:00+08:00", "amount": "108.00"}
        assert [(lot["source_no"], lot["principal_left"], lot["bonus_left"], lot["expires_at"], lot["lapsed"]) for lot in told["lots"]] == [
            ("R1", "90.00", "18.00", "2100-01-01T00:00:00+08:00", False),
            ("R2", "50.00", "0.00", None, False),
        ]

    def test_a_lot_whose_time_has_passed_is_in_no_balance(self, caller: Caller, store: Store) -> None:
        member = store.members.get()
        give(member, "30.00", expires_at=database_now() - timedelta(minutes=1))
        told = caller.get(BASE).json()
        assert (told["balance"], [lot["lapsed"] for lot in told["lots"]]) == ("0.00", [True])


class TestTopUps:
    def test_a_lot_is_opened(self, caller: Caller) -> None:
        answer = caller.post(f"{BASE}/top-ups", {"source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00"}, key="k1")
        lot, entry = CreditLot.objects.get(), CreditEntry.objects.get()
        assert (answer.status_code, answer.json()) == (
            201,
            {"lot_id": lot.pk, "entry_id": entry.pk, "source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "balance_after": "120.00"},
        )
        assert (entry.actor, entry.idempotency_key) == (caller.client.user, f"api:{caller.client.pk}:k1")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"source_no": "R1", "principal_amount": "1.00"}, "source_no_taken"),
            ({"source_no": "R2", "principal_amount": "0.00"}, "amount_invalid"),
            ({"source_no": "R2", "principal_amount": "1.00", "opened_at": "2026-01-02", "expires_at": "2026-01-01"}, "expires_before_opening"),
        ],
    )
    def test_what_is_refused(self, rich: Caller, body: dict[str, Any], code: str) -> None:
        assert problem_of(rich.post(f"{BASE}/top-ups", body)) == (422, code)
        assert CreditLot.objects.count() == 1


class TestSpends:
    def test_principal_and_bonus_in_proportion(self, rich: Caller) -> None:
        answer = rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00"})
        told = answer.json()
        assert answer.status_code == 201
        assert (told["amount"], told["principal"], told["bonus"], told["balance_after"]) == ("30.00", "25.00", "5.00", "90.00")
        assert told["parts"] == [
            {"entry_id": told["spend_id"], "lot_id": CreditLot.objects.get().pk, "line_no": None, "principal": "25.00", "bonus": "5.00"},
        ]

    def test_line_by_line(self, rich: Caller) -> None:
        told = rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00", "lines": LINES}).json()
        assert [(part["line_no"], part["principal"], part["bonus"]) for part in told["parts"]] == [(1, "16.66", "3.34"), (2, "8.34", "1.66")]

    def test_not_enough_tells_what_there_is(self, rich: Caller) -> None:
        answer = rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "120.01"})
        assert problem_of(answer) == (422, "not_enough_credit")
        assert (answer.json()["available"], answer.json()["asked"]) == ("120.00", "120.01")
        assert CreditEntry.objects.count() == 1

    def test_lines_that_do_not_add_up(self, rich: Caller) -> None:
        assert problem_of(rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.01", "lines": LINES})) == (422, "lines_differ")
        assert problem_of(rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "40.00", "lines": [LINES[0], LINES[0]]})) == (422, "lines_invalid")


class TestHolds:
    def hold(self, caller: Caller, amount: str = "30.00", **more: Any) -> Any:
        return caller.post(f"{BASE}/holds", {"order_no": "D1", "amount": amount, **more})

    def test_held_captured_whole(self, rich: Caller) -> None:
        told = self.hold(rich).json()
        assert (told["amount"], told["principal"], told["bonus"], told["balance_after"]) == ("30.00", "25.00", "5.00", "90.00")
        captured = rich.post(f"{BASE}/holds/{told['hold_id']}/capture", {})
        assert captured.status_code == 200
        assert {key: captured.json()[key] for key in ("hold_id", "captured", "released", "principal", "bonus", "balance_after")} == {
            "hold_id": told["hold_id"], "captured": "30.00", "released": "0.00", "principal": "25.00", "bonus": "5.00", "balance_after": "90.00",
        }  # fmt: skip

    def test_captured_in_part(self, rich: Caller) -> None:
        hold_id = self.hold(rich).json()["hold_id"]
        told = rich.post(f"{BASE}/holds/{hold_id}/capture", {"amount": "20.00", "lines": [{"line_no": 3, "amount": "20.00"}]}).json()
        assert (told["captured"], told["released"], told["balance_after"]) == ("20.00", "10.00", "100.00")
        assert [part["line_no"] for part in told["parts"]] == [3]

    def test_released(self, rich: Caller) -> None:
        hold_id = self.hold(rich).json()["hold_id"]
        told = rich.post(f"{BASE}/holds/{hold_id}/release", None).json()
        assert (told["released"], told["balance_after"]) == ("30.00", "120.00")
        assert CreditHold.objects.get().status == "RELEASED"

    def test_settled_once(self, rich: Caller) -> None:
        hold_id = self.hold(rich).json()["hold_id"]
        rich.post(f"{BASE}/holds/{hold_id}/release", None)
        for act, body in (("capture", {}), ("release", None)):
            assert problem_of(rich.post(f"{BASE}/holds/{hold_id}/{act}", body)) == (409, "hold_settled")

    def test_more_than_is_held(self, rich: Caller) -> None:
        hold_id = self.hold(rich).json()["hold_id"]
        assert problem_of(rich.post(f"{BASE}/holds/{hold_id}/capture", {"amount": "30.01"})) == (422, "more_than_held")
        assert CreditHold.objects.get().status == "HELD"

    @pytest.mark.parametrize("hold_id", ["0", "-1", "abc", "9" * 18, "9" * 40, "1.0", "%00", "１", "1e3", " 1"])
    def test_a_hold_that_is_none(self, rich: Caller, hold_id: str) -> None:
        self.hold(rich)
        assert problem_of(rich.post(f"{BASE}/holds/{hold_id}/release", None)) == (404, "not_found")

    def test_another_members_hold(self, rich: Caller, store: Store) -> None:
        hold_id = self.hold(rich).json()["hold_id"]
        make_member(store, "M2")
        assert problem_of(rich.post(f"/stores/s1/members/M2/credit/holds/{hold_id}/release", None)) == (404, "not_found")
        assert CreditHold.objects.get().status == "HELD"


class TestRefunds:
    def refund(self, caller: Caller, **body: Any) -> Any:
        return caller.post(f"{BASE}/refunds", {"order_no": "D1", **body})

    def test_everything_once(self, rich: Caller) -> None:
        rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00"})
        assert {key: self.refund(rich).json()[key] for key in ("amount",)} == {"amount": "30.00"}
        again = self.refund(rich)
        assert (again.status_code, again.json()["amount"], again.json()["parts"]) == (200, "0.00", [])
        assert rich.get(BASE).json()["balance"] == "120.00"

    def test_a_part_of_a_line(self, rich: Caller) -> None:
        rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00", "lines": LINES})
        told = self.refund(rich, lines=[{"line_no": 1, "amount": "5.00"}, {"line_no": 2}]).json()
        assert told["amount"] == "15.00"
        assert problem_of(self.refund(rich, lines=[{"line_no": 1, "amount": "15.01"}])) == (422, "more_than_spent")

    def test_an_order_for_which_nothing_was_spent(self, rich: Caller) -> None:
        assert problem_of(self.refund(rich)) == (404, "not_found")

    def test_another_members_order(self, rich: Caller, store: Store) -> None:
        make_member(store, "M2")
        rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00"})
        assert problem_of(rich.post("/stores/s1/members/M2/credit/refunds", {"order_no": "D1"})) == (404, "not_found")
        assert rich.get(BASE).json()["balance"] == "90.00"

    def test_an_order_of_two_members_is_for_staff(self, rich: Caller, store: Store) -> None:
        give(make_member(store, "M2"), "50.00")
        rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00"})
        rich.post("/stores/s1/members/M2/credit/spends", {"order_no": "D1", "amount": "30.00"})
        assert problem_of(self.refund(rich)) == (409, "order_of_several_members")
        assert rich.get(BASE).json()["balance"] == "90.00"


class TestTopUpRefunds:
    def test_principal_left_goes_back_and_bonus_is_void(self, rich: Caller) -> None:
        rich.post(f"{BASE}/spends", {"order_no": "D1", "amount": "30.00"})
        answer = rich.post(f"{BASE}/top-ups/R1/refund", None)
        assert (answer.status_code, {key: answer.json()[key] for key in ("paid_back", "voided")}) == (200, {"paid_back": "75.00", "voided": "15.00"})
        assert CreditPayout.objects.get().status == "WAITING"
        assert problem_of(rich.post(f"{BASE}/top-ups/R1/refund", None)) == (422, "top_up_refunded")

    @pytest.mark.parametrize("source_no", ["R9", "%00", "x" * 500])
    def test_one_that_is_none(self, rich: Caller, source_no: str) -> None:
        assert problem_of(rich.post(f"{BASE}/top-ups/{source_no}/refund", None)) == (404, "not_found")

    def test_another_members_top_up(self, rich: Caller, store: Store) -> None:
        make_member(store, "M2")
        assert problem_of(rich.post("/stores/s1/members/M2/credit/top-ups/R1/refund", None)) == (404, "not_found")
        assert not CreditPayout.objects.exists()


@pytest.mark.parametrize(
    "amount",
    [
        "1", "1.0", "1.000", " 1.00", "-1.00", "+1.00", "1,000.00", "¥1.00", "1e2", "NaN", "Infinity", "１.00", "1.00\n", "0.00", "1" * 10 + ".00",
        1, 1.0, True, None, [], {},
    ],
)  # fmt: skip
def test_amounts_are_texts_with_two_decimals(rich: Caller, amount: Any) -> None:
    for path, body in (("spends", {"order_no": "D1", "amount": amount}), ("holds", {"order_no": "D1", "amount": amount})):
        assert problem_of(rich.post(f"{BASE}/{path}", body)) == (422, "body_invalid")
    assert CreditEntry.objects.count() == 1


@pytest.mark.parametrize("line_no", [0, -1, 2**31, 1.5, "1", True, None, 10**400])
def test_lines_are_whole_numbers(rich: Caller, line_no: Any) -> None:
    body = {"order_no": "D1", "amount": "1.00", "lines": [{"line_no": line_no, "amount": "1.00"}]}
    assert problem_of(rich.post(f"{BASE}/spends", body)) == (422, "body_invalid")


@pytest.mark.parametrize("order_no", ["", " ", "a\x00", "x" * 65, "\ud800", 5, None, "１２", "a\u200bb"])
def test_order_numbers(rich: Caller, order_no: Any) -> None:
    answer = rich.post(f"{BASE}/spends", {"order_no": order_no, "amount": "1.00"})
    if order_no in ("１２", "a\u200bb"):  # written as files write it
        assert answer.json()["order_no"] in ("12", "ab")
    else:
        assert problem_of(answer) == (422, "body_invalid")
