"""Notices to the robot of a developer's DingTalk group. A call that answers 200 is a success only when its ``errcode`` is 0."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from urllib.parse import quote_plus, urlsplit

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from applications.channels.base import Failed, Skipped, TryAgain
from applications.models import DingTalkRobot, Notification
from applications.selectors.notices import notice_text
from backoffice.kernel.outbound import DEFAULT_PORTS, AddressRefused, NoAnswer, NotReached, post

ROBOTS = "https://oapi.dingtalk.com/robot/send"
TIMEOUT = 4.0
"""Seconds. A robot that does not answer keeps a worker, and with it the notices of everybody else, no longer than this."""
BUSY = frozenset({-1, 130101})
"""System busy, and more than twenty messages a minute."""
LANGUAGE = "zh-hans"


_TOKEN = re.compile(r"access_token=[\w-]+", re.ASCII)


def check_robot(webhook: str) -> tuple[str, ...]:
    """``host:port`` of a robot that the operator permits (``DINGTALK_ROBOTS``), nothing for one of DingTalk: what ``outbound.post`` is to allow.

    A developer names the address, so it is DingTalk's to the letter, and the platform's own allow list does not count. Raises ``AddressRefused``.
    """
    address, _mark, query = webhook.partition("?")
    if address not in {ROBOTS, *settings.DINGTALK_ROBOTS} or not _TOKEN.fullmatch(query):
        raise AddressRefused(_("This is no DingTalk robot. The address is https://oapi.dingtalk.com/robot/send?access_token= and the robot's token."))
    if address == ROBOTS:
        return ()
    parts = urlsplit(address)
    return (parts.netloc if parts.port else f"{parts.netloc}:{DEFAULT_PORTS[parts.scheme]}",)


def send_to_robot(notice: Notification) -> None:
    """Raises ``Skipped`` without a robot, ``TryAgain`` and ``Failed`` by what the robot answers."""
    robot = DingTalkRobot.objects.filter(developer=notice.developer_id).first()
    if robot is None:
        raise Skipped("no_robot")
    with translation.override(LANGUAGE):
        told = notice_text(notice)
    body = json.dumps({"msgtype": "text", "text": {"content": f"{told.title}\n{told.body}"}}, ensure_ascii=False).encode()
    url = signed(robot.webhook, robot.secret or "", int(time.time() * 1000))
    try:
        allow = check_robot(robot.webhook)
        answer = post(url, body=body, headers={"Content-Type": "application/json; charset=utf-8"}, timeout=TIMEOUT, allow=allow)
    except AddressRefused as error:
        raise Failed("address_refused") from error
    except (NotReached, NoAnswer) as error:
        raise TryAgain(type(error).__name__) from error
    if answer.status >= 500 or answer.status == 429:
        raise TryAgain(f"http {answer.status}")
    code = _errcode(answer.body) if answer.status == 200 else None
    if code in BUSY:
        raise TryAgain(f"errcode {code}")
    if code != 0:
        raise Failed(f"http {answer.status}" if code is None else f"errcode {code}")


def signed(url: str, secret: str, timestamp: int) -> str:
    """The address with its time and signature; as it is for a robot without a secret."""
    if not secret:
        return url
    mark = hmac.digest(secret.encode(), f"{timestamp}\n{secret}".encode(), hashlib.sha256)
    return f"{url}{'&' if '?' in url else '?'}timestamp={timestamp}&sign={quote_plus(base64.b64encode(mark))}"


def _errcode(body: bytes) -> int | None:
    try:
        told = json.loads(body)
    except ValueError:
        return None
    code = told.get("errcode") if isinstance(told, dict) else None
    return code if isinstance(code, int) else None
