"""Writes the files that the demo's merchants hand in, ready for the importer.

One stores file from the platform's staff, and a members, a credit and an orders file from each
shop, in the encodings and habits that such files have in reality (``shops.py``). Beside them lies
one members file with deliberate mistakes, which is not part of the totals.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import TypeVar

from backoffice.demo.cdnow import read_purchases
from backoffice.demo.manifest import FileEntry, Manifest, expect_reminders, yuan
from backoffice.demo.mistakes import write_mistakes
from backoffice.demo.population import CreditRow, MemberRow, OrderRow, ShopRows, make_population
from backoffice.demo.sheets import (
    Cell,
    cell_of_answer,
    cell_of_day,
    cell_of_last_day,
    cell_of_moment,
    cell_of_money,
    cell_of_phone,
    write_sheet,
)
from backoffice.demo.shops import MERCHANTS, SHOPS, FileStyle, Shop

DEFAULT_SEED = 19970101

STORES_STYLE = FileStyle("utf-8-sig")
STORES_COLUMNS = (
    "merchant", "merchant_name", "tier", "store", "name", "category",
    "gateway_url", "gateway_secret", "reminders", "reminder_time",
)  # fmt: skip
MEMBER_COLUMNS = (
    "member_no", "nickname", "phone", "joined_at", "birthday",
    "level", "growth", "tags", "channel", "marketing_consent",
)  # fmt: skip
CREDIT_COLUMNS = ("member_no", "source_no", "principal_amount", "bonus_amount", "opened_at", "expires_at")
ORDER_COLUMNS = ("member_no", "paid_at", "amount", "credit_used", "refunded_amount", "refunded_at")
Row = TypeVar("Row")

PHONE_KIND = "phone"
"""Code of the identity kind by which a buyer who never joined is named."""


def write_files(
    folder: Path,
    today: date,
    seed: int = DEFAULT_SEED,
    *,
    due_before: time = time(0, 0),
    gateway_url: str = "",
    customers: int | None = None,
) -> Manifest:
    """Write all files of the demo into ``folder``, which is made if it is not there.

    The last purchase of the data set falls on ``today``. ``due_before`` is the local time of day
    at which the reminders will run: no send time and nothing that happened today is later.
    ``gateway_url`` goes into every row of the stores file. ``customers`` takes only the first so
    many customers of the data set. The same arguments give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    population = make_population(read_purchases(customers), today=today, latest=due_before, seed=seed)
    secrets = {shop.code: _gateway_secret(shop, seed) for shop in SHOPS if shop.own_secret}
    files = [_write_stores(folder, due_before=due_before, gateway_url=gateway_url, secrets=secrets)]
    for write in (_write_members, _write_credit, _write_orders):
        files += [write(folder, rows) for rows in population.shops]
    lots = [lot for rows in population.shops for lot in rows.credit]
    return Manifest(
        folder=folder,
        today=today,
        seed=seed,
        files=tuple(files),
        extra_files=(write_mistakes(folder, today, seed),),
        merchants=len(MERCHANTS),
        stores=len(SHOPS),
        people=population.people,
        members=sum(len(rows.members) for rows in population.shops),
        orders=sum(len(rows.orders) for rows in population.shops),
        credit_total=yuan(sum(lot.total_fen for lot in lots)),
        credit_expired=yuan(sum(lot.total_fen for lot in lots if lot.expires_on and lot.expires_on < today)),
        expected=expect_reminders(population, today),
        gateway_secrets=secrets,
    )


def _gateway_secret(shop: Shop, seed: int) -> str:
    """A secret that only a demo may have: anybody with the seed can work it out."""
    return hashlib.sha256(f"demo gateway {shop.code} {seed}".encode()).hexdigest()


