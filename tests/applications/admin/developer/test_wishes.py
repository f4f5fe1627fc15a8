"""Choosing mail and naming a robot: one's own choice, the owner's robot, nothing secret shown again, nothing typed lost."""

from __future__ import annotations

import pytest
from django.urls import reverse

from applications.models import DingTalkRobot, NoticePreference
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import logged_in, text
from tests.applications.cases import onboarded, owner_of
from tests.factories import make_user

pytestmark = pytest.mark.django_db
URL = "https://oapi.dingtalk.com/robot/send?access_token=very-secret-token"


@pytest.fixture
def here() -> str:
    return reverse("developer:applications_wishes")


def test_a_person_switches_mail_off_and_on(here: str) -> None:
    member = make_user(Role.DEVELOPER_MEMBER, developer=onboarded(), email="m@example.com")
    client = logged_in(member)
    assert "checked" in text(client, here)
    assert client.post(here, {"what": "mail"}).status_code == 302
    assert not NoticePreference.objects.get(user=member).by_email
    assert 'name="by_email">' in text(client, here)
    client.post(here, {"what": "mail", "by_email": "on"})
    assert NoticePreference.objects.get(user=member).by_email


def test_the_owner_names_a_robot_and_its_address_is_not_shown_again(here: str) -> None:
    developer = onboarded()
    client = logged_in(owner_of(developer))
    told = {"what": "robot", "developer": str(developer.pk), "webhook": URL, "secret": "SEC-very-secret"}
    assert client.post(here, told).status_code == 302
    robot = DingTalkRobot.objects.get()
    assert (robot.developer, robot.webhook, robot.secret) == (developer, URL, "SEC-very-secret")
    shown = text(client, here)
    assert "oapi.dingtalk.com" in shown
    assert "very-secret" not in shown
    assert client.post(here, {"what": "robot", "developer": str(developer.pk), "remove": "1"}).status_code == 302
    assert not DingTalkRobot.objects.exists()


def test_a_refused_address_stays_in_the_form_with_its_sentence(here: str) -> None:
    developer = onboarded()
    answer = logged_in(owner_of(developer)).post(here, {"what": "robot", "developer": str(developer.pk), "webhook": "http://robot.example/x", "secret": "s-1"})
    shown = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="http://robot.example/x"' in shown
    assert "This is no DingTalk robot." in shown
    assert not DingTalkRobot.objects.exists()


def test_a_member_names_none_and_nobody_a_foreign_one(here: str) -> None:
    developer, other = onboarded(), onboarded()
    member = logged_in(make_user(Role.DEVELOPER_MEMBER, developer=developer))
    assert 'name="webhook"' not in text(member, here)
    for client, of in ((member, developer), (logged_in(owner_of(developer)), other)):
        answers = [client.post(here, {"what": "robot", "developer": number, "webhook": URL}).status_code for number in (str(of.pk), "987654321", "x")]
        assert answers == [404, 404, 404]
    assert not DingTalkRobot.objects.exists()
