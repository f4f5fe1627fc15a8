"""Payments, their refunds, payouts and events over HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backoffice.kernel.tenancy.models import Store
from members.models import CreditEntry, CreditPayout, Event, OrderLine, Payment, PaymentRefund
from members.services.credit.lapse import sweep_lapsed
from tests.factories import make_member, make_store
from tests.kernel.api.calling import Caller, problem_of

pytestmark = pytest.mark.django_db
CREDIT = "/stores/s1/members/M1/credit"
PAYMENTS = "/stores/s1/payments"
PAID_AT = "2026-11-01T10:00:00+08:00"


@pytest.fixture
def store() -> Store:
    store = make_store("s1")
    make_member(store, "M1")
    return store


@pytest.fixture
def caller(store: Store) -> Caller:
    caller = Caller(store)
    caller.post(f"{CREDIT}/top-ups", {"source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "expires_at": "2099-12-31"})
    return caller


def pay(caller: Caller, **body: Any) -> Any:
    return caller.post(PAYMENTS, {"order_no": "D1", "member_no": "M1", "paid_at": PAID_AT, "amount": "100.00", **body})


class TestPayments:
    def test_credit_is_spent_and_shared_over_the_lines(self, caller: Caller) -> None:
        answer = pay(caller, credit_used="30.00", lines=[{"line_no": 1, "amount": "60.00"}, {"line_no": 2, "amount": "40.00"}])
        told = answer.json()
        assert answer.status_code == 201
        assert {key: told[key] for key in ("order_no", "member_no", "paid_at", "amount", "credit_used", "refunded_amount", "credit_refunded", "created")} == {
            "order_no": "D1", "member_no": "M1", "paid_at": PAID_AT, "amount": "100.00", "credit_used": "30.00", "refunded_amount": "0.00",
            "credit_refunded": "0.00", "created": True,
        }  # fmt: skip
        assert [(line["line_no"], line["credit_used"]) for line in told["lines"]] == [(1, "18.00"), (2, "12.00")]
        assert [part["line_no"] for part in told["parts"]] == [1, 2]
        assert caller.get(CREDIT).json()["balance"] == "90.00"

    def test_told_again_under_another_key_nothing_is_done(self, caller: Caller) -> None:
        pay(caller, credit_used="30.00")
        again = pay(caller, credit_used="30.00")
        assert (again.status_code, again.json()["created"], again.json()["parts"]) == (200, False, [])
        assert (Payment.objects.count(), CreditEntry.objects.filter(kind="SPEND").count()) == (1, 1)

    def test_told_with_other_figures(self, caller: Caller) -> None:
        pay(caller, credit_used="30.00")
        assert problem_of(pay(caller, credit_used="31.00")) == (409, "order_differs")
        assert problem_of(pay(caller, amount="101.00", credit_used="30.00")) == (409, "order_differs")

    def test_without_credit(self, caller: Caller) -> None:
        assert pay(caller).json()["parts"] == []
        assert caller.get(CREDIT).json()["balance"] == "120.00"

    def test_a_hold_is_captured(self, caller: Caller) -> None:
        hold_id = caller.post(f"{CREDIT}/holds", {"order_no": "D1", "amount": "50.00"}).json()["hold_id"]
        told = pay(caller, credit_used="30.00", hold_id=hold_id).json()
        assert sum(float(part["principal"]) + float(part["bonus"]) for part in told["parts"]) == 30
        assert {key: caller.get(CREDIT).json()[key] for key in ("balance", "held")} == {"balance": "90.00", "held": "0.00"}

    def test_a_spend_made_before_is_named(self, caller: Caller) -> None:
        spend_id = caller.post(f"{CREDIT}/spends", {"order_no": "D1", "amount": "30.00"}).json()["spend_id"]
        assert pay(caller, credit_used="30.00", spend_id=spend_id).status_code == 201
        assert CreditEntry.objects.filter(kind="SPEND").count() == 1
        assert caller.get(CREDIT).json()["balance"] == "90.00"

    def test_more_than_there_is(self, caller: Caller) -> None:
        answer = pay(caller, amount="200.00", credit_used="150.00")
        assert (problem_of(answer), answer.json()["available"]) == ((422, "not_enough_credit"), "120.00")
        assert not Payment.objects.exists()
        assert not OrderLine.objects.exists()

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"credit_used": "100.01"}, "credit_above_amount"),
            ({"lines": [{"line_no": 1, "amount": "99.99"}]}, "lines_differ"),
            ({"lines": [{"line_no": 1, "amount": "50.00"}] * 2}, "line_twice"),
            ({"credit_used": "1.00", "hold_id": None, "spend_id": None, "lines": [{"line_no": 1, "amount": "100.00", "credit_used": "2.00"}]}, "lines_differ"),
            ({"paid_at": (datetime.now(UTC) + timedelta(days=3)).isoformat()}, "body_invalid"),
            ({"paid_at": "9999-12-31"}, "body_invalid"),
            ({"paid_at": "1899-12-31"}, "body_invalid"),
            ({"amount": 100}, "body_invalid"),
            ({"hold_id": "1"}, "body_invalid"),
            ({"hold_id": 2**63}, "body_invalid"),
            ({"spend_id": -1}, "body_invalid"),
            ({"notify": True}, "body_invalid"),
        ],
    )
    def test_what_is_refused(self, caller: Caller, body: dict[str, Any], code: str) -> None:
        assert problem_of(pay(caller, **body)) == (422, code)
        assert not Payment.objects.exists()

    @pytest.mark.parametrize("source", ["hold_id", "spend_id"])
    def test_a_hold_or_spend_that_is_none_or_another_members(self, caller: Caller, store: Store, source: str) -> None:
        make_member(store, "M2")
        caller.post("/stores/s1/members/M2/credit/top-ups", {"source_no": "R2", "principal_amount": "50.00"})
        path = "holds" if source == "hold_id" else "spends"
        theirs = caller.post(f"/stores/s1/members/M2/credit/{path}", {"order_no": "D1", "amount": "30.00"}).json()[source]
        for number in (theirs, 2**62):
            assert problem_of(pay(caller, credit_used="30.00", **{source: number})) == (404, "not_found")
        assert not Payment.objects.exists()


class TestRefunds:
    URL = f"{PAYMENTS}/D1/refunds"

    def test_a_line_with_its_credit_then_the_rest(self, caller: Caller) -> None:
        pay(caller, credit_used="30.00", lines=[{"line_no": 1, "amount": "60.00"}, {"line_no": 2, "amount": "40.00"}])
        told = caller.post(self.URL, {"lines": [{"line_no": 2}]}).json()
        assert (told["amount"], told["credit"], told["refunded_amount"], told["credit_refunded"]) == ("40.00", "12.00", "40.00", "12.00")
        assert told["lines"] == [{"line_no": 2, "amount": "40.00", "credit": "12.00"}]
        rest = caller.post(self.URL, {}).json()
        assert (rest["amount"], rest["credit"], rest["refunded_amount"], rest["credit_refunded"]) == ("60.00", "18.00", "100.00", "30.00")
        assert caller.post(self.URL, {}).json()["amount"] == "0.00"
        assert caller.get(CREDIT).json()["balance"] == "120.00"
        assert PaymentRefund.objects.count() == 3

    @pytest.mark.parametrize(
        ("lines", "code"),
        [
            ([{"line_no": 9}], "line_unknown"),
            ([{"line_no": 1, "amount": "100.01"}], "refund_above_amount"),
            ([{"line_no": 1}, {"line_no": 1}], "line_twice"),
            ([], "body_invalid"),
            ([{"line_no": 1, "amount": "0.00"}], "body_invalid"),
        ],
    )
    def test_what_is_refused(self, caller: Caller, lines: list[dict[str, Any]], code: str) -> None:
        pay(caller)
        assert problem_of(caller.post(self.URL, {"lines": lines})) == (422, code)
        assert not PaymentRefund.objects.exists()

    @pytest.mark.parametrize("order_no", ["D9", "%00", "x" * 300])
    def test_an_order_that_is_none(self, caller: Caller, order_no: str) -> None:
        assert problem_of(caller.post(f"{PAYMENTS}/{order_no}/refunds", {})) == (404, "not_found")


class TestPayouts:
    @pytest.fixture
    def payout(self, caller: Caller) -> CreditPayout:
        caller.post(f"{CREDIT}/top-ups/R1/refund", None)
        return CreditPayout.objects.get()

    def settle(self, caller: Caller, payout: CreditPayout, **body: Any) -> Any:
        return caller.post(f"/stores/s1/payouts/{payout.pk}/result", body)

    def test_the_queue(self, caller: Caller, payout: CreditPayout) -> None:
        told = caller.get("/stores/s1/payouts").json()
        assert told["next_after"] is None
        assert {key: told["payouts"][0][key] for key in ("payout_id", "member_no", "source_no", "cause", "amount", "status", "attempts")} == {
            "payout_id": payout.pk, "member_no": "M1", "source_no": "R1", "cause": "TOP_UP_REFUND", "amount": "100.00", "status": "WAITING", "attempts": 0,
        }  # fmt: skip
        assert caller.get("/stores/s1/payouts?status=PAID").json()["payouts"] == []
        assert caller.get(f"/stores/s1/payouts?after={payout.pk}").json()["payouts"] == []

    def test_page_by_page(self, caller: Caller) -> None:
        for number in range(5):
            caller.post(f"{CREDIT}/top-ups", {"source_no": f"P{number}", "principal_amount": "1.00", "opened_at": "2026-01-01", "expires_at": "2026-01-02"})
        sweep_lapsed(now=datetime.now(UTC))
        seen, after = [], 0
        for _ in range(3):
            told = caller.get(f"/stores/s1/payouts?limit=2&after={after}").json()
            seen += [payout["source_no"] for payout in told["payouts"]]
            after = told["next_after"]
        assert (sorted(seen), after) == ([f"P{number}" for number in range(5)], None)

    def test_paid(self, caller: Caller, payout: CreditPayout) -> None:
        answer = self.settle(caller, payout, result="paid", reference="PAY-1")
        assert (answer.status_code, answer.json()["status"], answer.json()["reference"], answer.json()["attempts"]) == (200, "PAID", "PAY-1", 1)
        assert problem_of(self.settle(caller, payout, result="paid", reference="PAY-2")) == (409, "state_conflict")
        assert problem_of(self.settle(caller, payout, result="failed", error="x")) == (409, "state_conflict")
        payout.refresh_from_db()
        assert payout.reference == "PAY-1"

    def test_failed_and_then_paid_another_way(self, caller: Caller, payout: CreditPayout) -> None:
        assert self.settle(caller, payout, result="failed", error="收款账户已注销").json()["status"] == "RETURN_FAILED"
        assert self.settle(caller, payout, result="paid", reference="PAY-1").json()["error"] == ""

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"result": "paid"}, "reference_missing"),
            ({"result": "paid", "reference": "x", "error": "y"}, "reference_missing"),
            ({"result": "failed"}, "error_missing"),
            ({"result": "failed", "error": "x", "reference": "y"}, "error_missing"),
            ({"result": "lost"}, "body_invalid"),
            ({"result": "paid", "reference": ""}, "body_invalid"),
            ({"result": "paid", "reference": "x" * 129}, "body_invalid"),
        ],
    )
    def test_what_is_refused(self, caller: Caller, payout: CreditPayout, body: dict[str, Any], code: str) -> None:
        assert problem_of(self.settle(caller, payout, **body)) == (422, code)
        payout.refresh_from_db()
        assert payout.status == "WAITING"

    @pytest.mark.parametrize("query", ["status=LOST", "after=-1", "after=x", "limit=0", "limit=201", "after=9223372036854775808", "limit=1e2"])
    def test_queries_that_are_none(self, caller: Caller, query: str) -> None:
        assert problem_of(caller.get(f"/stores/s1/payouts?{query}")) == (422, "body_invalid")


class TestEvents:
    URL = "/stores/s1/events"

    def event(self, event_id: str = "E1", **fields: Any) -> dict[str, Any]:
        return {"event_id": event_id, "name": "view_item", "occurred_at": "2026-11-01T10:00:00+08:00", "member_no": "M1", **fields}

    def test_new_known_and_differing_ones(self, caller: Caller) -> None:
        first = caller.post(self.URL, {"events": [self.event("E1"), self.event("E2", properties={"item": "A", "n": [1, {"x": None}]})]})
        assert (first.status_code, first.json()) == (200, {"created": 2, "repeated": 0, "conflict": 0, "conflicts": []})
        again = caller.post(self.URL, {"events": [self.event("E1"), self.event("E2", name="buy"), self.event("E3")]})
        assert again.json() == {"created": 1, "repeated": 1, "conflict": 1, "conflicts": ["E2"]}
        assert Event.objects.get(event_id="E2").name == "view_item"

    def test_somebody_who_is_no_member(self, caller: Caller) -> None:
        event = self.event(member_no=None, identity_kind="openid", identity_value="o-1")
        assert caller.post(self.URL, {"events": [event]}).json()["created"] == 1
        assert Event.objects.get().member is None

    def test_a_thousand_in_a_call(self, caller: Caller) -> None:
        events = [self.event(f"E{number}") for number in range(1000)]
        assert caller.post(self.URL, {"events": events}).json()["created"] == 1000
        assert problem_of(caller.post(self.URL, {"events": [*events, self.event("one more")]})) == (422, "body_invalid")

    def test_all_or_none_and_each_one_named(self, caller: Caller) -> None:
        events = [
            self.event("E1"), self.event("E2", member_no="M7"), self.event("E3", member_no=None),
            self.event("E4", member_no=None, identity_kind="shoe", identity_value="1"), self.event("E5", member_no=None, identity_kind="phone"),
            self.event("E6", properties={"x": "y" * 3_900, "z": "y" * 3_900, "a": "y" * 3_900}),
        ]  # fmt: skip
        answer = caller.post(self.URL, {"events": events})
        assert problem_of(answer) == (422, "events_refused")
        assert [(place["place"], place["code"], place["message"]) for place in answer.json()["errors"]] == [
            ("body.payload.events.1", "unknown_member", "E2"), ("body.payload.events.2", "person_missing", "E3"),
            ("body.payload.events.3", "unknown_identity_kind", "E4"), ("body.payload.events.4", "identity_invalid", "E5"),
            ("body.payload.events.5", "properties_invalid", "E6"),
        ]  # fmt: skip
        assert not Event.objects.exists()

    @pytest.mark.parametrize(
        "properties",
        [
            {"a": "\x00"},
            {"a\x00": 1},
            {"a": "\ud800"},
            {"\udfff": 1},
            {"a": 10**30},
            {"a": {"b": {"c": {"d": {"e": {"f": {"g": 1}}}}}}},
            [],
            "x",
            {"a": "x" * 4_001},
        ],
    )
    def test_properties_that_no_database_keeps(self, caller: Caller, properties: Any) -> None:
        assert problem_of(caller.post(self.URL, {"events": [self.event(properties=properties)]})) == (422, "body_invalid")

    @pytest.mark.parametrize("raw", ["NaN", "Infinity", "-Infinity", "1e999"])
    def test_numbers_that_are_none(self, caller: Caller, raw: str) -> None:
        body = json.dumps({"events": [self.event(properties={"a": "RAW"})]}).replace('"RAW"', raw).encode()
        assert problem_of(caller.post(self.URL, body)) == (422, "body_invalid")
        assert not Event.objects.exists()