def _send_time(wished: str, due_before: time) -> str:
    """The wished time if it is past by then, otherwise as far into the day as the wish goes."""
    wish = time.fromisoformat(wished)
    if wish <= due_before:
        return wished
    limit = due_before.hour * 60 + due_before.minute
    minute = limit * (wish.hour * 60 + wish.minute) // 1440
    return f"{minute // 60:02d}:{minute % 60:02d}"


def _write_stores(folder: Path, *, due_before: time, gateway_url: str, secrets: dict[str, str]) -> FileEntry:
    rows: list[Sequence[Cell]] = [
        (
            merchant.code,
            merchant.name,
            merchant.tier,
            shop.code,
            shop.name,
            shop.category,
            gateway_url,
            secrets.get(shop.code, ""),
            "是" if shop.send_time else "否",
            _send_time(shop.send_time or "10:00", due_before),
        )
        for merchant in MERCHANTS
        for shop in merchant.shops
    ]
    write_sheet(folder / "stores.csv", STORES_STYLE, STORES_COLUMNS, rows)
    return FileEntry("stores.csv", "stores", None, STORES_STYLE.encoding, len(rows))


def _write_members(folder: Path, rows: ShopRows) -> FileEntry:
    style = rows.shop.style

    def cells(member: MemberRow) -> list[Cell]:
        return [
            member.member_no,
            member.nickname,
            cell_of_phone(member.phone, style),
            cell_of_moment(member.joined_at, style),
            cell_of_day(member.birthday, style),
            member.level,
            member.growth,
            ";".join(member.tags),
            member.channel,
            cell_of_answer(member.consent, style),
        ]

    return _write_shop_file(folder, rows.shop, "members", MEMBER_COLUMNS, rows.members, cells)


def _write_credit(folder: Path, rows: ShopRows) -> FileEntry:
    style = rows.shop.style

    def cells(lot: CreditRow) -> list[Cell]:
        return [
            lot.member_no,
            lot.source_no,
            cell_of_money(lot.principal_fen, style),
            cell_of_money(lot.bonus_fen, style),
            cell_of_moment(lot.opened_at, style),
            cell_of_last_day(lot.expires_on, style),
        ]

    entry = _write_shop_file(folder, rows.shop, "credit", CREDIT_COLUMNS, rows.credit, cells)
    return replace(entry, control_total=yuan(sum(lot.total_fen for lot in rows.credit)))


def _write_orders(folder: Path, rows: ShopRows) -> FileEntry:
    style = rows.shop.style
    columns = [
        "order_no",
        *(["line_no"] if style.line_numbers else []),
        *(["identity_kind", "identity_value"] if style.walk_ins else []),
        *ORDER_COLUMNS,
    ]

    def cells(line: OrderRow) -> list[Cell]:
        identity = (PHONE_KIND, line.phone) if line.member_no is None else ("", "")
        return [
            line.order_no,
            *([line.line_no] if style.line_numbers else []),
            *(identity if style.walk_ins else []),
            line.member_no or "",
            cell_of_moment(line.paid_at, style),
            cell_of_money(line.amount_fen, style),
            cell_of_money(line.credit_used_fen, style),
            cell_of_money(line.refunded_fen, style) if line.refunded_fen else "",
            cell_of_moment(line.refunded_at, style),
        ]

    entry = _write_shop_file(folder, rows.shop, "orders", columns, rows.orders, cells)
    return replace(entry, amount_total=yuan(sum(line.amount_fen for line in rows.orders)))


def _write_shop_file(
    folder: Path,
    shop: Shop,
    kind: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    cells: Callable[[Row], list[Cell]],
) -> FileEntry:
    name = f"{shop.code}-{kind}{shop.style.suffix}"
    written: list[Sequence[Cell]]
    if shop.style.store_column:
        columns = ["store", *columns]
        written = [[shop.code, *cells(row)] for row in rows]
    else:
        written = [cells(row) for row in rows]
    write_sheet(folder / name, shop.style, columns, written)
    return FileEntry(name, kind, shop.code, shop.style.encoding, len(rows))
