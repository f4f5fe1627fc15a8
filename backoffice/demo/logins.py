"""The demo's people: one for each console, and two who review applications together. Their passwords are made once for a demo and kept beside its files."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from backoffice.kernel.tenancy.models import Developer, Merchant, Seat, User
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Role
from backoffice.kernel.tenancy.services.developers import create_developer
from backoffice.kernel.tenancy.services.users import create_user, grant_seat, set_password

DEVELOPER = ("YUNQI", "云栖软件")
MERCHANT = "YUNSHANG"
CONSOLE_PATHS = {"platform": "/admin/", "merchant": "/merchant/", "developer": "/developer/"}
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike


@dataclass(frozen=True)
class Login:
    """One person: ``path`` is the console they log in to."""

    username: str
    display_name: str
    role: str
    password: str

    @property
    def path(self) -> str:
        return CONSOLE_PATHS[ROLE_GRANTS[self.role].console]


def _passwords(place: Path, usernames: list[str]) -> dict[str, str]:
    if not place.exists():
        made = {name: "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4)) for name in usernames}
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(made, file)
    kept: dict[str, str] = json.loads(place.read_text())
    return kept


def ensure_logins(folder: Path, *, now: datetime) -> list[Login]:
    """Make the three people, or give those who are there already the passwords of this demo. Needs the demo's merchant."""
    people = [
        ("platform", "平台管理员", Role.PLATFORM_ADMIN),
        ("merchant", "云上唱片店长", Role.MERCHANT_OWNER),
        ("developer", "云栖负责人", Role.DEVELOPER_OWNER),
        ("reviewer", "能力审核员", Role.PLATFORM_REVIEWER),
        ("senior", "高级审核员", Role.PLATFORM_SENIOR),
    ]
    passwords = _passwords(folder / "logins.json", [username for username, _, _ in people])
    logins = [Login(username, name, role, passwords[username]) for username, name, role in people]
    developer = Developer.objects.filter(code=DEVELOPER[0]).first() or create_developer(code=DEVELOPER[0], name=DEVELOPER[1], by=None, now=now)
    for login in logins:
        user = User.objects.filter(username=login.username).first()
        if user is None:
            user = create_user(username=login.username, password=login.password, display_name=login.display_name, by=None, now=now)
        elif not user.check_password(login.password):
            set_password(user=user, password=login.password, by=None, now=now)
        if not Seat.objects.filter(user=user, role=login.role, revoked_at=None).exists():
            grant_seat(
                user=user,
                role=login.role,
                merchant=Merchant.objects.get(code=MERCHANT) if login.role == Role.MERCHANT_OWNER else None,
                developer=developer if login.role == Role.DEVELOPER_OWNER else None,
                by=None,
                now=now,
            )
    return logins
