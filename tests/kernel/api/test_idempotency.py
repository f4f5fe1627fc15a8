"""A write happens once under a key: replays, twins at the same moment, other requests under the key, a process killed between effect and answer."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.db import connection, connections
from django.db.models import F

from backoffice.kernel.api import idempotency
from backoffice.kernel.api.idempotency import KEPT, REPLAYED, prune_records
from backoffice.kernel.api.models import IdempotencyRecord
from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, CreditEntry, CreditLot
from tests.campaigns.processes import ROOT, environment
from tests.factories import make_member, make_store
from tests.kernel.api.calling import Caller, problem_of

TOP_UP = {"source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "opened_at": "2026-11-01"}


def top_ups(store: Store, member_no: str = "M1") -> str:
    return f"/stores/{store.code}/members/{member_no}/credit/top-ups"


@pytest.fixture
def store(db: None) -> Store:
    store = make_store("s1")
    make_member(store, "M1")
    make_member(store, "M2")
    return store


class TestReplay:
    def test_the_same_request_gets_the_first_answer_and_one_effect(self, store: Store) -> None:
        caller = Caller(store)
        first = caller.post(top_ups(store), TOP_UP, key="k1")
        again = caller.post(top_ups(store), TOP_UP, key="k1")
        assert (first.status_code, again.status_code) == (201, 201)
        assert first.content == again.content
        assert ("Idempotent-Replayed" in first.headers, again.headers.get("Idempotent-Replayed")) == (False, "true")
        assert CreditEntry.objects.count() == 1

    def test_order_and_spacing_of_the_json_do_not_matter(self, store: Store) -> None:
        caller = Caller(store)
        caller.post(top_ups(store), TOP_UP, key="k1")
        backwards = b'{ "opened_at":"2026-11-01",  "bonus_amount": "20.00", "source_no": "R1", "principal_amount": "100.00"}'
        assert caller.post(top_ups(store), backwards, key="k1").headers["Idempotent-Replayed"] == "true"

    @pytest.mark.parametrize("what", ["body", "member", "path", "method"])
    def test_another_request_under_the_key_is_refused(self, store: Store, what: str) -> None:
        caller = Caller(store)
        assert caller.post(top_ups(store), TOP_UP, key="k1").status_code == 201
        if what == "body":
            answer = caller.post(top_ups(store), {**TOP_UP, "bonus_amount": "21.00"}, key="k1")
        elif what == "member":
            answer = caller.post(top_ups(store, "M2"), TOP_UP, key="k1")
        elif what == "path":
            answer = caller.post("/stores/s1/members/M1/credit/top-ups/R1/refund", None, key="k1")
        else:
            answer = caller.put("/stores/s1/members/M1", {}, key="k1")
        assert problem_of(answer) == (422, "idempotency_key_reused")
        assert CreditEntry.objects.count() == 1

    def test_keys_of_two_clients_are_two_keys(self, store: Store) -> None:
        one, two = Caller(store), Caller(store)
        assert one.post(top_ups(store), TOP_UP, key="k1").status_code == 201
        answer = two.post(top_ups(store), {**TOP_UP, "source_no": "R2"}, key="k1")
        assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (201, False)
        assert CreditEntry.objects.count() == 2

    def test_a_token_is_not_a_client(self, store: Store) -> None:
        from tests.kernel.api.calling import token_for

        caller = Caller(store)
        first = caller.post(top_ups(store), TOP_UP, key="k1")
        caller.token = token_for(caller.client)
        assert caller.post(top_ups(store), TOP_UP, key="k1").content == first.content

    def test_a_right_taken_away_works_on_a_replay(self, store: Store) -> None:
        caller = Caller(store, make_store("s2"))
        caller.post(top_ups(store), TOP_UP, key="k1")
        caller.client.client_stores.filter(store=store).delete()
        assert problem_of(caller.post(top_ups(store), TOP_UP, key="k1")) == (404, "not_found")

    def test_neither_request_nor_answer_can_be_read_from_the_record(self, store: Store) -> None:
        Caller(store).put("/stores/s1/members/M9", {"nickname": "小林同学", "phone": "13812345678"}, key="k1")
        row = str(IdempotencyRecord.objects.values().get())
        assert "小林" not in row
        assert "138" not in bytes(IdempotencyRecord.objects.get().answer).decode("latin-1")


class TestRefusals:
    @pytest.mark.parametrize(
        ("key", "code"),
        [("", "idempotency_key_missing"), ("a b", "idempotency_key_invalid"), ("x" * 101, "idempotency_key_invalid"), ("ü", "idempotency_key_invalid")],
    )
    def test_a_write_needs_a_key(self, store: Store, key: str, code: str) -> None:
        answer = Caller(store).post(top_ups(store), TOP_UP, key=key)
        assert problem_of(answer) == (400, code)
        assert not CreditEntry.objects.exists()

    def test_the_longest_key_fits(self, store: Store) -> None:
        assert Caller(store).post(top_ups(store), TOP_UP, key="~" * 100).status_code == 201

    def test_a_refused_request_leaves_no_record_and_may_be_sent_again(self, store: Store) -> None:
        caller = Caller(store)
        spend = {"order_no": "D1", "amount": "50.00"}
        refused = caller.post("/stores/s1/members/M1/credit/spends", spend, key="k1")
        assert problem_of(refused) == (422, "not_enough_credit")
        assert not IdempotencyRecord.objects.exists()
        caller.post(top_ups(store), TOP_UP)
        assert caller.post("/stores/s1/members/M1/credit/spends", spend, key="k1").status_code == 201

    def test_a_body_that_is_none_leaves_no_record(self, store: Store) -> None:
        caller = Caller(store)
        assert problem_of(caller.post(top_ups(store), b"{", key="k1")) == (400, "bad_request")
        assert problem_of(caller.post(top_ups(store), {"x": 1}, key="k1")) == (422, "body_invalid")
        assert not IdempotencyRecord.objects.exists()


class TestPruning:
    def test_records_stay_for_thirty_days(self, store: Store) -> None:
        caller = Caller(store)
        for number in range(3):
            caller.post(top_ups(store), {**TOP_UP, "source_no": f"R{number}"}, key=f"k{number}")
        IdempotencyRecord.objects.filter(key="k0").update(created_at=F("created_at") - KEPT - timedelta(minutes=1))
        IdempotencyRecord.objects.filter(key="k1").update(created_at=F("created_at") - KEPT + timedelta(minutes=1))
        assert prune_records() == 1
        assert set(IdempotencyRecord.objects.values_list("key", flat=True)) == {"k1", "k2"}

    def test_in_chunks(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(idempotency, "PRUNED_AT_ONCE", 2)
        caller = Caller(store)
        for number in range(5):
            caller.put(f"/stores/s1/members/X{number}", {})
        IdempotencyRecord.objects.update(created_at=F("created_at") - KEPT * 2)
        assert prune_records() == 5
        assert not IdempotencyRecord.objects.exists()

    def test_after_that_the_ledgers_own_key_still_knows(self, store: Store) -> None:
        caller = Caller(store)
        first = caller.post(top_ups(store), TOP_UP, key="k1")
        IdempotencyRecord.objects.all().delete()
        again = caller.post(top_ups(store), TOP_UP, key="k1")
        assert (again.status_code, again.json(), again.headers["Idempotent-Replayed"]) == (201, first.json(), "true")
        IdempotencyRecord.objects.all().delete()
        assert problem_of(caller.post(top_ups(store), {**TOP_UP, "bonus_amount": "1.00"}, key="k1")) == (422, "idempotency_key_reused")
        assert CreditEntry.objects.count() == 1


def in_threads(call: Any, times: int, workers: int = 10) -> list[Any]:
    """``call(number)`` in threads, each with a connection of its own that is closed at the end."""

    def run(number: int) -> Any:
        try:
            return call(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, range(times)))


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.fixture
    def caller(self) -> Caller:
        store = make_store("s1")
        make_member(store, "M1")
        caller = Caller(store)
        caller.post(top_ups(store), TOP_UP)
        return caller

    def test_a_hundred_calls_with_one_key_have_one_effect(self, caller: Caller) -> None:
        body = {"order_no": "D1", "amount": "30.00"}
        answers = in_threads(lambda _number: caller.post("/stores/s1/members/M1/credit/spends", body, key="one"), 100)
        assert Counter(answer.status_code for answer in answers) == {201: 100}
        assert len({answer.content for answer in answers}) == 1
        assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
        assert CreditEntry.objects.filter(kind="SPEND").count() == 1
        assert str(CreditAccount.objects.get().balance) == "90.00"

    def test_a_hundred_calls_with_two_requests_under_one_key(self, caller: Caller) -> None:
        def call(number: int) -> Any:
            return caller.post("/stores/s1/members/M1/credit/spends", {"order_no": f"D{number % 2}", "amount": "30.00"}, key="one")

        answers = in_threads(call, 100)
        assert Counter(answer.status_code for answer in answers) == {201: 50, 422: 50}
        assert CreditEntry.objects.filter(kind="SPEND").count() == 1

    def test_parallel_refusals_leave_the_key_free(self, caller: Caller) -> None:
        body = {"order_no": "D1", "amount": "500.00"}
        answers = in_threads(lambda _number: caller.post("/stores/s1/members/M1/credit/spends", body, key="one"), 20)
        assert Counter(answer.status_code for answer in answers) == {422: 20}
        assert IdempotencyRecord.objects.filter(key="one").count() == 0

    def test_a_twin_waits_for_the_first_and_replays_it(self, caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
        inside, go_on = threading.Event(), threading.Event()

        def stop_here(point: str) -> None:
            if point == "api.before_commit" and not inside.is_set():
                inside.set()
                assert go_on.wait(20)

        monkeypatch.setattr(idempotency, "crash_point", stop_here)
        answers: dict[str, Any] = {}

        def call(name: str) -> None:
            answers[name] = caller.post("/stores/s1/members/M1/credit/spends", {"order_no": "D1", "amount": "30.00"}, key="one")
            connections.close_all()

        first = threading.Thread(target=call, args=("first",))
        first.start()
        assert inside.wait(20)
        twin = threading.Thread(target=call, args=("twin",))
        twin.start()
        assert _somebody_waits()
        assert not answers
        go_on.set()
        first.join(20), twin.join(20)
        assert answers["first"].content == answers["twin"].content
        assert answers["twin"].headers["Idempotent-Replayed"] == "true"
        assert CreditEntry.objects.filter(kind="SPEND").count() == 1

    def test_a_twin_of_a_refused_request_does_its_own_work(self, caller: Caller) -> None:
        """The first is rolled back; the second finds no record and is refused for its own reason."""
        answers = in_threads(lambda _number: caller.post(top_ups(Store.objects.get()), TOP_UP, key="one"), 10)
        assert Counter(problem_of(answer) for answer in answers) == {(422, "source_no_taken"): 10}
        assert CreditLot.objects.count() == 1

    def test_many_members_put_at_once_under_keys_of_their_own(self, caller: Caller) -> None:
        answers = in_threads(lambda number: caller.put("/stores/s1/members/NEW", {"nickname": f"n{number}"}, key=f"p{number}"), 20)
        assert Counter(answer.status_code for answer in answers) == {201: 1, 200: 19}


def _somebody_waits() -> bool:
    """Whether a session waits for another's transaction, within ten seconds."""
    for _ in range(100):
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
            if cursor.fetchone()[0]:
                return True
        threading.Event().wait(0.1)
    return False


