"""``docs/interfaces.md`` says exactly the keys that the commands answer with."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from members.models import Identity, IdentityKind
from tests.campaigns.reminders import TEN, member_with_credit, run_at, store_with_reminders

pytestmark = pytest.mark.django_db

PAGE = Path(settings.BASE_DIR) / "docs" / "interfaces.md"
BLOCK = re.compile(r"```json (\w+)\n(.*?)```", re.DOTALL)


def answer_of(*arguments: str) -> Any:
    out = StringIO()
    with suppress(SystemExit):  # an answer with bad rows ends with exit code 1
        call_command(*arguments, "--json", stdout=out, stderr=StringIO())
    return json.loads(out.getvalue())


def documented() -> dict[str, Any]:
    return {name: json.loads(text) for name, text in BLOCK.findall(PAGE.read_text(encoding="utf-8"))}


@pytest.fixture
def world(tmp_path: Path) -> Path:
    assert IdentityKind.objects.filter(code="phone").exists(), Identity.objects.count()
    member_with_credit(store_with_reminders("S1"), member_no="M1")
    run_at(TEN)
    path = tmp_path / "members.csv"
    path.write_text("member_no,phone\nM8,13812345678\nM9,12\n", encoding="utf-8")
    return path


CALLS = {
    "import_file": ("import_file", "members", "{file}", "--store", "S1", "--on-bad-rows", "skip"),
    "run_reminders": ("run_reminders", "--now", TEN.isoformat()),
    "dispatch_messages": ("dispatch_messages", "--now", TEN.isoformat()),
    "expire_credit": ("expire_credit", "--now", TEN.isoformat()),
    "why_not": ("why_not", "--member", "S1:M1", "--date", "2026-11-22"),
    "prove_ledger": ("prove_ledger",),
    "check_invariants": ("check_invariants",),
    "advance_applications": ("advance_applications", "--now", TEN.isoformat()),
    "grants_check": ("grants_check", "--app", "APP", "--capability", "member.read", "--store", "S1"),
}


def test_the_page_shows_every_command():
    assert set(documented()) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_the_page_shows_the_keys_of(name: str, world: Path) -> None:
    answer = answer_of(*(part.replace("{file}", str(world)) for part in CALLS[name]))
    page = documented()[name]
    assert sorted(answer) == sorted(page)
    if name == "import_file":
        assert answer["bad"] == 1
        assert sorted(answer["errors"][0]) == sorted(page["errors"][0])
