"""``create_user`` and ``create_developer`` as other teams' scripts call them."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from backoffice.kernel.tenancy.access import has_seat, stores_of
from backoffice.kernel.tenancy.models import Developer, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Role
from tests.factories import make_developer, make_merchant, make_store

pytestmark = pytest.mark.django_db
PASSWORD = "a-long-enough-password"


def create_user(monkeypatch: pytest.MonkeyPatch, *arguments: str, password: str = PASSWORD, **options: Any) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{password}\n"))
    out = io.StringIO()
    call_command("create_user", *arguments, "--password-stdin", stdout=out, **options)
    return out.getvalue()


@pytest.mark.parametrize("role", Role.values)
def test_every_role_can_be_made_and_opens_its_console(role: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store(merchant=make_merchant("m1"))
    make_developer("d1")
    place = ["--merchant", "m1"] if role.startswith("MERCHANT") else ["--developer", "d1"] if role.startswith("DEVELOPER") else []
    said = json.loads(create_user(monkeypatch, "wang", "--role", role, *place, "--json"))
    assert said == {"user": "wang", "role": role}
    user = User.objects.get(username="wang")
    assert user.check_password(PASSWORD)
    assert has_seat(user, ROLE_GRANTS[role].console)


def test_stores_of_a_merchant_user(monkeypatch: pytest.MonkeyPatch) -> None:
    merchant = make_merchant("m1")
    stores = [make_store(code, merchant=merchant) for code in ("s1", "s2", "s3")]
    create_user(monkeypatch, "wang", "--role", "MERCHANT_OPERATOR", "--merchant", "m1", "--store", "s1", "--store", "s3")
    assert set(stores_of(User.objects.get())) == {stores[0], stores[2]}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--role", "MERCHANT_OWNER", "--merchant", "none"], "no merchant none: load it with 'import_file stores PATH'"),
        (["--role", "DEVELOPER_OWNER", "--developer", "none"], "create_developer none NAME"),
        (["--role", "MERCHANT_OWNER"], "needs a merchant"),
        (["--role", "MERCHANT_OWNER", "--merchant", "m1", "--store", "elsewhere"], "has no store elsewhere"),
        (["--role", "MERCHANT_OWNER", "--store", "s1"], "--store needs --merchant"),
        (["--role", "PLATFORM_ADMIN", "--merchant", "m1"], "only a merchant role has one"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence_and_makes_no_user(arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make_store("s1", merchant=make_merchant("m1"))
    make_store("elsewhere")
    with pytest.raises(CommandError, match=sentence):
        create_user(monkeypatch, "wang", *arguments)
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["", "short"])
def test_a_missing_or_weak_password_makes_no_user(password: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CommandError):
        create_user(monkeypatch, "wang", "--role", "PLATFORM_ADMIN", password=password)
    assert not User.objects.exists()


def test_a_developer_is_made_once() -> None:
    out = io.StringIO()
    call_command("create_developer", "d1", "服务商一", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"developer": "d1"}
    with pytest.raises(CommandError, match="already"):
        call_command("create_developer", "d1", "服务商二")
    assert Developer.objects.get().name == "服务商一"
