"""``/healthz`` answers without a database and tells nothing; ``/readyz`` names what is missing; ``/metrics`` is for allowed addresses only."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from backoffice import health
from backoffice.kernel.api import counting
from backoffice.kernel.api.counting import CountCalls, write_counts
from backoffice.kernel.api.models import ApiCount
from backoffice.kernel.clock import database_now, local_day
from backoffice.models import BeatHeartbeat
from campaigns.choices import MessageStatus
from members.models import LedgerProof
from tests.campaigns.delivery import waiting_card
from tests.campaigns.reminders import store_with_reminders
from tests.factories import make_member, make_store
from tests.kernel.api.calling import Caller


class TestHealthz:
    def test_it_answers_without_the_database(self) -> None:
        """No database mark: a query would fail the test."""
        answer = Client().get("/healthz")
        assert (answer.status_code, answer.content) == (200, b"ok\n")
        assert "no-store" in answer.headers["Cache-Control"]

    def test_only_safe_methods(self) -> None:
        assert Client().post("/healthz").status_code == 405


@pytest.mark.django_db
class TestReadyz:
    @pytest.fixture(autouse=True)
    def beat(self) -> None:
        BeatHeartbeat.objects.update_or_create(id=1, defaults={"holder": "host:1", "beat_at": database_now()})

    def ask(self) -> tuple[int, dict[str, Any]]:
        answer = Client().get("/readyz")
        assert answer.json()["ready"] == (answer.status_code == 200)
        return answer.status_code, {name: part.get("wrong", "") for name, part in answer.json()["parts"].items()}

    def test_everything_is_there(self) -> None:
        assert self.ask() == (200, {"database": "", "migrations": "", "broker": "", "beat": ""})

    def test_beat_is_silent(self) -> None:
        BeatHeartbeat.objects.update(beat_at=database_now() - timedelta(seconds=120))
        status, parts = self.ask()
        assert (status, parts["database"], parts["beat"]) == (503, "", "silent for 120 seconds")
        BeatHeartbeat.objects.all().delete()
        assert self.ask()[1]["beat"] == "never seen"

    def test_the_broker_is_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from celery import Celery

        monkeypatch.delenv("CELERY_BROKER_URL", raising=False)  # it would win over the argument
        monkeypatch.setattr(health, "app", Celery(broker="redis://127.0.0.1:1/0"))
        status, parts = self.ask()
        assert (status, parts["broker"].split(" (")[0], parts["beat"]) == (503, "unreachable", "")

    def test_a_migration_is_missing(self) -> None:
        MigrationRecorder.Migration.objects.filter(app="api").delete()
        status, parts = self.ask()
        assert status == 503
        assert " not applied: api.0001_clients" in parts["migrations"]

    def test_the_database_is_down(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: Any, **_options: Any) -> None:
            raise OperationalError("connection to 10.1.2.3 refused for user secret")

        monkeypatch.setattr(connections["default"], "cursor", refuse)
        answer = Client().get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["parts"]["database"] == {"ready": False, "wrong": "unreachable (OperationalError)"}
        assert answer.json()["parts"]["broker"] == {"ready": True}
        assert b"10.1.2.3" not in answer.content

    def test_only_safe_methods(self) -> None:
        assert Client().post("/readyz").status_code == 405


def figures(**client: str) -> dict[str, float]:
    answer = Client(**client).get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


@pytest.mark.django_db
class TestMetrics:
    @pytest.mark.parametrize("address", ["10.0.0.1", "", "unknown", "::2", "127.0.0.2", "::ffff:10.0.0.1"])
    def test_nobody_else_finds_it(self, address: str) -> None:
        assert Client(REMOTE_ADDR=address).get("/metrics").status_code == 404

    @pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
    def test_allowed_addresses(self, address: str) -> None:
        assert figures(REMOTE_ADDR=address)["backoffice_messages_waiting"] == 0

    def test_a_forwarded_address_is_believed_only_from_our_proxy(self, settings: Settings) -> None:
        settings.METRICS_ALLOW = [ip_network("10.0.0.0/8")]
        spoofed = {"headers": {"X-Forwarded-For": "10.1.1.1"}}
        assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics", **spoofed).status_code == 404
        settings.TRUSTED_PROXIES = 1
        assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics", **spoofed).status_code == 200
        assert Client(REMOTE_ADDR="192.0.2.1").get("/metrics", headers={"X-Forwarded-For": "10.1.1.1, 203.0.113.9"}).status_code == 404

    @pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
    def test_a_proxy_that_nobody_told_us_of_does_not_hand_it_out(self, header: str) -> None:
        assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics", headers={header: "203.0.113.9"}).status_code == 404

    def test_messages(self) -> None:
        store = store_with_reminders("S1")
        now = database_now()
        waiting_card(make_member(store), decided_at=now - timedelta(seconds=300))
        waiting_card(make_member(store), status=MessageStatus.SENT, sent_at=now, decided_at=now)
        waiting_card(make_member(store), status=MessageStatus.FAILED, decided_at=now - timedelta(days=3))
        told = figures()
        assert told["backoffice_messages_waiting"] == 1
        assert 299 < told["backoffice_messages_waiting_oldest_seconds"] < 330
        assert told['backoffice_messages_to_look_at{status="FAILED"}'] == 1
        assert told['backoffice_messages_last_hour{status="SENT"}'] == 1
        assert told['backoffice_messages_last_hour{status="FAILED"}'] == 0

    def test_the_ledgers_proof(self) -> None:
        assert figures()["backoffice_ledger_proved"] == 0
        now = database_now()
        proof = LedgerProof.objects.create(local_day=local_day(now), started_at=now, finished_at=now)
        assert figures()["backoffice_ledger_proved"] == 1
        LedgerProof.objects.filter(pk=proof.pk).update(difference_count=2)
        told = figures()
        assert (told["backoffice_ledger_proved"], told["backoffice_ledger_differences"]) == (0, 2)
        assert abs(told["backoffice_ledger_proof_finished_seconds"] - now.timestamp()) < 1

    def test_payouts_and_calls(self) -> None:
        store = make_store("s1")
        make_member(store, "M1")
        caller = Caller(store)
        caller.post("/stores/s1/members/M1/credit/top-ups", {"source_no": "R1", "principal_amount": str(Decimal("5.00"))})
        caller.post("/stores/s1/members/M1/credit/top-ups/R1/refund", None)
        write_counts({("get_member", "GET", 200): (3, 0.5), ("add_spend", "POST", 422): (1, 0.1)})
        write_counts({("get_member", "GET", 200): (2, 0.25)})
        told = figures()
        assert (told['backoffice_payouts{status="WAITING"}'], told['backoffice_payouts{status="RETURN_FAILED"}']) == (1, 0)
        assert told['backoffice_api_requests_total{method="GET",operation="get_member",status="200"}'] == 5
        assert told['backoffice_api_request_seconds_total{method="GET",operation="get_member",status="200"}'] == 0.75

    def test_no_name_of_anybody_is_told(self) -> None:
        store = make_store("secretstore")
        make_member(store, "secretmember")
        Caller(store).get("/stores/secretstore/members/secretmember")
        assert b"secret" not in Client().get("/metrics").content

    def test_without_a_database(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_args: Any, **_options: Any) -> None:
            raise OperationalError("no")

        monkeypatch.setattr(connections["default"], "cursor", refuse)
        assert Client().get("/metrics").status_code == 503


@pytest.mark.django_db
class TestCounting:
    def test_calls_are_written_in_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from django.http import HttpResponse
        from django.test import RequestFactory

        clock = [100.0]
        monkeypatch.setattr(counting.time, "monotonic", lambda: clock[0])
        middleware = CountCalls(lambda _request: HttpResponse(status=404))
        request = RequestFactory().get("/api/v1/nothing")
        for _ in range(3):
            middleware(request)
        assert not ApiCount.objects.exists()
        clock[0] += counting.WRITE_EVERY_SECONDS
        middleware(request)
        row = ApiCount.objects.get()
        assert (row.operation, row.method, row.status, row.answered) == ("other", "GET", 404, 4)
        middleware(RequestFactory().get("/admin/"))
        assert middleware.counts == {}

    def test_methods_that_are_none_are_one(self) -> None:
        from django.http import HttpResponse
        from django.test import RequestFactory

        middleware = CountCalls(lambda _request: HttpResponse(status=405))
        for method in ("BREW", "X" * 50):
            middleware(RequestFactory().generic(method, "/api/v1/nothing"))
        assert list(middleware.counts) == [("other", "other", 405)]
