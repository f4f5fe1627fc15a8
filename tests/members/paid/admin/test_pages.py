"""Every page of paid membership in the merchant console: own, foreign and missing stores, roles, and as many queries for three rows as for one."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from backoffice.kernel.clock import database_now
from members.paid.models import BenefitIssue, Complaint, Fulfilment, Nomination, PaidMembership, PaidRefund
from members.paid.services.cancel import cancel
from tests.members.paid.admin.shop import Shop, client_of, open_shop, text, url

PROGRAM_PAGES = ("change", "pack", "review", "configuration", "decoration", "preview")
CUSTOM = {"kind": "CUSTOM", "settings": {"promise": "A call from the owner", "owner": "Ms Li", "evidence": "a note"}}


def furnish(shop: Shop, number: int = 1) -> None:
    """A live program, and of each kind of row ``number``: a holder, issues, a promise, a refund due, a complaint."""
    program = shop.program(benefits={"gift": {}, "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY"}, "call": CUSTOM}, terms_text="Terms")
    for _ in range(number):
        shop.sold(program)
        gone = shop.sold(program)
        cancel(membership=gone, reason="moved away", by=shop.owner, now=database_now())
        holder = PaidMembership.objects.filter(program=program, status="ACTIVE").latest("pk")
        now = database_now()
        Complaint.objects.create(
            store=shop.store, member=holder.member, program=program, text="No call came", status="ACCEPTED", filed_at=now, accepted_at=now, reply_by=now
        )


def addresses(shop: Shop) -> list[str]:
    program = shop.store.paid_programs.get()
    rows: list[Any] = [
        *PaidMembership.objects.filter(store=shop.store)[:1], *BenefitIssue.objects.filter(store=shop.store)[:1],
        *Fulfilment.objects.filter(store=shop.store)[:1], *PaidRefund.objects.filter(store=shop.store)[:1],
        *Complaint.objects.filter(store=shop.store)[:1], *program.pack.benefits.all()[:1],
    ]  # fmt: skip
    models = {row._meta.model_name: row.pk for row in rows}
    assert len(models) == 6
    lists = [url(f"{name}_changelist") for name in ("paidprogram", *models)]
    return [
        *lists, *(url(f"{name}_change", pk) for name, pk in models.items()), *(url(f"paidprogram_{page}", program.pk) for page in PROGRAM_PAGES),
        url("paidprogram_benefit", program.pk, query="benefit=gift"), url("setup"), url("setup", query=f"store={shop.store.pk}"), url("figures"),
        url("figures", query=f"store={shop.store.pk}"), url("sanction"),
    ]  # fmt: skip


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_every_page_is_there_for_every_role_of_the_merchant(shop: Shop, language: str) -> None:
    furnish(shop)
    for user in (shop.owner, shop.clerk, shop.reader):
        client = client_of(user, language)
        for address in addresses(shop):
            text(client, address)


def test_nothing_of_another_merchant_is_shown_or_found(shop: Shop) -> None:
    other = open_shop("QFOREIGNQ")
    furnish(shop)
    furnish(other)
    Nomination.objects.filter(store=other.store).update(reason="QFOREIGNQ")
    client = client_of(shop.owner)
    for address in addresses(shop):
        assert "QFOREIGNQ" not in text(client, address), address
    missing = client.get(url("paidprogram_pack", 987654321))
    for address in addresses(other):
        if any(part.isdigit() for part in address.split("/")) or "store=" in address:
            answer = client.get(address)
            assert answer.status_code == missing.status_code == 404, address


def queries(address: str, shop: Shop) -> int:
    client = client_of(shop.owner)
    text(client, address)
    with CaptureQueriesContext(connection) as captured:
        text(client, address)
    return len(captured)


def test_pages_take_as_many_queries_for_three_rows_as_for_one(db: Any, settings: Any) -> None:
    settings.DASHBOARD_KEEP_SECONDS = 0
    one, three = open_shop("one"), open_shop("three")
    furnish(one, 1)
    furnish(three, 3)
    counted = {}
    for first, second in zip(addresses(one), addresses(three), strict=True):
        counted[first] = (queries(first, one), queries(second, three))
    assert {address: number for address, number in counted.items() if number[0] != number[1]} == {}
    assert max(number for number, _ in counted.values()) <= MOST_QUERIES, counted


MOST_QUERIES = 30
