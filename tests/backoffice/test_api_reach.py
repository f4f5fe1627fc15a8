"""Every call of the API from outside its reach: another store's rows, and nobody's, are one answer to the byte; a right taken away works at once."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from backoffice.kernel.api.models import ApiCount, ApiToken, IdempotencyRecord
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.roles import Role
from members.models import CreditAccount, CreditEntry, CreditHold, CreditPayout, Event, Member, Payment
from members.paid.models import BenefitIssue, Complaint, PaidMembership, PaidRefund
from tests.factories import make_member, make_store, make_user
from tests.kernel.api.calling import Caller, problem_of, token_for
from tests.members.paid.making import make_membership, make_program

pytestmark = pytest.mark.django_db
PREFIX = "/api/v1"


@dataclass(frozen=True)
class Call:
    """One documented call: its path with names in braces, and a body that fits; ``{#name}`` in a body is that name as a number."""

    method: str
    path: str
    body: Any = None
    query: str = ""
    names: dict[str, str] = field(default_factory=dict)


EVENT = {"event_id": "E1", "name": "x", "occurred_at": "2026-11-01", "identity_kind": "openid", "identity_value": "o"}
SPEND = {"order_no": "NEW", "amount": "1.00"}
CALLS = (
    Call("GET", "/stores/{store}/members/{member_no}"),
    Call("GET", "/stores/{store}/members/{member_no}/level"),
    Call("PUT", "/stores/{store}/members/{member_no}", {"nickname": "x"}),
    Call("POST", "/stores/{store}/members/{member_no}/leave", {"reason": "x", "confirmed_balance": "120.00"}),
    Call("POST", "/stores/{store}/identities", {"identities": [{"kind": "openid", "value": "o-1"}], "member_no": "{member_no}"}),
    Call("GET", "/stores/{store}/members/{member_no}/credit"),
    Call("POST", "/stores/{store}/members/{member_no}/credit/top-ups", {"source_no": "NEW", "principal_amount": "1.00"}),
    Call("POST", "/stores/{store}/members/{member_no}/credit/top-ups/{source_no}/refund"),
    Call("POST", "/stores/{store}/members/{member_no}/credit/spends", SPEND),
    Call("POST", "/stores/{store}/members/{member_no}/credit/refunds", {"order_no": "{spent_order}"}),
    Call("POST", "/stores/{store}/members/{member_no}/credit/holds", SPEND),
    Call("POST", "/stores/{store}/members/{member_no}/credit/holds/{hold_id}/capture", {}),
    Call("POST", "/stores/{store}/members/{member_no}/credit/holds/{hold_id}/release"),
    Call("POST", "/stores/{store}/payments", {"order_no": "NEW", "member_no": "{member_no}", "paid_at": "2026-11-01", "amount": "1.00"}),
    Call("POST", "/stores/{store}/payments/{order_no}/refunds", {}),
    Call("GET", "/stores/{store}/payouts"),
    Call("POST", "/stores/{store}/payouts/{payout_id}/result", {"result": "paid", "reference": "x"}),
    Call(
        "POST",
        "/stores/{store}/events",
        {"events": [{"event_id": "E1", "name": "x", "occurred_at": "2026-11-01", "identity_kind": "openid", "identity_value": "o"}]},
    ),
    Call("GET", "/stores/{store}/push-account"),
    Call("GET", "/stores/{store}/members/{member_no}/messages", query="?date=2026-11-22"),
    Call("POST", "/stores/{store}/paid-memberships", {"member_no": "{free_member_no}", "program_id": "{#program_id}", "order_no": "NEW"}),
    Call("POST", "/stores/{store}/paid-memberships/renew", {"member_no": "{member_no}", "program_id": "{#program_id}", "order_no": "NEW"}),
    Call("POST", "/stores/{store}/paid-memberships/cancel", {"order_no": "{order_no}", "reason": "x"}),
    Call("GET", "/stores/{store}/paid-memberships/{order_no}"),
    Call("POST", "/stores/{store}/paid-memberships/{order_no}/payment", {}),
    Call("POST", "/stores/{store}/paid-memberships/{order_no}/auto-renewal", {"on": True}),
    Call("GET", "/stores/{store}/members/{member_no}/benefits"),
    Call("POST", "/stores/{store}/members/{member_no}/issues/{issue_id}/use", {"reference": "D1"}),
    Call("GET", "/stores/{store}/entry-points/live-card", query="?member_no=sa-M"),
    Call("GET", "/stores/{store}/entry-points/member-centre", query="?member_no=sa-M"),
    Call("POST", "/stores/{store}/complaints", {"member_no": "{member_no}", "program_id": "{#program_id}", "text": "x"}),
)
MISSING = {
    "store": "nowhere", "member_no": "nobody", "source_no": "nothing", "hold_id": "987654321", "payout_id": "987654321", "order_no": "none",
    "spent_order": "none", "program_id": "987654321", "free_member_no": "nobody", "issue_id": "987654321",
}  # fmt: skip


def seed(code: str) -> dict[str, str]:
    """A store with one of everything that a path can name."""
    store = make_store(code)
    make_member(store, f"{code}-M")
    caller = Caller(store)
    base = f"/stores/{code}/members/{code}-M/credit"
    assert caller.post(f"{base}/top-ups", {"source_no": f"{code}-R", "principal_amount": "100.00"}).status_code == 201
    assert caller.post(f"{base}/top-ups", {"source_no": f"{code}-B", "principal_amount": "50.00"}).status_code == 201
    assert caller.post(f"{base}/top-ups/{code}-B/refund", None).status_code == 200
    assert caller.post(f"{base}/top-ups", {"source_no": f"{code}-L", "principal_amount": "40.00"}).status_code == 201
    hold = caller.post(f"{base}/holds", {"order_no": f"{code}-H", "amount": "10.00"}).json()
    assert caller.post(f"{base}/spends", {"order_no": f"{code}-S", "amount": "20.00"}).status_code == 201
    paid = {"order_no": f"{code}-D", "member_no": f"{code}-M", "paid_at": "2026-11-01", "amount": "30.00"}
    assert caller.post(f"/stores/{code}/payments", paid).status_code == 201
    program = make_program(store, by=make_user(Role.PLATFORM_MEMBER_OPS))
    today = local_day(database_now())
    term = make_membership(program, Member.objects.get(store=store), starts_on=today, order_no=f"{code}-D", opened_at=database_now())
    make_member(store, f"{code}-F")
    benefit = program.pack.benefits.get(key="gift")
    issue = BenefitIssue.objects.create(
        store=store, member=term.member, paid_membership=term, benefit=benefit, period=0, due_on=today, issued_at=database_now(), expires_on=term.ends_on
    )
    return {
        "program_id": str(program.pk), "free_member_no": f"{code}-F", "issue_id": str(issue.pk),
        "store": code, "member_no": f"{code}-M", "source_no": f"{code}-L", "hold_id": str(hold["hold_id"]), "spent_order": f"{code}-S",
        "payout_id": str(CreditPayout.objects.get(store=store).pk), "order_no": f"{code}-D",
    }  # fmt: skip


def filled(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, str):
        if number := re.fullmatch(r"{#(\w+)}", value):
            return int(names[number[1]])
        return re.sub(r"{(\w+)}", lambda match: names[match[1]], value)
    if isinstance(value, dict):
        return {key: filled(item, names) for key, item in value.items()}
    return [filled(item, names) for item in value] if isinstance(value, list) else value


def ask(caller: Caller, call: Call, names: dict[str, str]) -> Any:
    """The call's answer; what it wrote is undone."""
    with transaction.atomic():
        answer = caller.ask(call.method, filled(call.path, names) + call.query, filled(call.body, names) if call.body is not None else None)
        transaction.set_rollback(True)
    return answer


def names_in(call: Call) -> set[str]:
    return set(re.findall(r"{#?(\w+)}", call.path + str(call.body or "")))


def counts() -> list[int]:
    return [
        model.objects.count()
        for model in (
            Member,
            CreditAccount,
            CreditEntry,
            CreditHold,
            CreditPayout,
            Payment,
            Event,
            Complaint,
            PaidMembership,
            BenefitIssue,
            PaidRefund,
            IdempotencyRecord,
            ApiCount,
        )
    ]


EACH = [pytest.param(call, id=f"{call.method} {call.path}") for call in CALLS]


def test_every_documented_call_is_here() -> None:
    document = Client().get(f"{PREFIX}/openapi.json").json()
    told = {(method.upper(), path.removeprefix(PREFIX)) for path, operations in document["paths"].items() for method in operations}
    assert told == {(call.method, call.path) for call in CALLS} | {("POST", "/gateway/receipts"), ("GET", "/grants/check")}


@pytest.mark.parametrize("call", EACH)
class TestReach:
    def test_inside_it_works(self, call: Call) -> None:
        """Otherwise the refusals below would prove nothing."""
        mine = seed("sa")
        caller = Caller(Store.objects.get(code="sa"))
        assert ask(caller, call, mine).status_code in (200, 201, 202)
        assert ask(Caller(is_platform=True), call, mine).status_code in (200, 201, 202)

    def test_foreign_and_missing_are_one_answer(self, call: Call) -> None:
        mine, theirs = seed("sa"), seed("sb")
        caller = Caller(Store.objects.get(code="sa"))
        before = counts()
        for name in names_in(call):
            if (call.method, name) == ("PUT", "member_no"):
                continue  # a number that nobody has is a new member's
            foreign = ask(caller, call, {**mine, name: theirs[name]})
            missing = ask(caller, call, {**mine, name: MISSING[name]})
            whole = ask(caller, call, {**theirs, **({"store": "sa"} if name != "store" else {})})
            assert foreign.status_code == 404, (name, foreign.content)
            assert foreign.content == missing.content == whole.content
            assert sorted(foreign.headers.items()) == sorted(missing.headers.items())
        assert counts() == before

    def test_without_a_live_token(self, call: Call) -> None:
        mine = seed("sa")
        caller = Caller(Store.objects.get(code="sa"))
        before = counts()
        right = caller.token
        answers = []
        for token in ("", "x", right + "x", "x" * 500, "\u00e9"):
            caller.token = token
            answers.append(ask(caller, call, mine))
        caller.token = right
        for header in ("", right, f"Basic {right}", f"Token {right}", "Bearer", f"Bearer  {right} x"):
            answers.append(caller.ask(call.method, filled(call.path, mine) + call.query, filled(call.body, mine), headers={"Authorization": header}))
        ApiToken.objects.update(expires_at=database_now())
        answers.append(ask(caller, call, mine))
        assert {(problem_of(answer), answer.content, answer["WWW-Authenticate"]) for answer in answers} == {
            ((401, "not_authenticated"), answers[0].content, 'Bearer realm="api"')
        }
        assert counts() == before

    def test_a_narrowed_token_reaches_only_what_it_was_asked_for(self, call: Call) -> None:
        mine = seed("sa")
        make_store("sc")
        caller = Caller(is_platform=True)
        caller.token = token_for(caller.client, ["store:sc"])
        assert problem_of(ask(caller, call, mine)) == (404, "not_found")
        caller.token = token_for(caller.client, ["store:sa"])
        assert ask(caller, call, mine).status_code in (200, 201, 202)

    def test_a_store_that_is_taken_away_is_gone_on_the_next_call(self, call: Call) -> None:
        mine = seed("sa")
        caller = Caller(Store.objects.get(code="sa"), make_store("sc"))
        caller.client.client_stores.filter(store__code="sa").delete()
        assert problem_of(ask(caller, call, mine)) == (404, "not_found")

    def test_a_suspended_merchants_systems_are_out(self, call: Call) -> None:
        mine = seed("sa")
        store = Store.objects.get(code="sa")
        type(store.merchant).objects.filter(pk=store.merchant_id).update(status="SUSPENDED")
        assert problem_of(ask(Caller(store), call, mine)) == (403, "merchant_suspended")
        assert ask(Caller(is_platform=True), call, mine).status_code in (200, 201, 202)


class TestAddresses:
    @pytest.mark.parametrize("path", ["/nothing", "/stores", "/stores/sa/members", "/stores/sa/members/M1/nothing", "/stores/%00/payouts/x"])
    def test_an_address_that_is_none(self, path: str) -> None:
        make_store("sa")
        assert problem_of(Caller(is_platform=True).get(path)) == (404, "not_found")

    @pytest.mark.parametrize("code", ["%00", "", "%", "%C0%AF", "x" * 5_000, "..", "%2e%2e", "sa%00", "SA", "sa "])
    def test_store_codes_that_are_none(self, code: str) -> None:
        make_store("sa")
        assert problem_of(Caller(is_platform=True).get(f"/stores/{code}/payouts")) == (404, "not_found")

    def test_answers_are_kept_by_nobody(self) -> None:
        seed("sa")
        caller = Caller(Store.objects.get(code="sa"))
        for path in ("/stores/sa/members/sa-M", "/stores/none/members/x", "/nothing"):
            assert caller.get(path).headers["Cache-Control"] == "no-store"

    def test_other_methods(self) -> None:
        seed("sa")
        caller = Caller(Store.objects.get(code="sa"))
        answer = caller.ask("DELETE", "/stores/sa/members/sa-M")
        assert (problem_of(answer), set(answer["Allow"].split(", "))) == ((405, "method_not_allowed"), {"GET", "PUT"})

    def test_no_session_is_asked_for_or_made(self) -> None:
        seed("sa")
        caller = Caller(Store.objects.get(code="sa"))
        caller.http = Client(enforce_csrf_checks=True)
        answer = caller.post("/stores/sa/members/sa-M/credit/spends", SPEND)
        assert (answer.status_code, dict(answer.cookies)) == (201, {})

    def test_a_foreign_row_costs_what_a_missing_one_does(self) -> None:
        """The same statements: no oracle by time."""
        mine, theirs = seed("sa"), seed("sb")
        caller = Caller(Store.objects.get(code="sa"))
        caller.get("/stores/sa/payouts")  # the client's last use is noted once a minute
        made = []
        for names in ({**mine, "hold_id": theirs["hold_id"]}, {**mine, "hold_id": MISSING["hold_id"]}):
            with connection.execute_wrapper(lambda execute, *a: (made[-1].append(a[0]), execute(*a))[1]):
                made.append([])
                ask(caller, CALLS[11], names)
        statements = [[sql for sql in each if "SAVEPOINT" not in sql] for each in made]
        assert statements[0] == statements[1]
