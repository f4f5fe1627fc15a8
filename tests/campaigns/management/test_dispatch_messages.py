"""The ``dispatch_messages`` command: its JSON, its options, and that its documentation names every key."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway
from tests.campaigns.delivery import store_behind, waiting_cards
from tests.campaigns.reminders import TEN, store_with_reminders
from tests.factories import make_member

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("dispatch_messages", "--now", TEN.isoformat(), *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def answer(*arguments: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(run("--json", *arguments)[0])
    return parsed


def test_the_json(gateway: DemoGateway) -> None:
    waiting_cards(store_behind(gateway), 3)
    said = answer()
    assert said.pop("seconds") >= 0
    assert said == {
        "now": TEN.isoformat(),
        "sent": 3,
        "failed": 0,
        "retried": 0,
        "unknown": 0,
        "missed": 0,
        "cancelled": 0,
        "waiting": 0,
        "without_gateway": 0,
    }


def test_the_documentation_names_every_key(gateway: DemoGateway) -> None:
    text = (Path(__file__).parents[3] / "docs" / "delivery.md").read_text(encoding="utf-8")
    assert [key for key in answer() if f"`{key}`" not in text] == []


def test_max(gateway: DemoGateway) -> None:
    waiting_cards(store_behind(gateway), 3)
    assert (answer("--max", "2")["sent"], answer()["sent"]) == (2, 1)


def test_a_time_without_offset_is_on_the_platforms_clock(gateway: DemoGateway) -> None:
    waiting_cards(store_behind(gateway), 1)
    out = StringIO()
    call_command("dispatch_messages", "--now", "2026-11-22T10:00", "--json", stdout=out)
    assert json.loads(out.getvalue())["sent"] == 1


def test_stores_without_gateway_are_said_aloud(settings: Settings) -> None:
    settings.DEPLOYMENT = "production"
    waiting_cards(store_with_reminders(), 1)
    out, err = run()
    assert "1" in out
    assert "1" in err


def test_a_sentence_for_people(gateway: DemoGateway) -> None:
    make_member(store_behind(gateway))
    out, err = run()
    assert out.strip()
    assert err == ""
