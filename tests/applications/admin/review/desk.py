"""Short words for tests of the reviewers' pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from applications.choices import ITEMS_ONCE, ITEMS_PER_CAPABILITY, Item
from applications.models import Application, Claim
from backoffice.kernel.tenancy.models import User

BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def client_of(user: User, language: str = "zh-hans") -> Client:
    client = Client(headers={"accept-language": language})
    client.force_login(user, backend=BACKEND)
    return client


def queue_url(tab: str = "queued") -> str:
    return f"{reverse('platform:applications_queue')}?tab={tab}"


def case_url(case: Application) -> str:
    return reverse("platform:applications_application_change", args=[case.pk])


def work_url(case: Application) -> str:
    return reverse("platform:applications_application_work", args=[case.pk])


def token_of(case: Application) -> int:
    return Claim.objects.get(case=case, ended_at=None).token


def filled(case: Application, *, fail: Mapping[str, tuple[str, str]] | None = None, **more: Any) -> dict[str, Any]:
    """The whole form as the page posts it: everything passed but ``fail`` (name of the item -> fact, fix)."""
    fail = fail or {}
    posted: dict[str, Any] = {"typed": "1", "token": token_of(case), "outcome": "decide"}
    codes = case.revision.requested.values_list("capability__code", flat=True) if case.revision else []
    for name in [*(item.value for item in ITEMS_ONCE), *(f"{item.value}:{code}" for code in codes for item in ITEMS_PER_CAPABILITY)]:
        if name == Item.N2:
            posted |= {f"part:N2:{number}": "yes" if "N2" in fail else "no" for number in range(3)}
        else:
            posted[f"answer:{name}"] = "FAIL" if name in fail else "PASS"
        if name in fail:
            posted[f"fact:{name}"], posted[f"fix:{name}"] = fail[name]
    return posted | more


def queries_of(client: Client, url: str) -> list[str]:
    client.get(url)
    with CaptureQueriesContext(connection) as asked:
        assert client.get(url).status_code == 200
    return [query["sql"] for query in asked.captured_queries]
