"""``create_client`` as other teams' scripts call it."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.api.services.clients import hash_secret, scopes_of
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.tenancy.models import User
from tests.factories import make_store

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("create_client", *arguments, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("arguments", "scopes"),
    [
        (["--scope", "platform"], ["platform"]),
        (["--scope", "store:s1"], ["store:s1"]),
        (["--scope", "store:s1", "store:s2"], ["store:s1", "store:s2"]),
        (["--scope", "store:s2", "--scope", "store:s1", "store:s1"], ["store:s1", "store:s2"]),
    ],
)
def test_id_and_secret_are_told_once(arguments: list[str], scopes: list[str]) -> None:
    make_store("s1"), make_store("s2")
    said = json.loads(run("收银", *arguments, "--json"))
    client = ApiClient.objects.get()
    assert said == {"client_id": client.client_id, "client_secret": said["client_secret"]}
    assert bytes(client.secret_hash) == hash_secret(said["client_secret"])
    assert (client.name, scopes_of(client)) == ("收银", scopes)
    event = AuditEvent.objects.get()
    assert (event.verb, event.facts) == ("api_client.created", {"client_id": client.client_id, "scopes": scopes})


def test_without_json_it_is_for_people() -> None:
    text = run("erp", "--scope", "platform")
    assert ApiClient.objects.get().client_id in text
    assert "not shown again" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["erp", "--scope", "store:none"], "There is no store none"),
        (["erp", "--scope", "shop:s1"], "'shop:s1' is no scope"),
        (["erp", "--scope", "store:"], "'store:' is no scope"),
        (["erp", "--scope", "platform", "store:s1"], "either all stores or the stores that are named"),
        ([" ", "--scope", "platform"], "needs a name"),
        (["x" * 101, "--scope", "platform"], "at most 100"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_and_makes_nothing(arguments: list[str], sentence: str) -> None:
    make_store("s1")
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not ApiClient.objects.exists()
    assert not User.objects.exists()
