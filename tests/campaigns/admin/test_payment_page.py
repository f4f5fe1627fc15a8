"""The payment's page names the notice that followed, with the way to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backoffice.kernel.tenancy.roles import Role
from campaigns.choices import ScenarioCode
from campaigns.models import Message
from tests.campaigns.reminders import TEN, member_with_credit, store_with_reminders
from tests.factories import make_user
from tests.members.paying import pay

pytestmark = pytest.mark.django_db


def page_of(payment: Any, role: Role = Role.MERCHANT_ANALYST) -> str:
    user = make_user(role, merchant=payment.store.merchant if role.startswith("MERCHANT") else None, language="en")
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    console = "merchant" if role.startswith("MERCHANT") else "platform"
    return client.get(reverse(f"{console}:members_payment_change", args=[payment.pk])).content.decode()


def test_the_notice_stands_on_the_payments_page() -> None:
    member = member_with_credit(store_with_reminders())
    told = pay(member, 20, 5, now=TEN, paid_at=TEN).payment
    other = pay(member, 20, 0, now=TEN, paid_at=TEN).payment
    notice = Message.objects.get(scenario=ScenarioCode.AFTER_PAYMENT, occasion=told.pk)
    page = page_of(told)
    assert reverse("merchant:campaigns_message_change", args=[notice.pk]) in page
    assert "Notice to the member" in page
    assert reverse("platform:campaigns_message_change", args=[notice.pk]) in page_of(told, Role.PLATFORM_AUDITOR)
    assert reverse("merchant:campaigns_message_change", args=[notice.pk]) not in page_of(other)
    if not Message.objects.filter(occasion=other.pk).exists():
        assert "None was decided for this payment." in page_of(other)
