"""Notices leave by mail (a real SMTP conversation) and DingTalk (a real HTTP call): once, only for who wants them, and nothing inner ever."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from applications.channels.base import TryAgain
from applications.channels.dingtalk import signed
from applications.choices import Channel, NoticeKind, NoticeStatus
from applications.models import DingTalkRobot, Notification
from applications.services import deliver
from applications.services.apps import AppRefused
from applications.services.deliver import BATCH, LEASE, WAITS, _begin, _claim, deliver_notices
from applications.services.review import add_note
from applications.services.sweep import advance
from applications.services.wishes import choose_mail, set_robot
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed
from backoffice.kernel.tenancy.models import Seat
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import MINUTE, MONDAY, UNDO, World, claimed, make_world, onboarded, owner_of, queued, review, staff
from tests.applications.test_canary import INNER
from tests.factories import make_user

pytestmark = pytest.mark.django_db
DINGTALK = "https://oapi.dingtalk.com/robot/send?access_token=secret-token"


class _Mailbox(socketserver.StreamRequestHandler):
    """As much SMTP as a client needs. ``server.refusal`` answers RCPT instead of 250."""

    server: Any

    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            word = line.split(maxsplit=1)[0].upper()
            if word == "DATA":
                self._say("354 go on")
                body = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.mails.append(message_from_bytes(body, policy=policy.default))
            elif word == "QUIT":
                self._say("221 bye")
                return
            self._say(self.server.refusal if word == "RCPT" and self.server.refusal else "250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class Mailbox(socketserver.ThreadingTCPServer):
    daemon_threads = allow_reuse_address = True
    refusal = ""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Mailbox)
        self.mails: list[EmailMessage] = []


class _Robot(BaseHTTPRequestHandler):
    server: Any

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.calls.append((self.path, json.loads(body)))
        status, answer = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: Any) -> None:
        pass


class Robot(ThreadingHTTPServer):
    answer: tuple[int, dict[str, Any]] = (200, {"errcode": 0, "errmsg": "ok"})

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Robot)
        self.calls: list[tuple[str, Any]] = []


def serving(server: Any) -> Iterator[Any]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    server = Mailbox()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = server.server_address[:2]
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.DEFAULT_FROM_EMAIL = "reviews@example.com"
    yield from serving(server)


@pytest.fixture
def robot(settings: Any) -> Iterator[Robot]:
    server = Robot()
    settings.DINGTALK_ROBOTS = [f"http://127.0.0.1:{server.server_address[1]}/robot/send"]
    yield from serving(server)


@pytest.fixture
def world() -> World:
    return make_world()


def statuses(channel: str) -> list[tuple[str, str]]:
    return list(Notification.objects.filter(channel=channel).order_by("pk").values_list("status", "error"))


def with_robot(developer: Any, server: Robot) -> None:
    address = f"http://127.0.0.1:{server.server_address[1]}/robot/send?access_token=abc"
    set_robot(developer=developer, webhook=address, secret="SEC-1", by=owner_of(developer), now=MONDAY)


class TestMail:
    def test_it_goes_to_each_person_in_the_own_language_and_once(self, world: World, mailbox: Mailbox) -> None:
        developer = onboarded()
        owner_of(developer)
        make_user(Role.DEVELOPER_MEMBER, developer=developer, email="m@example.com", language="en")
        make_user(Role.DEVELOPER_MEMBER, developer=developer, email="")
        case = queued(world, developer=developer)
        assert deliver_notices(now=MONDAY)["sent"] == 2
        assert deliver_notices(now=MONDAY + MINUTE)["sent"] == 0
        mails = {mail["To"]: mail for mail in mailbox.mails}
        assert set(mails) == {f"owner{developer.pk}@example.com", "m@example.com"}
        assert (mails["m@example.com"]["Subject"], mails["m@example.com"]["From"]) == ("Waiting for review", "reviews@example.com")
        assert case.number in mails["m@example.com"].get_content()
        assert mails[f"owner{developer.pk}@example.com"]["Subject"] != "Waiting for review"
        assert statuses(Channel.EMAIL) == [(NoticeStatus.SENT, "")] * 2

    def test_a_ruling_leaves_when_it_can_no_longer_be_undone(self, world: World, mailbox: Mailbox) -> None:
        case = queued(world)
        deliver_notices(now=MONDAY)
        mailbox.mails.clear()
        review(case, now=MONDAY + MINUTE)
        deliver_notices(now=MONDAY + 2 * MINUTE)
        assert {mail["Subject"] for mail in mailbox.mails} == {"审核中"}
        advance(now=MONDAY + MINUTE + UNDO)
        deliver_notices(now=MONDAY + MINUTE + UNDO)
        assert [mail["Subject"] for mail in mailbox.mails][1:] == ["已通过"]

    def test_who_does_not_want_it_or_has_left_gets_none(self, world: World, mailbox: Mailbox) -> None:
        developer = onboarded()
        choose_mail(user=owner_of(developer), by_email=False, now=MONDAY)
        gone, inactive = (make_user(Role.DEVELOPER_MEMBER, developer=developer, email=f"{name}@example.com") for name in ("g", "i"))
        queued(world, developer=developer)
        Seat.objects.filter(user=gone).update(revoked_at=MONDAY)
        type(inactive).objects.filter(pk=inactive.pk).update(is_active=False)
        assert deliver_notices(now=MONDAY)["skipped"] == 4  # DingTalk without a robot is the fourth
        assert (mailbox.mails, {error for _status, error in statuses(Channel.EMAIL)}) == ([], {"not_wanted", "seat_ended", "no_address"})
        choose_mail(user=owner_of(developer), by_email=True, now=MONDAY)
        assert owner_of(developer).notice_preference.by_email

    def test_a_refused_address_is_given_up_and_a_busy_server_is_tried_again(self, world: World, mailbox: Mailbox) -> None:
        queued(world)
        mailbox.refusal = "450 later"
        assert deliver_notices(now=MONDAY)["retried"] == 1
        assert deliver_notices(now=MONDAY)["retried"] == 0  # not before its time
        mailbox.refusal = "550 nobody here"
        assert deliver_notices(now=MONDAY + WAITS[0])["failed"] == 1
        assert statuses(Channel.EMAIL) == [(NoticeStatus.FAILED, "recipient_refused [550]")]

    def test_after_the_last_attempt_it_is_a_dead_letter(self, world: World, settings: Any) -> None:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = "django.core.mail.backends.smtp.EmailBackend", "127.0.0.1", 1
        queued(world)
        now, told = MONDAY, []
        for wait in (*WAITS, timedelta(0)):
            told.append(deliver_notices(now=now))
            now += wait
        assert [("retried" in done, "failed" in done) for done in told] == [(True, False)] * len(WAITS) + [(False, True)]
        assert statuses(Channel.EMAIL) == [(NoticeStatus.FAILED, "ConnectionRefusedError")]

    def test_without_a_mail_server_nothing_piles_up(self, world: World, settings: Any) -> None:
        settings.EMAIL_HOST = ""
        queued(world)
        deliver_notices(now=MONDAY)
        assert statuses(Channel.EMAIL) == [(NoticeStatus.SKIPPED, "no_mail_server")]

    def test_a_worker_killed_after_sending_sends_again_when_its_lease_ends(self, world: World, mailbox: Mailbox) -> None:
        queued(world)
        first = _claim(MONDAY)
        assert _claim(MONDAY) == []
        assert deliver_notices(now=MONDAY + LEASE)["sent"] == 1
        Notification.objects.filter(pk=first[0].pk).update(lease_token=None)
        assert len(mailbox.mails) == 1

    def test_in_the_console_it_is_at_once(self, world: World) -> None:
        queued(world)
        assert statuses(Channel.IN_APP) == [(NoticeStatus.SENT, "")]


class TestDingTalk:
    def test_it_is_signed_and_says_what_the_notice_says(self, world: World, robot: Robot) -> None:
        developer = onboarded()
        with_robot(developer, robot)
        case = queued(world, developer=developer)
        assert deliver_notices(now=MONDAY)["sent"] >= 1
        (path, body), *others = robot.calls
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        right = base64.b64encode(hmac.digest(b"SEC-1", f"{asked['timestamp']}\nSEC-1".encode(), hashlib.sha256)).decode()
        assert (asked["access_token"], asked["sign"], others) == ("abc", right, [])
        assert abs(int(asked["timestamp"]) / 1000 - time.time()) < 60
        assert (body["msgtype"], case.number in body["text"]["content"]) == ("text", True)

    def test_known_signature(self) -> None:
        assert signed("https://x.example/send", "", 1) == "https://x.example/send"
        mark = base64.b64encode(hmac.digest(b"s", b"7\ns", "sha256")).decode().replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")
        assert signed("https://x.example/send", "s", 7) == f"https://x.example/send?timestamp=7&sign={mark}"

    @pytest.mark.parametrize(
        ("answer", "status", "error"),
        [
            ((200, {"errcode": 310000, "errmsg": "sign not match"}), NoticeStatus.FAILED, "errcode 310000"),
            ((200, {"errcode": 130101}), NoticeStatus.WAITING, "errcode 130101"),
            ((200, {"hello": 1}), NoticeStatus.FAILED, "http 200"),
            ((200, ["no"]), NoticeStatus.FAILED, "http 200"),
            ((302, {"errcode": 0}), NoticeStatus.FAILED, "http 302"),
            ((502, {}), NoticeStatus.WAITING, "http 502"),
        ],
    )
    def test_200_alone_is_no_success(self, world: World, robot: Robot, answer: Any, status: str, error: str) -> None:
        developer = onboarded()
        with_robot(developer, robot)
        queued(world, developer=developer)
        robot.answer = answer
        deliver_notices(now=MONDAY)
        assert statuses(Channel.DINGTALK) == [(status, error)]

    def test_an_address_that_may_not_be_called(self, world: World, robot: Robot, settings: Any) -> None:
        developer = onboarded()
        with_robot(developer, robot)
        queued(world, developer=developer)
        settings.OUTBOUND_ALLOW, settings.DINGTALK_ROBOTS = [f"127.0.0.1:{robot.server_address[1]}"], []
        deliver_notices(now=MONDAY)
        assert (statuses(Channel.DINGTALK), robot.calls) == ([(NoticeStatus.FAILED, "address_refused")], [])

    def test_dingtalks_own_is_called_without_the_platforms_allow_list(self, world: World, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever address the name leads to must be public, though the operator lifted the rules for the very same target."""
        settings.OUTBOUND_ALLOW = ["oapi.dingtalk.com:443"]
        monkeypatch.setattr("backoffice.kernel.outbound._look_up", lambda *_: ["10.0.0.5"])
        developer = onboarded()
        set_robot(developer=developer, webhook=DINGTALK, secret="", by=owner_of(developer), now=MONDAY)
        queued(world, developer=developer)
        deliver_notices(now=MONDAY)
        assert statuses(Channel.DINGTALK) == [(NoticeStatus.FAILED, "address_refused")]

    @pytest.mark.parametrize(
        "address",
        [
            "http://10.0.0.5:8080/robot/send?access_token=a", "https://evil.example.com/robot/send?access_token=a", "http://oapi.dingtalk.com/robot/send?access_token=a",
            "https://oapi.dingtalk.com/robot/send", "https://oapi.dingtalk.com/robot/send?access_token=", "https://oapi.dingtalk.com/robot/send?access_token=a&b=c",
            "https://oapi.dingtalk.com/robot/send?access_token=a#x", "https://oapi.dingtalk.com:8443/robot/send?access_token=a",
            "https://oapi.dingtalk.com/other?access_token=a", "https://u:p@oapi.dingtalk.com/robot/send?access_token=a",
            "https://oapi.dingtalk.com.evil.example/robot/send?access_token=a", "http://10.0.0.6:9000/other?access_token=a",
        ],
    )  # fmt: skip
    def test_no_other_address_is_a_robot(self, settings: Any, address: str) -> None:
        settings.OUTBOUND_ALLOW, settings.DINGTALK_ROBOTS = ["10.0.0.5:8080", "10.0.0.6:9000"], ["http://10.0.0.6:9000/robot/send"]
        developer = onboarded()
        with pytest.raises(AppRefused) as refused:
            set_robot(developer=developer, webhook=address, secret="", by=owner_of(developer), now=MONDAY)
        assert (refused.value.code, DingTalkRobot.objects.count()) == ("address_refused", 0)
        set_robot(developer=developer, webhook="http://10.0.0.6:9000/robot/send?access_token=a", secret="", by=owner_of(developer), now=MONDAY)

    def test_who_may_name_a_robot_and_which(self, settings: Any) -> None:
        developer, good = onboarded(), DINGTALK
        for by in (make_user(Role.DEVELOPER_MEMBER, developer=developer), owner_of(onboarded()), staff()):
            with pytest.raises(NotAllowed):
                set_robot(developer=developer, webhook=good, secret="", by=by, now=MONDAY)
        for address in ("http://oapi.dingtalk.com/x", "https://127.0.0.1/x", "https://u:p@x.example/", "nonsense", "https://x.example/" + "x" * 500):
            with pytest.raises(AppRefused) as refused:
                set_robot(developer=developer, webhook=address, secret="", by=owner_of(developer), now=MONDAY)
            assert refused.value.code == "address_refused"
        set_robot(developer=developer, webhook=good, secret="s", by=owner_of(developer), now=MONDAY)
        kept = DingTalkRobot.objects.get()
        assert (kept.webhook, kept.secret) == (good, "s")
        assert all("secret-token" not in str(event.facts) for event in AuditEvent.objects.all())
        set_robot(developer=developer, webhook=" ", secret="", by=owner_of(developer), now=MONDAY)
        assert not DingTalkRobot.objects.exists()


