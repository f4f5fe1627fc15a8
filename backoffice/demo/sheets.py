"""Writes the rows of a shop as the CSV or XLSX files that its people would send."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time
from pathlib import Path

from openpyxl import Workbook

from backoffice.demo.shops import DateStyle, FileStyle, MoneyStyle, PhoneStyle

Cell = str | int | float | date | datetime | None

HEADERS: dict[str, str] = {
    "merchant": "商家编码",
    "merchant_name": "商家名称",
    "tier": "会员运营等级",
    "store": "店铺编码",
    "name": "店铺名称",
    "category": "类目",
    "gateway_url": "通道地址",
    "gateway_secret": "通道密钥",
    "reminders": "开启提醒",
    "reminder_time": "提醒时间",
    "member_no": "会员编号",
    "nickname": "昵称",
    "phone": "手机号",
    "joined_at": "入会时间",
    "birthday": "生日",
    "level": "等级",
    "growth": "成长值",
    "tags": "标签",
    "channel": "入会渠道",
    "marketing_consent": "营销同意",
    "source_no": "充值单号",
    "principal_amount": "本金",
    "bonus_amount": "权益金",
    "opened_at": "充值时间",
    "expires_at": "到期时间",
    "order_no": "订单号",
    "line_no": "行号",
    "paid_at": "付款时间",
    "amount": "实付金额",
    "credit_used": "购物金抵扣",
    "refunded_amount": "退款金额",
    "refunded_at": "退款时间",
}
"""The Chinese header of each column; a column that is not here has only its English one."""

_WORKBOOK_MOMENT = (2026, 1, 1, 0, 0, 0)


def write_sheet(path: Path, style: FileStyle, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Write one file. The same arguments give the same bytes."""
    headers = [HEADERS.get(column, column) if style.chinese_headers else column for column in columns]
    if style.encoding == "xlsx":
        _write_workbook(path, headers, rows)
        return
    with path.open("w", encoding=style.encoding, newline="") as target:
        writer = csv.writer(target, delimiter=style.delimiter, lineterminator=style.newline)
        writer.writerow(headers)
        writer.writerows(rows)


def _write_workbook(path: Path, headers: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Sheet1")
    sheet.append(headers)
    for row in rows:
        sheet.append(row)
    draft = io.BytesIO()
    workbook.save(draft)
    # The library stamps the moment of writing into the file; a repeated demo must give the same
    # bytes, because an import recognises a file by its hash.
    with zipfile.ZipFile(draft) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            content = source.read(entry)
            if entry.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", b"2026-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(entry.filename, _WORKBOOK_MOMENT), content, compress_type=zipfile.ZIP_DEFLATED)


def cell_of_day(day: date | None, style: FileStyle) -> Cell:
    """A day as the style writes it; blank for none."""
    if day is None:
        return None if style.dates is DateStyle.CELL else ""
    match style.dates:
        case DateStyle.CELL:
            return day
        case DateStyle.COMPACT:
            return f"{day:%Y%m%d}"
        case DateStyle.CHINESE:
            return f"{day.year}年{day.month}月{day.day}日"
        case DateStyle.EXCEL:
            return f"{day.year}/{day.month}/{day.day}"
        case _:
            return day.isoformat()


def cell_of_moment(moment: datetime | None, style: FileStyle) -> Cell:
    """A naive local moment as the style writes it, cut to its day where the style knows only days."""
    if moment is None:
        return None if style.dates is DateStyle.CELL else ""
    match style.dates:
        case DateStyle.CELL:
            return moment
        case DateStyle.ISO:
            return f"{moment:%Y-%m-%d %H:%M:%S}"
        case DateStyle.OFFSET:
            return f"{moment:%Y-%m-%dT%H:%M:%S}+08:00"
        case DateStyle.EXCEL:
            return f"{moment.year}/{moment.month}/{moment.day} {moment.hour}:{moment:%M}"
        case _:
            return cell_of_day(moment.date(), style)


def cell_of_last_day(day: date | None, style: FileStyle) -> Cell:
    """The end of a day: written out where the style always writes a time, otherwise the bare day."""
    if day is not None and style.dates in (DateStyle.OFFSET, DateStyle.CELL):
        return cell_of_moment(datetime.combine(day, time(23, 59, 59)), style)
    return cell_of_day(day, style)


def cell_of_money(fen: int, style: FileStyle) -> Cell:
    """Yuan with two decimals, exact."""
    match style.money:
        case MoneyStyle.NUMBER:
            return fen / 100
        case MoneyStyle.SIGN:
            return f"¥{fen // 100:,}.{fen % 100:02d}"
        case _:
            return f"{fen // 100}.{fen % 100:02d}"


def cell_of_phone(phone: str, style: FileStyle) -> Cell:
    """An eleven-digit phone as the style writes it."""
    match style.phones:
        case PhoneStyle.NUMBER:
            return int(phone)
        case PhoneStyle.GROUPED:
            return f"{phone[:3]} {phone[3:7]} {phone[7:]}"
        case PhoneStyle.COUNTRY:
            return f"+86 {phone[:3]}-{phone[3:7]}-{phone[7:]}"
        case _:
            return phone


def cell_of_answer(answer: bool | None, style: FileStyle) -> Cell:
    """Yes, no or a blank."""
    if answer is None:
        return ""
    if style.chinese_words:
        return "是" if answer else "否"
    return "1" if answer else "0"
