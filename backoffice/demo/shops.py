"""The demo's merchants and shops, and the habits in which each one keeps its files.

No two merchants export alike: one opens everything in a Chinese Excel, one has a warehouse system
that writes UTF-8, one saves "Unicode text". The demo loads them as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DateStyle(StrEnum):
    """How a file writes a day and a moment."""

    ISO = "2026-01-05 08:30:00"
    OFFSET = "2026-01-05T08:30:00+08:00"
    EXCEL = "2026/1/5 8:30"
    COMPACT = "20260105"
    """Days only; a moment is cut to its day."""
    CHINESE = "2026年1月5日"
    """Days only; a moment is cut to its day."""
    CELL = "date cell"
    """XLSX only: real date cells."""


class PhoneStyle(StrEnum):
    """How a file writes a phone."""

    PLAIN = "15412345678"
    GROUPED = "154 1234 5678"
    COUNTRY = "+86 154-1234-5678"
    NUMBER = "number cell"
    """XLSX only: what Excel makes of a phone that somebody typed."""


class MoneyStyle(StrEnum):
    """How a file writes an amount of yuan."""

    PLAIN = "1234.50"
    SIGN = "¥1,234.50"
    NUMBER = "number cell"
    """XLSX only."""


@dataclass(frozen=True, slots=True)
class FileStyle:
    """What all files of one shop have in common.

    ``encoding`` is a Python codec, or "xlsx". ``line_numbers``: several things bought on one day
    are lines of one order; otherwise every line has an order number of its own. ``walk_ins``: the
    orders file also holds buyers who never joined, named by their phone.
    """

    encoding: str
    suffix: str = ".csv"
    chinese_headers: bool = True
    delimiter: str = ","
    newline: str = "\r\n"
    dates: DateStyle = DateStyle.ISO
    phones: PhoneStyle = PhoneStyle.PLAIN
    money: MoneyStyle = MoneyStyle.PLAIN
    chinese_words: bool = True
    store_column: bool = False
    line_numbers: bool = True
    walk_ins: bool = False


WAREHOUSE = FileStyle("utf-8", chinese_headers=False, newline="\n", chinese_words=False, store_column=True)
WAREHOUSE_WITH_WALK_INS = FileStyle("utf-8", chinese_headers=False, newline="\n", dates=DateStyle.OFFSET, chinese_words=False, walk_ins=True)
EXCEL_UTF8 = FileStyle("utf-8-sig", dates=DateStyle.EXCEL, line_numbers=False)
EXCEL_CHINA = FileStyle("gb18030", dates=DateStyle.EXCEL, phones=PhoneStyle.GROUPED)
EXCEL_CHINA_BOOKKEEPER = FileStyle("gb18030", dates=DateStyle.CHINESE, money=MoneyStyle.SIGN, line_numbers=False)
UNICODE_TEXT = FileStyle("utf-16", suffix=".tsv", delimiter="\t", phones=PhoneStyle.COUNTRY)
COMPACT_DAYS = FileStyle("utf-8-sig", dates=DateStyle.COMPACT, chinese_words=False, line_numbers=False)
WORKBOOK = FileStyle("xlsx", suffix=".xlsx", dates=DateStyle.CELL, phones=PhoneStyle.NUMBER, money=MoneyStyle.NUMBER)


@dataclass(frozen=True, slots=True)
class Shop:
    """One shop of a demo merchant.

    ``weight``: its share of the customers, relative to the others. ``send_time``: the reminder time
    that its merchant wishes for, "HH:MM"; None means that reminders are off. ``own_secret``: signs
    with a gateway secret of its own instead of the platform's.
    """

    code: str
    name: str
    category: str
    weight: int
    style: FileStyle
    send_time: str | None = "10:00"
    own_secret: bool = True


@dataclass(frozen=True, slots=True)
class DemoMerchant:
    """One merchant of the demo; ``tier`` in the words of the stores file."""

    code: str
    name: str
    tier: str
    shops: tuple[Shop, ...]


MERCHANTS: tuple[DemoMerchant, ...] = (
    DemoMerchant(
        "YUNSHANG",
        "云上唱片",
        "PREMIUM",
        (
            Shop("YS01", "云上唱片旗舰店", "音像", 40, WAREHOUSE, "09:00"),
            Shop("YS02", "云上黑胶馆", "音像", 22, WAREHOUSE, "09:00"),
            Shop("YS03", "云上古典音乐馆", "音像", 14, WAREHOUSE_WITH_WALK_INS, "09:30"),
        ),
    ),
    DemoMerchant(
        "HUISHENG",
        "回声音像",
        "优质商家",
        (
            Shop("HS01", "回声音像官方店", "音像", 30, EXCEL_CHINA, "10:00"),
            Shop("HS02", "回声乐器行", "乐器", 12, EXCEL_CHINA, "10:00"),
            Shop("HS03", "回声二手淘碟", "音像", 9, EXCEL_CHINA, None),
        ),
    ),
    DemoMerchant(
        "NANFENG",
        "南风书店",
        "POTENTIAL",
        (
            Shop("NF01", "南风书店总店", "图书", 24, EXCEL_UTF8, "12:00"),
            Shop("NF02", "南风童书馆", "图书", 13, EXCEL_UTF8, "19:30"),
        ),
    ),
    DemoMerchant(
        "SHIGUANG",
        "拾光文创",
        "潜力商家",
        (
            Shop("SG01", "拾光文创集合店", "文创", 18, UNICODE_TEXT, "11:00"),
            Shop("SG02", "拾光手作", "文创", 8, UNICODE_TEXT, "11:00", own_secret=False),
        ),
    ),
    DemoMerchant(
        "XIAODAO",
        "小岛咖啡",
        "STANDARD",
        (
            Shop("XD01", "小岛咖啡烘焙所", "餐饮", 16, COMPACT_DAYS, "08:00"),
            Shop("XD02", "小岛器具店", "家居", 7, WORKBOOK, "08:30"),
        ),
    ),
    DemoMerchant(
        "QINGHE",
        "青禾家居",
        "普通商家",
        (
            Shop("QH01", "青禾家居生活馆", "家居", 15, EXCEL_CHINA_BOOKKEEPER, "20:00"),
            Shop("QH02", "青禾软装", "家居", 6, EXCEL_CHINA_BOOKKEEPER, "20:00", own_secret=False),
        ),
    ),
)

SHOPS: tuple[Shop, ...] = tuple(shop for merchant in MERCHANTS for shop in merchant.shops)
REMINDED_SHOPS: tuple[Shop, ...] = tuple(shop for shop in SHOPS if shop.send_time is not None)
MISTAKES_SHOP: Shop = next(shop for shop in SHOPS if shop.code == "HS01")
"""The shop whose operator sends the file with mistakes."""

JOIN_CHANNELS = ("天猫店铺", "小程序", "线下门店", "直播间", "扫码入会", "公众号")
TAGS = ("老客", "黑胶爱好者", "高客单", "生日月", "爱凑单", "只买打折", "送礼", "企业采购")

# The classic ladder that every shop starts with, and the yuan that lead to each step.
LEVELS: tuple[tuple[int, str], ...] = (
    (0, "店铺客户"),
    (200, "普通"),
    (1000, "高级"),
    (3000, "VIP"),
    (8000, "至尊VIP"),
)
