"""Every list asks the database the same number of times for one row and for three."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.access.surfaces import screens
from tests.access.walk import ADDRESS, Walk
from tests.access.world import make_world

pytestmark = pytest.mark.django_db

MOST = 25
WHO = {"platform": "PLATFORM_ADMIN", "merchant": "MERCHANT_OWNER", "developer": "DEVELOPER_OWNER"}


@pytest.mark.parametrize("name", sorted(screens()))
def test_a_list_costs_the_same_whatever_its_length(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    console, model = name.split(":")
    world = make_world()
    walk = Walk(world, WHO[console])
    url = f"{ADDRESS[console]}{model.replace('_', '/', 1)}/"
    counts = []
    for size in (1, 3):
        monkeypatch.setattr(walk.screens[name], "list_per_page", size)
        with CaptureQueriesContext(connection) as captured:
            answer = walk.ask(url)
        assert answer.status == 200, answer.error
        # The one page that holds everything needs no count; whether rows are counted is not the matter here.
        counts.append(sum(not query["sql"].startswith("SELECT COUNT(") for query in captured.captured_queries))
    assert (name, counts[0]) == (name, counts[1])
    assert counts[1] <= MOST
