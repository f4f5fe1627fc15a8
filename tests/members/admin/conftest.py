"""The desk of the credit screens' tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.members.admin.credit_desk import Desk, open_desk


@pytest.fixture
def desk(db: Any) -> Desk:
    return open_desk()
