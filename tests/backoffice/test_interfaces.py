"""``docs/interfaces.md`` says exactly the keys that the commands answer with."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from backoffice.kernel.api.reference import example_of, renew
from backoffice.kernel.tenancy.models import Store
from backoffice.management.commands.api_reference import document
from members.models import Identity, IdentityKind
from tests.backoffice.test_api_reach import CALLS as REACH_CALLS
from tests.backoffice.test_api_reach import EACH, PREFIX, Call, ask, seed
from tests.campaigns.reminders import TEN, member_with_credit, run_at, store_with_reminders
from tests.kernel.api.calling import Caller

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
    "issue_benefits": ("issue_benefits", "--now", TEN.isoformat()),
    "push_accounts": ("push_accounts", "--now", TEN.isoformat()),
    "lifecycle_figures": ("lifecycle_figures", "--store", "S1"),
    "why_not": ("why_not", "--member", "S1:M1", "--date", "2026-11-22"),
    "prove_ledger": ("prove_ledger",),
    "check_invariants": ("check_invariants",),
    "create_client": ("create_client", "Till", "--scope", "store:S1"),
    "advance_applications": ("advance_applications", "--now", TEN.isoformat()),
    "deliver_notices": ("deliver_notices", "--now", TEN.isoformat()),
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


class TestCalls:
    """The part about the HTTP API: written from the OpenAPI document, whose examples have the very keys of real bodies and answers."""

    DOCUMENT = document()

    def test_the_page_has_the_calls_as_they_are_documented(self) -> None:
        assert renew(PAGE.read_text(encoding="utf-8"), self.DOCUMENT) == PAGE.read_text(encoding="utf-8")
        call_command("api_reference", check=True)

    def test_an_old_page_is_noticed_and_renewed(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        copy = tmp_path / "interfaces.md"
        copy.write_text(PAGE.read_text(encoding="utf-8").replace("phone_taken", "phone_gone"), encoding="utf-8")
        monkeypatch.setattr("backoffice.management.commands.api_reference.page", lambda: copy)
        with pytest.raises(CommandError, match="api_reference --write"):
            call_command("api_reference", check=True)
        call_command("api_reference", write=True)
        assert copy.read_text(encoding="utf-8") == PAGE.read_text(encoding="utf-8")

    @pytest.mark.parametrize("call", EACH)
    def test_examples_have_the_keys_of_real_answers(self, call: Call) -> None:
        names = seed("sa")
        answer = ask(Caller(Store.objects.get(code="sa")), call, names)
        responses = self.DOCUMENT["paths"][PREFIX + call.path][call.method.lower()]["responses"]
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        assert differing(example_of(self.DOCUMENT, schema), answer.json()) == []

    @pytest.mark.parametrize("call", [pytest.param(call, id=f"{call.method} {call.path}") for call in REACH_CALLS if call.body])
    def test_example_bodies_are_understood(self, call: Call) -> None:
        """They may be refused for what they name, never for how they are written."""
        names = seed("sa")
        body = self.DOCUMENT["paths"][PREFIX + call.path][call.method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        answer = ask(Caller(Store.objects.get(code="sa")), replace(call, body=example_of(self.DOCUMENT, body)), names)
        assert answer.json().get("code") != "body_invalid", answer.json()


def differing(page: Any, real: Any, place: str = "") -> list[str]:
    """Places where the keys of two JSON values differ; of lists the first elements are compared."""
    if isinstance(page, dict) and isinstance(real, dict):
        if place.endswith((".facts", ".properties")):
            return []
        if page.keys() != real.keys():
            return [f"{place}: {sorted(page.keys() ^ real.keys())}"]
        return [found for name in page for found in differing(page[name], real[name], f"{place}.{name}")]
    if isinstance(page, list) and isinstance(real, list) and page and real:
        return differing(page[0], real[0], f"{place}[]")
    return []
