"""Paid memberships that were sold elsewhere, from files. Benefits come from today on only: nothing is issued for days that have passed."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, FreeText, LocalDay, Money
from backoffice.kernel.files.faults import Overtaken
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.sql import load_sql

for _code, _sentence in {
    "member_not_active": _("Only an active member can hold paid membership. Let the member join again, or leave the row out."),
    "unknown_program": _("The store has no paid program of this name. Check the name."),
    "program_not_live": _("This program is not on sale: its pack and decoration must be approved, and it may be neither closed nor revoked."),
    "merchant_is_barred": _("This merchant is barred from new member features. Nothing can be sold until an appeal succeeds."),
    "opens_in_future": _("The opening day lies in the future. A file records what was sold."),
    "ends_before_opening_day": _("The term would end before it begins. Check both days."),
    "term_too_long": _("The term is longer than ten years. Check both days."),
    "member_holds_higher": _("The member holds a higher plan on these days. A lower plan never takes its place."),
    "terms_overlap": _("The member has a paid term on some of these days already. Terms of a member do not overlap."),
    "terms_overlap_in_file": _("Two rows of this file give the member overlapping terms. Keep one of them."),
    "stock_is_gone": _("The program's stock does not reach for this row. Raise the stock first."),
    "paid_order_differs": _("This order number is in the system with another member, plan, term or price. A file never changes what was bought."),
}.items():
    register_problem(_code, _sentence)


def _sql(name: str) -> str:
    return load_sql("members.paid", f"import_paid_{name}")


def _lock(params: dict[str, Any]) -> None:
    """Merchants, members and programs, locked in their order as a purchase locks them; ``Overtaken`` when somebody bought or closed meanwhile."""
    with connection.cursor() as cursor:
        for step in ("lock_merchants", "lock_members", "lock_programs"):
            cursor.execute(_sql(step), params)
        cursor.execute(_sql("overtaken"), params)
        if cursor.fetchone() is not None:
            raise Overtaken


PAID_MEMBERSHIPS = register(
    ImportKind(
        code="paid_memberships",
        name=_("Paid memberships sold elsewhere"),
        permission="paid.import_paidmembership",
        columns=(
            Column("member_no", "会员编号", Code(64), required=True, aliases=("会员号", "会员卡号"), example="M0001"),
            Column(
                "program", "方案名称", FreeText(60), required=True, aliases=("付费会员计划", "方案", "计划名称"), example="云杉年卡",
                help=_("Name of the program."),
            ),
            Column("order_no", "订单号", Code(64), required=True, aliases=("购买单号", "订单编号"), example="FF20260105001", help=_("Unique in the store.")),
            Column("opened_on", "开通日期", LocalDay(), required=True, aliases=("开通时间", "购买日期"), example="2026-01-05"),
            Column(
                "last_day", "到期日期", LocalDay(), aliases=("有效期至", "最后有效日期"), example="2027-01-04",
                help=_("Last day of the term. Empty: the program's term from the opening day."),
            ),
            Column("price", "实付卡费", Money(), aliases=("卡费", "实付金额"), example="99.00", help=_("What was paid, in yuan. Empty: the card fee.")),
        ),
        key=("order_no",),
        checks=(_sql("checks"), _sql("check_overlaps"), _sql("check_stock")),
        classify=(_sql("classify"),),
        conflicts="SELECT line, 'order_no' AS column_name, 'paid_order_differs' AS code FROM import_rows WHERE action = 'conflict'",
        apply=(_lock, _sql("apply_1"), _sql("apply_2")),
        tables=("members_member", "paid_paidmembership"),
        order=55,
        about=_(
            "Terms that members bought before, or in another system. Benefits are issued from today on; days that have passed bring nothing, "
            "not even the opening gift. A purchase that is there already stays as it is."
        ),
        shown_in="paid.PaidMembership",
    )
)  # fmt: skip