@pytest.mark.django_db(transaction=True)
class TestKilled:
    """A web process that dies by SIGKILL inside a call; the client knows nothing and sends the same again."""

    SCRIPT = (
        "import django, sys; django.setup(); from django.test import Client; "
        "Client(SERVER_NAME='localhost').post(sys.argv[1], sys.argv[2], content_type='application/json', "
        "headers={'Authorization': 'Bearer ' + sys.argv[3], 'Idempotency-Key': 'one'}); print('survived')"
    )

    def killed(self, path: str, body: str, token: str, point: str) -> int:
        command = [sys.executable, "-c", self.SCRIPT, f"/api/v1{path}", body, token]
        return subprocess.run(command, cwd=ROOT, env=environment(point), capture_output=True, timeout=60, check=False).returncode

    @pytest.mark.parametrize(("point", "effects"), [("api.before_commit", 0), ("api.answered", 1)])
    def test_the_effect_is_there_once_when_the_client_asks_again(self, point: str, effects: int) -> None:
        store = make_store("s1")
        make_member(store, "M1")
        caller = Caller(store)
        assert self.killed(top_ups(store), json.dumps(TOP_UP), caller.token, point) == -signal.SIGKILL
        assert CreditEntry.objects.count() == IdempotencyRecord.objects.count() == effects
        again = caller.post(top_ups(store), TOP_UP, key="one")
        assert (again.status_code, again.headers.get("Idempotent-Replayed")) == (201, "true" if effects else None)
        assert CreditEntry.objects.count() == 1
        assert again.json()["entry_id"] == CreditEntry.objects.get().pk


@pytest.mark.django_db(transaction=True)
def test_a_replay_says_so_to_a_real_client(live_server: Any) -> None:
    """Over a socket: status, body and headers are those of the first answer."""
    caller = Caller(make_store("S1"))
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": "one"}
    answers = [requests.put(f"{live_server.url}/api/v1/stores/S1/members/M1", json={"nickname": "小林"}, headers=headers, timeout=20) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert [answer.headers.get(REPLAYED) for answer in answers] == [None, "true"]
    assert answers[0].headers["Cache-Control"] == "no-store"
