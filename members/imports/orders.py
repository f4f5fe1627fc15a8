"""Orders, payments and refunds from files: facts only. Nothing here spends or refunds credit, and no notice is sent."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, LocalMoment, Money, WholeNumber
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.files.problems import problems, register_problem
from backoffice.kernel.sql import load_sql
from members.imports.identities import identity_kind_column, identity_value_column
from members.services.purchases import buyers_sql, purchases_sql

for _code, _sentence in {
    "buyer_missing": _("Say who bought: a member number, or an identity kind and its value."),
    "credit_above_amount": _("More credit was used than was paid. The paid amount includes the credit used."),
    "refund_above_amount": _("More was refunded than was paid."),
    "refund_without_amount": _("There is a refund time but no refunded amount. Fill in the amount, or clear the time."),
    "refund_before_payment": _("The refund lies before the payment. Check both times."),
    "order_differs": _("This order line is in the system with another amount, time or buyer. A file never changes what was paid; check the number."),
    "refund_shrinks": _("More was refunded for this line already. A refund can grow but not shrink."),
}.items():
    if _code not in problems:
        register_problem(_code, _sentence)

_TOUCHED = "(SELECT DISTINCT member_id, store_id FROM import_rows WHERE action IN ('create', 'update') AND member_id IS NOT NULL)"
_BUYERS = "(SELECT store_id, person_id FROM import_buyers)"

ORDERS = register(
    ImportKind(
        code="orders",
        name=_("Orders"),
        permission="members.import_orderline",
        columns=(
            Column("order_no", "订单号", Code(64), required=True, aliases=("订单编号",), example="D20260105001"),
            Column("line_no", "行号", WholeNumber(), example="1", help=_("Line of the order. Empty: 1.")),
            Column("member_no", "会员编号", Code(64), aliases=("会员号",), example="M0001", help=_("Who bought; for a buyer who is no member leave it empty.")),
            identity_kind_column(_("Of a buyer without a member number: phone, openid, unionid ...")),
            identity_value_column("15400000000"),
            Column("paid_at", "付款时间", LocalMoment(), required=True, aliases=("支付时间",), example="2026-01-05 10:30"),
            Column("amount", "实付金额", Money(), required=True, aliases=("实付",), example="120.00", help=_("What was paid in yuan, credit included.")),
            Column("credit_used", "购物金抵扣", Money(), example="20.00", help=_("How much of it was paid with credit. Empty: none.")),
            Column("refunded_amount", "退款金额", Money(), example="0.00", help=_("What went back so far, in yuan. Empty: nothing new.")),
            Column("refunded_at", "退款时间", LocalMoment(), example=""),
        ),
        key=("order_no", "coalesce(line_no, 1)"),
        either=(("member_no",), ("identity_kind", "identity_value")),
        checks=(load_sql("members", "import_orders_checks"),),
        classify=(load_sql("members", "import_orders_classify"),),
        conflicts=(
            "SELECT line, CASE WHEN differs THEN 'amount' ELSE 'refunded_amount' END AS column_name, "
            "CASE WHEN differs THEN 'order_differs' ELSE 'refund_shrinks' END AS code FROM import_rows WHERE action = 'conflict'"
        ),
        apply=(
            "DROP TABLE IF EXISTS import_people, import_buyers",
            *(load_sql("members", f"import_orders_apply_{step}") for step in range(1, 6)),
            "ANALYZE import_buyers",
            *purchases_sql(_TOUCHED),
            *buyers_sql(_BUYERS),
        ),
        tables=("members_member", "members_identity", "members_orderline", "members_purchasesummary", "members_buyer"),
        order=40,
        about=_("Paid orders and refunds. Purchase figures of the members are brought up to date with them."),
        shown_in="members.OrderLine",
        unmasked_permission="members.reveal_phone",
    )
)
