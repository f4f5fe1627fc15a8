"""The shop of the merchant console's tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.members.paid.admin.shop import Shop, open_shop


@pytest.fixture
def shop(db: Any) -> Shop:
    return open_shop()
