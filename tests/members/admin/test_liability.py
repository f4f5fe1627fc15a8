"""What is owed: figures that are the ledger's, links to the lots behind them, and the accountants' file."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest
from django.db import connection
from django.db.models import Sum
from django.test import Client
from django.test.utils import CaptureQueriesContext
from openpyxl import load_workbook

from backoffice.kernel import clock
from backoffice.kernel.audit.models import AuditEvent
from members.models import CreditAccount, CreditEntry, CreditLot
from members.services.credit.lapse import sweep_lapsed
from tests.factories import make_member, make_store
from tests.members.admin.credit_desk import Desk, client_of, url
from tests.members.ledger import give, take, yuan

pytestmark = pytest.mark.django_db


def page_of(client: Client, console: str = "merchant", **query: Any) -> dict[str, Any]:
    answer = client.get(url("liability", console=console), query)
    assert answer.status_code == 200
    page: dict[str, Any] = answer.context["page"]
    return page


def furnish(desk: Desk) -> date:
    """Lots of three months, one never lapsing, one lapsed and not swept, one held in part. Returns the first day of next month."""
    now = clock.database_now()
    today = clock.local_day(now)
    coming = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    later = (coming + timedelta(days=70)).replace(day=1)
    member = desk.member(100, 20, expires_at=clock.day_start(coming + timedelta(days=10)))
    give(member, 10, 2, now=now, expires_at=clock.day_start(coming + timedelta(days=20)))
    desk.member(50, 0, expires_at=clock.day_start(later))  # the first instant of a month: it lapses with the month before
    desk.member(7, 0, expires_at=None)
    desk.member(30, 3, now=now - timedelta(days=3), expires_at=now - timedelta(days=1))
    desk.hold(member, 24)
    return coming


def test_figures_are_the_ledgers_and_a_month_leads_to_its_lots(desk: Desk) -> None:
    coming = furnish(desk)
    client = client_of(desk.reader)
    page = page_of(client)
    sums = CreditAccount.objects.aggregate(balance=Sum("balance"), held=Sum("held"))
    entries = CreditEntry.objects.aggregate(principal=Sum("principal_amount"), bonus=Sum("bonus_amount"))
    shown = {figure.title: figure.value for figure in page["figures"]}
    assert shown["Owed to members (yuan)"] == f"{sums['balance'] + sums['held']:,.2f}"
    assert (shown["Principal"], shown["Bonus"]) == (f"{entries['principal']:,.2f}", f"{entries['bonus']:,.2f}")
    assert (shown["Held for orders"], shown["Lapses next month (yuan)"]) == ("24.00", "108.00")
    assert page["total"][:3] == [f"{entries['principal']:,.2f}", f"{entries['bonus']:,.2f}", f"{sums['balance']:,.2f}"]
    labels = [month.label for month in page["months"]]
    assert (labels[0], labels[1], labels[-1]) == ("Lapsed, not yet cleared away", f"{coming:%Y-%m}", "Never lapses")
    assert (page["months"][1].lots, page["months"][1].accounts) == (2, 1)
    total = Decimal(0)
    for month in page["months"]:
        rows = client.get(month.url).context["cl"].result_list
        assert len(rows) == month.lots, month.label
        assert sum(lot.principal_left + lot.bonus_left for lot in rows) == month.principal + month.bonus, month.label
        total += month.principal + month.bonus
    assert total == sums["balance"]


def test_the_home_leads_to_who_holds_what_lapses_next_month(desk: Desk) -> None:
    furnish(desk)
    client = client_of(desk.owner)
    (figure,) = [figure for figure in client.get("/merchant/").context["figures"] if "next month" in figure.title]
    assert figure.value == "108.00"
    assert "of 1 member" in figure.note
    lots = client.get(figure.url).context["cl"].result_list
    assert sum(lot.principal_left + lot.bonus_left for lot in lots) == yuan(108)
    assert {lot.account.member.nickname for lot in lots} <= {word for word in client.get(figure.url).content.decode().split() if word.startswith("王芳")} | {
        lots[0].account.member.nickname
    }


@pytest.mark.parametrize("code", ["2026-13", "1999-01", "nonsense", "2026-1", "２０２６-01"])
def test_a_month_that_is_none_holds_nothing(code: str, desk: Desk) -> None:
    furnish(desk)
    answer = client_of(desk.reader).get(url("creditlot_changelist"), {"lapses": code})
    assert (answer.status_code, list(answer.context["cl"].result_list)) == (200, [])


def test_lapse_and_breakage_are_told_by_month(desk: Desk) -> None:
    now = clock.database_now()
    desk.member(30, 3, now=now - timedelta(days=3), expires_at=now - timedelta(minutes=1))
    spender = desk.member(100, 0)
    take(spender, 64, now=now)
    sweep_lapsed(now=now)
    page = page_of(client_of(desk.reader))
    newest = page["movements"][0]
    assert newest[0] == f"{clock.local_day(now):%Y-%m}"
    assert newest[2:7] == ["64.00", "0.00", "0.00", "3.00", "30.00"]  # spent, refunded, void principal, void bonus, paid back
    assert newest[-1] == "3.09 %"  # 3 of 97 that came to their end
    assert [float(series.values[-1]) for series in page["movement_chart"].series] == [0, 3, 30]
    assert len(page["movement_chart"].labels) == 12


def test_one_store_or_all_and_never_anothers(desk: Desk) -> None:
    second = make_store("second", merchant=desk.store.merchant)
    foreign = make_store("foreign")
    for store, amount in ((desk.store, 10), (second, 5), (foreign, 7000)):
        give(make_member(store), amount, now=clock.database_now())
    client = client_of(desk.owner)
    assert page_of(client)["total"][2] == "15.00"
    assert page_of(client, store=second.pk)["total"][2] == "5.00"
    assert f"store__id__exact={second.pk}" in page_of(client, store=second.pk)["months"][0].url
    for number in (foreign.pk, 987654321, "x", "-1"):
        assert client.get(url("liability"), {"store": number}).status_code == 404
    assert foreign.name not in client.get(url("liability")).content.decode()
    assert page_of(client_of(desk.staff), "platform")["total"][2] == "7,015.00"


def test_the_page_costs_the_same_queries_with_one_lot_and_with_three(desk: Desk) -> None:
    client = client_of(desk.owner)
    costs = []
    for _ in range(3):
        desk.member(10, 1)
        client.get(url("liability"))  # what a process looks up once
        with CaptureQueriesContext(connection) as queries:
            client.get(url("liability"))
        costs.append(len(queries))
    assert costs[0] == costs[2]
    assert costs[0] <= 12


def test_figures_are_kept_under_exactly_the_stores_in_reach(desk: Desk, settings: Any) -> None:
    settings.DASHBOARD_KEEP_SECONDS = 60
    second = make_store("second", merchant=desk.store.merchant)
    for store, amount in ((desk.store, 10), (second, 5)):
        give(make_member(store), amount, now=clock.database_now())
    client = client_of(desk.owner)
    assert page_of(client)["total"][2] == "15.00"
    give(make_member(second), 1, now=clock.database_now())
    assert page_of(client)["total"][2] == "15.00"  # kept
    seat = desk.owner.seats.get()
    seat.all_stores = False
    seat.save()
    seat.seat_stores.create(store=second)
    assert page_of(client)["total"][2] == "6.00"  # another reach, another figure


# --- the file


def export(client: Client, console: str = "merchant", **fields: Any) -> Any:
    today = clock.local_day(clock.database_now())
    given = {"store": "", "from_day": (today - timedelta(days=5)).isoformat(), "to_day": today.isoformat(), "file_format": "csv"}
    return client.post(url("ledger_export", console=console), given | fields)


def rows_of(answer: Any, encoding: str = "utf-8-sig") -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode(encoding))))


def test_opening_entries_and_closing_balance_add_up(desk: Desk) -> None:
    now = clock.database_now()
    member = desk.member(100, 20, now=now - timedelta(days=20), source_no="CZ-OLD")
    take(member, 30, now=now, order_no="A-1")
    desk.hold(member, 24)
    desk.adjustment(member, 5, by=desk.staff, reason="=2+3")
    rows = rows_of(export(client_of(desk.owner)))
    assert [row["Kind"] for row in rows] == ["Opening balance", "Spend", "Hold", "Adjustment", "Closing balance"]
    assert [(row["Principal balance"], row["Bonus balance"], row["Held"]) for row in rows] == [
        ("100.00", "20.00", "0.00"), ("75.00", "15.00", "0.00"), ("55.00", "11.00", "24.00"), ("60.00", "11.00", "24.00"), ("60.00", "11.00", "24.00"),
    ]  # fmt: skip
    spend, adjust = rows[1], rows[3]
    assert (spend["Order number"], spend["Principal"], spend["Bonus"], spend["Member number"]) == ("A-1", "-25.00", "-5.00", member.member_no)
    assert adjust["Reason"] == "'=2+3"  # no spreadsheet computes it
    assert adjust["By"] == "Platform staff"
    left = CreditLot.objects.aggregate(principal=Sum("principal_left"), bonus=Sum("bonus_left"))
    assert (Decimal(rows[-1]["Principal balance"]), Decimal(rows[-1]["Bonus balance"])) == (left["principal"], left["bonus"])
    entries = [row for row in rows if row["Entry number"]]
    assert sum(Decimal(row["Principal"]) for row in entries) == Decimal(rows[-1]["Principal balance"]) - Decimal(rows[0]["Principal balance"])


def test_every_format_holds_the_same(desk: Desk) -> None:
    desk.member(100, 20)
    client = client_of(desk.owner, "zh-hans")
    plain = rows_of(export(client))
    assert [row["类型"] for row in plain] == ["期初余额", "充值", "期末余额"]
    assert rows_of(export(client, file_format="csv-gb18030"), "gb18030") == plain
    answer = export(client, file_format="xlsx")
    sheet = load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active
    cells = list(sheet.iter_rows(values_only=True))
    assert [row[3] for row in cells[1:]] == ["期初余额", "充值", "期末余额"]
    assert cells[2][9:11] == (100, 20)


def test_a_hand_out_is_logged_and_streamed(desk: Desk) -> None:
    desk.member(100, 20)
    answer = export(client_of(desk.owner))
    assert answer.streaming
    assert "no-store" in answer.headers["Cache-Control"]
    assert "attachment" in answer.headers["Content-Disposition"]
    event = AuditEvent.objects.get(verb="list.exported")
    assert (event.actor, event.facts["rows"], event.facts["stores"]) == (desk.owner, 1, [desk.store.code])


def test_a_file_holds_the_own_stores_only(desk: Desk) -> None:
    second, foreign = make_store("second", merchant=desk.store.merchant), make_store("foreign")
    for store in (desk.store, second, foreign):
        give(make_member(store), 10, now=clock.database_now())
    client = client_of(desk.owner)
    assert {row["Store code"] for row in rows_of(export(client))} == {"mine", "second"}
    assert {row["Store code"] for row in rows_of(export(client, store=str(second.pk)))} == {"second"}
    refused = export(client, store=str(foreign.pk))
    assert refused.status_code == 302
    assert AuditEvent.objects.filter(verb="list.exported").count() == 2
    assert {row["Store code"] for row in rows_of(export(client_of(desk.staff), "platform"))} == {"mine", "second", "foreign"}


@pytest.mark.parametrize("fields", [{"from_day": "2026-02-30"}, {"from_day": "2026-03-02", "to_day": "2026-03-01"}, {"file_format": "exe"}, {"to_day": ""}])
def test_what_is_no_span_is_refused_with_a_sentence(fields: dict[str, str], desk: Desk) -> None:
    client = client_of(desk.owner)
    answer = export(client, **fields)
    assert answer.status_code == 302
    page = client.get(url("liability"))
    assert list(page.context["messages"])
    assert not AuditEvent.objects.exists()


def test_a_workbook_is_refused_where_it_would_be_too_long(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("members.admin.liability.MOST_XLSX_ROWS", 1)
    desk.member()
    desk.member()
    client = client_of(desk.owner)
    assert export(client, file_format="xlsx").status_code == 302
    assert "Choose CSV, or a shorter span." in client.get(url("liability")).content.decode()
    assert len(rows_of(export(client))) == 4


def test_only_who_may_export_gets_the_form_and_the_file(desk: Desk) -> None:
    for user, status in ((desk.reader, 403), (desk.clerk, 200), (desk.owner, 200)):
        client = client_of(user)
        assert export(client).status_code == status
        assert ("For accountants" in client.get(url("liability")).content.decode()) == (status == 200)
    assert client_of(desk.owner).get(url("ledger_export")).status_code == 405


def test_the_workbook_is_one(desk: Desk) -> None:
    answer = export(client_of(desk.owner), file_format="xlsx")
    with ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as archive:
        assert "xl/workbook.xml" in archive.namelist()
