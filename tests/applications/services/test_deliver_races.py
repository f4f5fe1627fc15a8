"""Workers that hand over notices meet each other and are killed: nothing is lost, and nothing is sent twice but by a worker that died after sending."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from applications.choices import Channel, NoticeStatus
from applications.models import Notification
from applications.services.deliver import LEASE, deliver_notices
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MONDAY, make_world, onboarded, queued
from tests.applications.services.test_deliver import Mailbox, serving
from tests.applications.test_races import at_once
from tests.campaigns.processes import run_command
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)
PEOPLE = 25
"""More than one batch."""


@pytest.fixture
def mailbox(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    server = Mailbox()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    monkeypatch.setenv("EMAIL_URL", f"smtp+plain://127.0.0.1:{settings.EMAIL_PORT}")
    yield from serving(server)


@pytest.fixture
def waiting(mailbox: Mailbox) -> int:
    """A case whose developer has so many people; how many mails wait."""
    developer = onboarded()
    for number in range(PEOPLE):
        make_user(Role.DEVELOPER_MEMBER, developer=developer, email=f"p{number}@example.com")
    queued(make_world(), developer=developer)
    return Notification.objects.filter(channel=Channel.EMAIL, status=NoticeStatus.WAITING).count()


def test_four_at_once_send_each_notice_once(waiting: int, mailbox: Mailbox) -> None:
    done = at_once(*(lambda: deliver_notices(now=MONDAY)["sent"] for _worker in range(4)))
    assert sum(done) == len(mailbox.mails) == waiting == PEOPLE + 1
    assert len({mail["To"] for mail in mailbox.mails}) == waiting
    assert set(Notification.objects.filter(channel=Channel.EMAIL).values_list("status", "lease_token")) == {(NoticeStatus.SENT, None)}


def test_killed_after_the_third_mail(waiting: int, mailbox: Mailbox) -> None:
    """What it held waits for the end of its lease, everything else goes at once; only the mail whose sending was not recorded goes twice."""
    at = ("deliver_notices", "--json", "--now")
    code, answer, _err = run_command(*at, MONDAY.isoformat(), crash_at="applications.notice_sent:3")
    assert (code, answer, len(mailbox.mails)) == (-signal.SIGKILL, None, 3)
    code, answer, err = run_command(*at, MONDAY.isoformat())
    assert code == 0, err
    later = Notification.objects.filter(channel=Channel.EMAIL, status=NoticeStatus.WAITING).count()
    assert 0 < later < waiting
    code, answer, err = run_command(*at, (MONDAY + LEASE).isoformat())
    assert (code, answer and answer["done"]["sent"]) == (0, later), err
    names = [mail["To"] for mail in mailbox.mails]
    assert (len(set(names)), len(names)) == (waiting, waiting + 1)
    assert not Notification.objects.filter(channel=Channel.EMAIL, status=NoticeStatus.WAITING).exists()
