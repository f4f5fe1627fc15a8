"""``docs/api.md`` as it stands: its commands are run by bash and curl against a real server, and answer what the page says."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from backoffice.kernel.api.idempotency import REPLAYED
from campaigns.choices import MessageStatus
from campaigns.models import Message
from members.models import CreditPayout, Payment
from tests.campaigns.processes import ROOT, environment

pytestmark = pytest.mark.django_db(transaction=True)
PAGE = ROOT / "docs" / "api.md"
BLOCKS = re.compile(r"```(bash|json)\n(.*?)```", re.DOTALL)
MARK = "=== block ==="


def blocks() -> list[tuple[str, list[Any]]]:
    """The commands of each bash block, and the JSON lines that the page says they print."""
    found: list[tuple[str, list[Any]]] = []
    for kind, text in BLOCKS.findall(PAGE.read_text(encoding="utf-8")):
        if kind == "bash":
            found.append((text, []))
        else:
            found[-1][1].extend(json.loads(line) for line in text.strip().splitlines())
    return found


def like(said: Any, page: Any) -> Any:
    """``said`` with the page's words for what differs from run to run: numbers of rows, times, and what the page leaves out (``...``)."""
    if isinstance(page, dict) and isinstance(said, dict):
        varies = {name for name, value in page.items() if name.endswith("_id") or name == "seconds" or value == "..."}
        return {name: page[name] if name in varies else like(value, page.get(name)) for name, value in said.items()}
    if isinstance(page, list) and isinstance(said, list) and len(page) == len(said):
        return [like(one, other) for one, other in zip(said, page, strict=True)]
    return said


def test_the_page_can_be_copied_and_pasted(live_server: Any, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("there is no curl on this machine")
    walk = blocks()
    script = "set -euo pipefail\n" + f'\necho "{MARK}"\n'.join(commands for commands, _answers in walk)
    given = {**environment(), "BASE": live_server.url, "PY": sys.executable, "WORK": str(tmp_path), "no_proxy": "*", "PATH": os.environ["PATH"]}
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, env=given, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    told = [[json.loads(line) for line in part.strip().splitlines()] for part in done.stdout.split(MARK)]
    assert len(told) == len(walk)
    for said, (_commands, page) in zip(told, walk, strict=True):
        assert like(said, page) == page
    assert Payment.objects.count() == 1
    assert Message.objects.get().status == MessageStatus.SENT
    assert CreditPayout.objects.get().status == "PAID"


def test_a_replay_says_so_to_a_real_client(live_server: Any) -> None:
    """The header that curl's walk does not show."""
    import requests

    from tests.factories import make_store
    from tests.kernel.api.calling import Caller

    caller = Caller(make_store("S1"))
    headers = {"Authorization": f"Bearer {caller.token}", "Idempotency-Key": "one"}
    answers = [requests.put(f"{live_server.url}/api/v1/stores/S1/members/M1", json={"nickname": "小林"}, headers=headers, timeout=20) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].content == answers[1].content
    assert [answer.headers.get(REPLAYED) for answer in answers] == [None, "true"]
    assert answers[0].headers["Cache-Control"] == "no-store"
