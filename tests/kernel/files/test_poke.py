"""Telling a worker: at once when the broker answers, and never at the cost of the page."""

from __future__ import annotations

from typing import Any

import pytest

from backoffice.celery import app
from backoffice.kernel.files.poke import BROKER_SECONDS, poke, poke_on_commit
from backoffice.kernel.files.tasks import run_import
from backoffice.kernel.tenancy.roles import Role
from tests.factories import make_store, make_user
from tests.kernel.files.admin.handing_in import GOOD, job_of


def test_a_broker_that_is_away_is_not_waited_for_and_raises_nothing(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    seen = []
    real = app.connection_for_write
    monkeypatch.setattr(app, "connection_for_write", lambda **limits: seen.append(limits) or real("redis://127.0.0.1:1/0", **limits))
    poke(1)
    assert seen[0]["connect_timeout"] == BROKER_SECONDS
    assert seen[0]["transport_options"]["socket_timeout"] == BROKER_SECONDS
    assert "import_poke_failed" in caplog.text


@pytest.mark.django_db
def test_a_worker_is_told_only_after_the_commit(monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    told: list[Any] = []
    monkeypatch.setattr(run_import, "apply_async", lambda args, **options: told.append((args, options["retry"])))
    job = job_of(make_user(Role.PLATFORM_ADMIN), GOOD, store=make_store("S1"), console="platform")
    with django_capture_on_commit_callbacks(execute=True):
        poke_on_commit(job)
        assert told == []
    assert told == [((job.pk,), False)]
