"""Benefits of a program's draft pack from files: one row a benefit, checked by the same form as on the screen, before anything is written."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.files.columns import Choice, Code, ColumnError, FreeText, LocalDay, LocalMoment, Money, WholeNumber
from backoffice.kernel.files.faults import Overtaken
from backoffice.kernel.files.kinds import Column, ImportKind, Parts, PartsMaker, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.sql import load_sql
from backoffice.kernel.tenancy.models import User
from members.paid.benefits import clean_benefit, list_faults
from members.paid.choices import BenefitKind, Schedule
from members.paid.models import PaidProgram
from members.paid.services.benefits import KEY, save_benefit
from members.paid.services.entering import CONFIGURE
from members.paid.services.packs import draft_pack

for _code, _sentence in {
    "benefit_program_unknown": _("The store has no program of this name that is still going. Check the name, or begin the program first."),
    "benefit_pack_in_review": _("The pack of this program is in review and does not change. Take it back first."),
    "benefit_merchant_barred": _("This merchant is barred from new member features. Its packs do not change."),
    "benefit_key_wrong": _("A key has small letters, digits and hyphens, at most 32."),
    "benefit_value_missing": _("This kind of benefit needs a value here."),
    "benefit_value_wrong": _("This kind of benefit does not take this value. The form of the kind says what it takes."),
    "benefit_threshold_low": _("An order that small would be free. The threshold is at least the coupon's amount."),
    "benefit_window_wrong": _("The activity would end before it begins."),
    "benefit_kind_fixed": _("The pack has a benefit of this key of another kind. A benefit keeps its kind: give this one another key."),
    "benefits_too_many": _("With this file the pack would have more than 30 benefits."),
}.items():
    register_problem(_code, _sentence)

KINDS = Choice(
    {code: code for code in BenefitKind.values}
    | {
        "开卡礼包": BenefitKind.OPENING_GIFT.value,
        "每月优惠券": BenefitKind.MONTHLY_COUPON.value,
        "每月礼品": BenefitKind.MONTHLY_GIFT.value,
        "会员优先购": BenefitKind.EARLY_ACCESS.value,
        "店铺宝": BenefitKind.STORE_DISCOUNT.value,
        "单品宝": BenefitKind.ITEM_DISCOUNT.value,
        "自定义权益": BenefitKind.CUSTOM.value,
    }
)
SCHEDULES = Choice(
    {code: code for code in Schedule.values}
    | {"立即": Schedule.AT_ONCE.value, "每月": Schedule.MONTHLY.value, "每隔数天": Schedule.EVERY_N_DAYS.value, "指定日期": Schedule.ON_DATE.value}
)
# Codes of the form's faults -> codes of problems; every other is ``benefit_value_wrong``.
_FAULTS = {"required": "benefit_value_missing", "threshold_below_amount": "benefit_threshold_low", "window_ends_first": "benefit_window_wrong"}

_FIELDS = (
    Column("title", "标题", FreeText(60), required=True, aliases=("权益名称",), example="开卡帆布袋"),
    Column("description", "说明", FreeText(300), example="限量款，颜色随机"),
    Column("schedule", "发放方式", SCHEDULES, example="AT_ONCE", help=_("AT_ONCE, MONTHLY, EVERY_N_DAYS or ON_DATE. Empty: the usual one of the kind.")),
    Column("every_days", "间隔天数", WholeNumber(), help=_("With EVERY_N_DAYS.")),
    Column("on_date", "发放日期", LocalDay(), help=_("With ON_DATE.")),
    Column("expiry_days", "有效天数", WholeNumber(), example="30", help=_("Days after issue. Empty: with the term.")),
    Column("value_amount", "权益价值", Money(), required=True, example="39.00", help=_("Worth of one issue to the member, in yuan.")),
    Column("cost_amount", "权益成本", Money(), example="12.00", help=_("Cost of one issue, in yuan.")),
    Column("code_pool", "券码清单", FreeText(64), help=_("Name of an imported list of coupon codes.")),
    Column("gift", "礼品", FreeText(100), example="帆布袋", help=_("Of gifts.")),
    Column("quantity", "件数", WholeNumber(), help=_("Of gifts. Empty: one.")),
    Column("coupon_amount", "券面额", Money(), help=_("Of coupons.")),
    Column("threshold", "使用门槛", Money(), help=_("Of coupons. Empty: none.")),
    Column("activity_id", "活动编号", Code(64), help=_("Of early access and discounts.")),
    Column("window_from", "活动开始", LocalMoment(), help=_("Of early access and discounts.")),
    Column("window_to", "活动结束", LocalMoment(ends_day=True), help=_("Of early access and discounts.")),
    Column("hours_ahead", "提前小时", WholeNumber(), help=_("Of early access.")),
    Column("percent_off", "优惠百分比", WholeNumber(), help=_("Of discounts; 10 is 9折.")),
    Column("items", "商品", FreeText(2000), help=_("Of item discounts, with “;” between them.")),
    Column("promise", "承诺", FreeText(500), help=_("Of custom benefits.")),
    Column("delivery", "交付方式", FreeText(200), help=_("Of custom benefits.")),
    Column("deadline_days", "兑现天数", WholeNumber(), help=_("Of custom benefits.")),
    Column("owner", "负责人", FreeText(100), help=_("Of custom benefits.")),
    Column("evidence", "凭证", FreeText(200), help=_("Of custom benefits.")),
)


def _prepare() -> PartsMaker:
    """For the kind and the cells beside it: (kind, the same for the row's problems to show, what would be stored, what is wrong by column)."""

    def make(cell: str, key: str, *cells: str) -> tuple[str, ...] | None:
        try:
            kind = KINDS.clean(cell)
        except ColumnError:
            return None
        if kind is None:
            return None
        values: dict[str, Any] = {}
        unread = set()
        for column, text in zip(_FIELDS, cells, strict=True):
            try:
                values[column.name] = column.type.clean(text.strip()) if text.strip() else ""
            except ColumnError:  # the engine says so itself
                unread.add(column.name)
        faults = {name: _FAULTS.get(code, "benefit_value_wrong") for name, code in list_faults(kind, values).items() if name not in unread}
        if key.strip() and not re.fullmatch(KEY, key.strip()):
            faults["key"] = "benefit_key_wrong"
        told = [{"column": name if name != "expiry" else "expiry_days", "code": code} for name, code in faults.items()]
        return kind, kind, "{}" if told or unread else _stored(kind, values), json.dumps(told)

    return make


def _stored(kind: str, values: dict[str, Any]) -> str:
    """What the benefit would be, in the form in which ``import_benefits_classify`` reads one from its table."""
    checked = clean_benefit(kind, values)
    columns = {name: f"{value:.2f}" if name.endswith("_amount") else value for name, value in checked.columns.items()}
    return json.dumps({**columns, "settings": checked.settings}, cls=DjangoJSONEncoder)


def _apply(params: dict[str, Any]) -> None:
    """Every row goes through the service of the screen, into the open draft or a new one. ``Overtaken`` when the pack was submitted meanwhile."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT program_id, key, kind, cleaned FROM import_rows WHERE action IN ('create', 'update') ORDER BY program_id, line")
        rows = cursor.fetchall()
    by = User.objects.filter(pk=params["by"]).first() if params["by"] else None
    programs = PaidProgram.objects.in_bulk({row[0] for row in rows})
    for program_id, key, kind, cleaned in rows:
        told = json.loads(cleaned) if isinstance(cleaned, str) else cleaned
        values = {**told.pop("settings"), **told, "key": key}
        try:
            pack = draft_pack(program=programs[program_id], by=by, now=params["now"])
            save_benefit(pack=pack, benefit=pack.benefits.filter(key=key).first(), kind=kind, values=values, by=by, now=params["now"])
        except BusinessError as refusal:
            raise Overtaken from refusal


BENEFITS = register(
    ImportKind(
        code="benefits",
        name=_("Benefits of a pack"),
        permission=CONFIGURE,
        columns=(
            Column(
                "program", "计划名称", FreeText(60), required=True, aliases=("付费会员计划", "方案名称"), example="云杉年卡", help=_("Name of the program.")
            ),
            Column(
                "key",
                "权益标识",
                Code(32),
                required=True,
                aliases=("标识",),
                example="opening-gift",
                help=_("The same from version to version: small letters, digits, hyphens."),
            ),
            Column(
                "kind",
                "权益类型",
                KINDS,
                required=True,
                aliases=("类型",),
                example="OPENING_GIFT",
                parts=Parts(
                    (("kind", "text"), ("kind_masked", "text"), ("cleaned", "jsonb"), ("faults", "jsonb")),
                    _prepare,
                    beside=("key", *(column.name for column in _FIELDS)),
                ),
            ),
            *_FIELDS,
        ),
        key=("program", "key"),
        checks=(load_sql("members.paid", "import_benefits_checks"),),
        classify=(load_sql("members.paid", "import_benefits_classify"),),
        conflicts="SELECT line, 'kind' AS column_name, 'benefit_kind_fixed' AS code FROM import_rows WHERE action = 'conflict'",
        apply=(_apply,),
        tables=("paid_benefit",),
        order=45,
        about=_(
            "Benefits of a program's draft pack; where there is no draft, one is made from the pack in force. A row is the whole benefit: what is blank is "
            "empty or usual. Benefits that the file does not name stay. Nothing is submitted."
        ),
        shown_in="paid.Benefit",
    )
)