class TestOneSlowRobot:
    """A developer whose robot never answers keeps nobody else's notices waiting, and uses up nobody's attempts."""

    @pytest.fixture
    def asked(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Numbers of the notices that the robots were called with; none of them answers."""
        calls: list[int] = []

        def never_answers(notice: Notification) -> None:
            calls.append(notice.pk)
            raise TryAgain("NoAnswer")

        monkeypatch.setitem(deliver.SENDERS, Channel.DINGTALK, never_answers)
        return calls

    @pytest.fixture
    def many(self, world: World) -> Any:
        """A developer with more notices for its robot than a batch holds."""
        developer = onboarded()
        Notification.objects.bulk_create(robot_notice(developer, number) for number in range(BATCH + 5))
        return developer

    def test_it_is_called_once_and_the_rest_waits_with_the_first(self, many: Any, asked: list[int]) -> None:
        assert deliver_notices(now=MONDAY) == {"retried": 1}
        assert deliver_notices(now=MONDAY + WAITS[0] - timedelta(seconds=1)) == {}
        assert deliver_notices(now=MONDAY + WAITS[0]) == {"retried": 1}
        assert len(asked) == 2
        assert Notification.objects.filter(attempt_count__gt=0).count() == 1

    def test_others_are_in_the_first_batch(self, world: World, many: Any, asked: list[int]) -> None:
        other = onboarded()
        Notification.objects.bulk_create([robot_notice(other, 0)])
        assert {notice.developer_id for notice in _claim(MONDAY)} == {many.pk, other.pk}
        assert _claim(MONDAY) == []  # its robot is being called

    def test_one_that_answers_gets_all_of_them(self, many: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(deliver.SENDERS, Channel.DINGTALK, lambda _notice: None)
        assert deliver_notices(now=MONDAY) == {"sent": BATCH + 5}

    def test_the_time_is_looked_at_before_each_notice_and_the_rest_is_free(self, world: World, asked: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
        Notification.objects.bulk_create(robot_notice(onboarded(), number) for number in range(3))
        times = iter([0.0, 1.0, 61.0])
        monkeypatch.setattr("applications.services.deliver.time.monotonic", lambda: next(times))
        assert deliver_notices(now=MONDAY, seconds=60) == {"retried": 1}
        assert list(Notification.objects.order_by("pk").values_list("attempt_count", "lease_token")) == [(1, None), (0, None), (0, None)]

    def test_a_worker_that_is_stopped_uses_up_no_attempt_of_what_it_had_not_begun(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        Notification.objects.bulk_create(robot_notice(onboarded(), number) for number in range(3))

        def stopped(_notice: Notification) -> None:
            raise KeyboardInterrupt

        monkeypatch.setitem(deliver.SENDERS, Channel.DINGTALK, stopped)
        with pytest.raises(KeyboardInterrupt):
            deliver_notices(now=MONDAY)
        told = Notification.objects.order_by("pk").values_list("attempt_count", "lease_until")
        assert list(told) == [(1, MONDAY + LEASE), (0, None), (0, None)]

    def test_the_lease_is_counted_anew_and_a_lost_one_sends_nothing(self, world: World) -> None:
        Notification.objects.bulk_create(robot_notice(onboarded(), number) for number in range(2))
        first, second = _claim(MONDAY)
        late = MONDAY + LEASE - timedelta(seconds=1)
        assert _begin(first, late)
        assert [notice.pk for notice in _claim(MONDAY + LEASE)] == [second.pk]
        assert not _begin(second, MONDAY + LEASE)
        assert Notification.objects.get(pk=second.pk).attempt_count == 0


def robot_notice(developer: Any, number: int) -> Notification:
    return Notification(
        kind=NoticeKind.QUEUED, channel=Channel.DINGTALK, key=f"{developer.pk}:{number}", developer=developer, created_at=MONDAY, next_attempt_at=MONDAY
    )


def test_no_note_name_or_hold_leaves_by_mail_or_dingtalk(world: World, mailbox: Mailbox, robot: Robot) -> None:
    """The canary, over what really arrived."""
    developer, senior = onboarded(), staff(Role.PLATFORM_SENIOR)
    with_robot(developer, robot)
    case = queued(world, world.risky, developer=developer)
    add_note(case=case, text="canary-note", by=senior, now=MONDAY)
    review(case, now=MONDAY)
    deliver_notices(now=MONDAY)
    held = queued(world, developer=developer)
    claimed(held, staff())
    review_at = MONDAY + MINUTE
    refused_case = queued(world, developer=developer, now=review_at)
    review(refused_case, fail=["N1"], now=review_at)
    advance(now=review_at + UNDO)
    deliver_notices(now=review_at + UNDO)
    said = "\n".join([mail.as_string() + mail.get_content() for mail in mailbox.mails] + [json.dumps(body, ensure_ascii=False) for _path, body in robot.calls])
    assert len(mailbox.mails) >= 5
    assert len(robot.calls) == len(mailbox.mails)
    assert [mark for mark in INNER if mark in said] == []
