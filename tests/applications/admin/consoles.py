"""Logging in to a console and pressing the button of a dialog."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from backoffice.kernel.tenancy.models import User

BACKEND = "backoffice.kernel.tenancy.auth.SeatBackend"


def logged_in(user: User, language: str = "en") -> Client:
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def act(client: Client, address: str, **fields: Any) -> HttpResponse:
    """Send a dialog."""
    return client.post(address, {"_form_submitted": "True", **fields})  # type: ignore[return-value]


def text(client: Client, address: str) -> str:
    """A page that must be there."""
    answer = client.get(address)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def queries(client: Client, *addresses: str) -> list[int]:
    """How many queries each page takes, seen once before."""
    found = []
    for address in addresses:
        text(client, address)
        with CaptureQueriesContext(connection) as captured:
            client.get(address)
        found.append(len(captured))
    return found
