"""Reads the demo's files with nothing of the code that wrote them: header names stand here as the specification has them."""

from __future__ import annotations

import csv
import re
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

CHINESE = {
    "商家编码": "merchant",
    "商家名称": "merchant_name",
    "会员运营等级": "tier",
    "店铺编码": "store",
    "店铺名称": "name",
    "类目": "category",
    "通道地址": "gateway_url",
    "通道密钥": "gateway_secret",
    "开启提醒": "reminders",
    "提醒时间": "reminder_time",
    "会员编号": "member_no",
    "昵称": "nickname",
    "手机号": "phone",
    "入会时间": "joined_at",
    "生日": "birthday",
    "等级": "level",
    "成长值": "growth",
    "标签": "tags",
    "入会渠道": "channel",
    "营销同意": "marketing_consent",
    "充值单号": "source_no",
    "本金": "principal_amount",
    "权益金": "bonus_amount",
    "充值时间": "opened_at",
    "到期时间": "expires_at",
    "订单号": "order_no",
    "行号": "line_no",
    "付款时间": "paid_at",
    "实付金额": "amount",
    "购物金抵扣": "credit_used",
    "退款金额": "refunded_amount",
    "退款时间": "refunded_at",
}
ENGLISH = {*CHINESE.values(), "identity_kind", "identity_value"}
COLUMNS = {
    "stores": {"merchant", "merchant_name", "tier", "store", "name", "category", "gateway_url", "gateway_secret", "reminders", "reminder_time"},
    "members": {"store", "member_no", "nickname", "phone", "joined_at", "birthday", "level", "growth", "tags", "channel", "marketing_consent"},
    "credit": {"store", "member_no", "source_no", "principal_amount", "bonus_amount", "opened_at", "expires_at"},
    "orders": {
        *("store", "order_no", "line_no", "member_no", "identity_kind", "identity_value"),
        *("paid_at", "amount", "credit_used", "refunded_amount", "refunded_at"),
    },
}
REQUIRED = {
    "stores": {"merchant", "store", "name"},
    "members": {"member_no"},
    "credit": {"member_no", "source_no", "principal_amount"},
    "orders": {"order_no", "paid_at", "amount"},
}


def read_table(path: Path, encoding: str) -> tuple[list[str], list[dict[str, Any]]]:
    """Header as written, and the rows under English names."""
    if encoding == "xlsx":
        workbook = load_workbook(path, read_only=True)
        lines = [list(row) for row in workbook.worksheets[0].iter_rows(values_only=True)]
        workbook.close()
        # A sheet does not store the blanks at the end of a row.
        lines = [line + [None] * (len(lines[0]) - len(line)) for line in lines]
    else:
        with path.open(encoding=encoding, errors="strict", newline="") as source:
            lines = list(csv.reader(source, delimiter="\t" if path.suffix == ".tsv" else ","))
    header = lines[0]
    names = [CHINESE.get(name, name) for name in header]
    return header, [dict(zip(names, line, strict=True)) for line in lines[1:]]


def to_money(cell: Any) -> Decimal:
    """Yuan, exact; a number cell must mean a whole number of fen."""
    if cell in ("", None):
        return Decimal(0)
    text = repr(cell) if isinstance(cell, float) else str(cell)
    text = text.replace("¥", "").replace(",", "")
    assert re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", text), cell
    return Decimal(text)


def to_moment(cell: Any) -> datetime | None:
    """Any of the accepted writings of a day or a moment, as a naive local time."""
    if cell in ("", None):
        return None
    if isinstance(cell, datetime):
        return cell
    text = str(cell).removesuffix("+08:00")
    if re.fullmatch(r"[0-9]{8}", text):
        return datetime.strptime(text, "%Y%m%d")  # noqa: DTZ007 files hold local times without a zone
    numbers = [int(number) for number in re.findall(r"[0-9]+", text)]
    assert len(numbers) in (3, 5, 6), cell
    return datetime(*numbers)  # noqa: DTZ001 files hold local times without a zone


def to_day(cell: Any) -> date | None:
    moment = to_moment(cell)
    return moment.date() if moment else None


def to_phone(cell: Any) -> str:
    """Eleven digits, as an importer would store them."""
    return re.sub(r"[ -]", "", str(cell)).removeprefix("+86")
