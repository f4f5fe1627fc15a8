"""A gateway that can be told to misbehave, for every test of messaging that asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from backoffice.demo.gateway import DemoGateway


@pytest.fixture
def gateway(settings: Settings, tmp_path: Path) -> Iterator[DemoGateway]:
    """Its own log is the judge of what was delivered."""
    with DemoGateway(secret=settings.GATEWAY_SECRET, log_path=tmp_path / "gateway.jsonl") as running:
        settings.OUTBOUND_ALLOW = [running.netloc]
        yield running
