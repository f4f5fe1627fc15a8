"""``lifecycle_figures``: days and lift, of one store or all."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from backoffice.kernel.clock import database_now, local_day
from tests.campaigns.lifecycle import DORMANT, joined, put, store_with

pytestmark = pytest.mark.django_db


def test_figures_of_one_store_as_json():
    store = store_with(DORMANT, "S1")
    other = store_with(DORMANT, "S2")
    for one in (store, other):
        put(joined(one, 200), DORMANT, local_day(database_now()))
    out = StringIO()
    call_command("lifecycle_figures", "--store", "S1", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert [(day["scenario"], day["due"], day["sent"]) for day in told["days"]] == [(DORMANT, 1, 1)]
    assert [lift["scenario"] for lift in told["lift"]] == ["LEVEL_CHANGE", "FIRST_PURCHASE", "REPURCHASE", "DORMANT"]
    with pytest.raises(CommandError):
        call_command("lifecycle_figures", "--store", "S3")
