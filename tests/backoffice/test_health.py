"""``/healthz`` answers without a database and tells nothing."""

from __future__ import annotations

from django.test import Client


def test_it_answers_without_the_database() -> None:
    """No database mark: a query would fail the test."""
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer.headers["Cache-Control"]


def test_only_safe_methods() -> None:
    assert Client().post("/healthz").status_code == 405
