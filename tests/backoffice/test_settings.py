"""Settings come from declared variables, and a production deployment passes Django's own deployment check."""

from __future__ import annotations

import ast
import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command

from backoffice.settings.env import LOCAL, PRODUCTION, VARIABLES, Environment, reference
from backoffice.settings.paths import default_state_dir

PRODUCTION_ENVIRONMENT = {
    "DEPLOYMENT": "production",
    "SECRET_KEY": "".join(chr(33 + (7 * n) % 90) for n in range(64)),
    "FIELD_ENCRYPTION_KEYS": base64.urlsafe_b64encode(bytes(range(32))).decode(),
    "LOOKUP_HASH_KEY": "lookup-" * 8,
    "GATEWAY_SECRET": "gateway-" * 8,
    "ALLOWED_HOSTS": "backoffice.example",
    "DATABASE_URL": "postgres://app:secret@db.example:5432/backoffice",
    "CELERY_BROKER_URL": "amqps://app:secret@mq.example//",
    "TRUSTED_PROXIES": "1",
}


def run_python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    declared = {variable.name for variable in VARIABLES} | {"DJANGO_ALLOW_ASYNC_UNSAFE"}
    clean = {name: value for name, value in os.environ.items() if name not in declared and not name.startswith("BACKOFFICE_TEST_STATE")}
    clean["DJANGO_SETTINGS_MODULE"] = "backoffice.settings"
    return subprocess.run(
        [sys.executable, *arguments], cwd=settings.BASE_DIR, env=clean | environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_reference_is_the_one_in_the_docs() -> None:
    call_command("settings_reference", check=True)
    for variable in VARIABLES:
        assert f"| `{variable.name}` |" in reference()


def test_an_old_reference_is_noticed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("backoffice.management.commands.settings_reference.reference_file", lambda: tmp_path / "settings.md")

    with pytest.raises(CommandError, match="--write"):
        call_command("settings_reference", check=True)
    call_command("settings_reference", write=True)
    call_command("settings_reference", check=True)


def test_nothing_else_reads_the_environment() -> None:
    """A variable that only some module knows would be in no reference."""
    allowed = {"backoffice/settings/env.py", "backoffice/celery.py", "backoffice/wsgi.py"}
    children = "backoffice/embedded/"  # hands its environment on to child processes
    found = []
    for path in [*Path(settings.BASE_DIR).glob("*/**/*.py")]:
        name = path.relative_to(settings.BASE_DIR).as_posix()
        if name.split("/")[0] not in {"backoffice", "members", "campaigns", "applications"} or name in allowed or name.startswith(children):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"} and isinstance(node.value, ast.Name) and node.value.id == "os":
                found.append(f"{name}:{node.lineno}")
    assert [place for place in found if not place.startswith(("backoffice/demo/", "backoffice/kernel/crash"))] == []


def test_values_are_read_by_type() -> None:
    env = Environment({"DATABASE_POOLED": "yes", "MAX_UPLOAD_MB": "20", "OUTBOUND_ALLOW": " a:1, b:2 ,", "DEPLOYMENT": "local", "ALLOWED_HOSTS": " "})

    assert env.value("DATABASE_POOLED") is True
    assert env.value("MAX_UPLOAD_MB") == 20
    assert env.value("OUTBOUND_ALLOW") == ["a:1", "b:2"]
    assert env.value("ALLOWED_HOSTS", ["x"]) == ["x"]
    assert env.value("LOCAL_TIME_ZONE") == "Asia/Shanghai"


@pytest.mark.parametrize(
    ("name", "raw"),
    [("DATABASE_POOLED", "perhaps"), ("MAX_UPLOAD_MB", "-1"), ("MAX_UPLOAD_MB", "２０"), ("DEPLOYMENT", "staging")],
)
def test_a_value_that_cannot_be_read_is_named(name: str, raw: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=name):
        Environment({"DEPLOYMENT": "local", name: raw}).value(name)


def test_production_demands_what_local_makes_itself() -> None:
    required = [variable.name for variable in VARIABLES if variable.required]
    assert "SECRET_KEY" in required
    for name in required:
        with pytest.raises(ImproperlyConfigured, match=name):
            Environment({"DEPLOYMENT": PRODUCTION}).value(name, "made up")
        assert Environment({"DEPLOYMENT": LOCAL}).value(name, "made up") == "made up"


def test_an_environment_that_make_setup_did_not_make_is_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert Environment({}).deployment == PRODUCTION
    (tmp_path / "deployment").write_text("local\n")
    assert Environment({}).deployment == LOCAL
    assert Environment({"DEPLOYMENT": "production"}).deployment == PRODUCTION


def test_the_deployment_check_has_nothing_to_say() -> None:
    run = run_python("-W", "ignore::RuntimeWarning", "manage.py", "check", "--deploy", "--fail-level", "WARNING", **PRODUCTION_ENVIRONMENT)

    assert run.returncode == 0, run.stderr
    assert "no issues (0 silenced)" in run.stdout


def test_production_settings_close_what_local_opens() -> None:
    show = (
        "from django.conf import settings as s;"
        "print(s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.DATABASES['default']['OPTIONS']['sslmode'],"
        " s.DEBUG, s.CELERY_TASK_DEFAULT_QUEUE_TYPE)"
    )

    run = run_python("-c", show, **PRODUCTION_ENVIRONMENT)

    assert run.stdout.split() == ["True", "True", "__Host-session", "__Host-csrftoken", "verify-full", "False", "quorum"]


def test_a_missing_key_in_production_is_one_sentence() -> None:
    run = run_python("manage.py", "migrate", **{name: value for name, value in PRODUCTION_ENVIRONMENT.items() if name != "LOOKUP_HASH_KEY"})

    assert run.returncode == 1
    assert run.stderr.startswith("LOOKUP_HASH_KEY is not set")
    assert "Traceback" not in run.stderr


def test_a_weak_key_is_a_check_error() -> None:
    run = run_python("manage.py", "check", **PRODUCTION_ENVIRONMENT | {"FIELD_ENCRYPTION_KEYS": "c2hvcnQ=", "GATEWAY_SECRET": "short"})

    assert run.returncode == 1
    assert "backoffice.E003" in run.stderr
    assert "backoffice.E004" in run.stderr


def test_the_state_folder_avoids_places_that_cannot_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = tmp_path / "home" / "checkout"
    checkout.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for place in (checkout, *checkout.parents):
        if place.is_relative_to(tmp_path):
            place.chmod(0o755)
    (tmp_path / "home").chmod(0o700)
    assert default_state_dir(checkout).parent == Path("/var/tmp")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_state_dir(checkout) == checkout / ".state"
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert default_state_dir(checkout).parent == Path("/var/tmp")
