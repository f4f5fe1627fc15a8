"""Filters, search, query strings, ordering, forms and dialogs of the tenants' consoles x their roles."""

from __future__ import annotations

import os

import pytest

from tests.access.features import FeatureWalk, tenant_roles
from tests.access.world import make_world

pytestmark = pytest.mark.django_db


# The suite takes the role with the narrowest reach of each console; ``ACCESS_ALL=1 make test ARGS=tests/access`` takes all.
ROLES = tenant_roles() if os.environ.get("ACCESS_ALL") else ["MERCHANT_OPERATOR", "DEVELOPER_OWNER"]


@pytest.mark.parametrize("who", ROLES)
def test_features(who: str) -> None:
    walk = FeatureWalk(make_world(), who)
    assert "\n".join(walk.walk_features()) == ""
    assert walk.cells > 20
