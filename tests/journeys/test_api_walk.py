"""A shop's system, over HTTP: token, member, top-up, payment, the notice in the gateway's log, refund, lapse, payout. Real processes throughout.

The worker is woken by the payment; nothing else hands the notice over. ``docs/api.md`` tells the same walk as commands to copy; the second test runs
those commands as they stand there.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from django.conf import settings as django_settings
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway
from backoffice.kernel import clock
from campaigns.models import Message
from members.selectors.proof import prove_ledger
from tests.campaigns.conftest import gateway  # noqa: F401 - a fixture
from tests.campaigns.delivery import store_behind
from tests.campaigns.processes import ROOT
from tests.chaos.judge import assert_nothing_broken
from tests.factories import ship_identity_kinds
from tests.journeys.site import Site, running_site

pytestmark = [pytest.mark.servers, pytest.mark.django_db(transaction=True)]

PAGE = Path(django_settings.BASE_DIR) / "docs" / "api.md"
WALK = re.compile(r"^## One walk\b.*?(?=^## |\Z)", re.DOTALL | re.MULTILINE)
BLOCK = re.compile(r"```bash\n(.*?)```(?:\n+```json\n(.*?)```)?", re.DOTALL)
VOLATILE = re.compile(r"(_id|_at|_no|^now|^seconds)$")


@pytest.fixture
def site(gateway: DemoGateway, settings: Settings, tmp_path: Path) -> Iterator[Site]:  # noqa: F811 - the fixture
    settings.TIME_ZONE = settings.TIME_ZONE  # put back after the test
    settings.GATEWAY_TIMEOUT_SECONDS = 5
    ship_identity_kinds()
    store_behind(gateway, "S1", name="云杉旗舰店")
    with running_site(tmp_path) as running:
        yield running


class Shop:
    """A shop's system: it has a token and gives every write a key of its own."""

    def __init__(self, site: Site) -> None:
        client = json.loads(site.command("create_client", "shop", "--scope", "store:S1", "--json"))
        self.base = f"{site.address}/api/v1/stores/S1"
        self.session = requests.Session()
        form = {"grant_type": "client_credentials", "scope": "store:S1"}
        answer = self.session.post(f"{site.address}/oauth/token/", data=form, auth=(client["client_id"], client["client_secret"]), timeout=30)
        assert (answer.status_code, answer.json()["token_type"]) == (200, "Bearer")
        self.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str) -> Any:
        answer = self.session.get(f"{self.base}{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def send(self, path: str, body: dict[str, Any], *, key: str, method: str = "POST") -> tuple[int, Any, bool]:
        """Status, answer, and whether it was the first answer again."""
        answer = self.session.request(method, f"{self.base}{path}", json=body, headers={"Idempotency-Key": key}, timeout=30)
        return answer.status_code, answer.json(), answer.headers.get("Idempotent-Replayed") == "true"


def test_from_a_token_to_a_payout(site: Site, gateway: DemoGateway) -> None:  # noqa: F811 - the fixture
    shop = Shop(site)
    now = clock.database_now()
    expires = (now + timedelta(days=3)).isoformat()

    status, member, _ = shop.send("/members/M0001", {"nickname": "小林", "phone": "13800138000"}, key="member", method="PUT")
    assert (status, member["created"], member["phone"]) == (201, True, "138****8000")
    top_up = {"source_no": "R1", "principal_amount": "100.00", "bonus_amount": "20.00", "expires_at": expires}
    status, lot, _ = shop.send("/members/M0001/credit/top-ups", top_up, key="top-up")
    assert (status, lot["balance_after"]) == (201, "120.00")
    assert shop.send("/members/M0001/credit/top-ups", top_up, key="top-up") == (201, lot, True)

    payment = {
        "order_no": "订单1", "member_no": "M0001", "paid_at": clock.database_now().isoformat(), "amount": "100.00", "credit_used": "30.00",
        "lines": [{"line_no": 1, "amount": "60.00"}, {"line_no": 2, "amount": "40.00"}],
    }  # fmt: skip
    status, paid, _ = shop.send("/payments", payment, key="pay")
    assert (status, paid["created"]) == (201, True)
    assert [(line["line_no"], line["credit_used"]) for line in paid["lines"]] == [(1, "18.00"), (2, "12.00")]
    assert sum(float(part["principal"]) for part in paid["parts"]) == 25
    assert shop.send("/payments", payment, key="pay")[2]
    assert shop.send("/payments", payment, key="pay-2")[1]["created"] is False

    assert gateway.wait_for(1, seconds=30), "the notice did not come"
    (notice,) = gateway.delivered
    assert (notice.scenario, notice.store, notice.member_no, notice.params["balance"]) == ("AFTER_PAYMENT", "S1", "M0001", "90.00")
    assert notice.body == "您在云杉旗舰店的订单使用了 30.00 元购物金，购物金余额 90.00 元。"
    day = clock.local_day(clock.database_now()).isoformat()
    told = [message for message in shop.get(f"/members/M0001/messages?date={day}")["messages"] if message["scenario"] == "AFTER_PAYMENT"]
    assert [(message["outcome"], message["reason"]) for message in told] in ([("SENT", None)], [("PENDING", None)])

    status, refund, _ = shop.send("/payments/订单1/refunds", {"lines": [{"line_no": 2}]}, key="refund")
    assert (status, refund["amount"], refund["credit"]) == (200, "40.00", "12.00")
    assert shop.send("/payments/订单1/refunds", {"lines": [{"line_no": 2}]}, key="refund")[2]
    assert shop.send("/payments/订单1/refunds", {"lines": [{"line_no": 2}]}, key="refund-2")[1]["credit"] == "0.00"
    credit = shop.get("/members/M0001/credit")
    assert (credit["balance"], credit["principal"], credit["bonus"]) == ("102.00", "85.00", "17.00")

    lapsed = json.loads(site.command("expire_credit", "--now", (datetime.fromisoformat(expires) + timedelta(seconds=1)).isoformat(), "--json"))
    assert (lapsed["lots"], lapsed["paid_back"], lapsed["void_bonus"]) == (1, "85.00", "17.00")
    assert shop.get("/members/M0001/credit")["balance"] == "0.00"
    (payout,) = shop.get("/payouts")["payouts"]
    assert (payout["amount"], payout["status"], payout["source_no"]) == ("85.00", "WAITING", "R1")
    status, settled, _ = shop.send(f"/payouts/{payout['payout_id']}/result", {"result": "paid", "reference": "PAY-778"}, key="paid")
    assert (status, settled["status"], settled["reference"]) == (200, "PAID", "PAY-778")
    assert shop.get("/payouts")["payouts"] == []

    assert len(gateway.delivered) == 1, "one payment, one notice"
    assert Message.objects.count() == 1
    assert prove_ledger().holds
    assert_nothing_broken(gateway)


def walk_of_the_page() -> list[tuple[str, Any]]:
    """Commands of each block of the walk, with the answer that stands below it, if one does."""
    found = WALK.search(PAGE.read_text(encoding="utf-8"))
    assert found, "docs/api.md has no section “One walk”"
    return [(commands, json.loads(answer) if answer else None) for commands, answer in BLOCK.findall(found.group())]


def shape(answer: Any, *, name: str = "") -> Any:
    """An answer without what differs from run to run: numbers of rows, times, and what was named after the run."""
    if isinstance(answer, dict):
        return {key: shape(value, name=key) for key, value in answer.items()}
    if isinstance(answer, list):
        return [shape(value, name=name) for value in answer]
    return type(answer).__name__ if VOLATILE.search(name) and name != "line_no" else answer


def test_the_commands_of_the_page_do_what_it_says(site: Site, gateway: DemoGateway, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    blocks = walk_of_the_page()
    assert len(blocks) >= 8
    script = "".join(f"{commands}\necho; echo '=== {number}'\n" for number, (commands, _answer) in enumerate(blocks))
    mine = {**site.environment, "BASE": site.address, "STORE": "S1", "GATEWAY_LOG": str(tmp_path / "gateway.jsonl")}
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=ROOT, env=mine, text=True, capture_output=True, timeout=180, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    said = re.split(r"\n=== \d+\n", done.stdout)
    for (commands, expected), output in zip(blocks, said, strict=False):
        if expected is not None:
            assert shape(json.loads(output.strip().splitlines()[-1])) == shape(expected), commands
    assert len(gateway.delivered) == 1
    assert prove_ledger().holds
