"""Orders, payments and refunds from files: facts only. Nothing here spends or refunds credit, and no notice is sent."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, ColumnError, LocalMoment, Money, WholeNumber
from backoffice.kernel.files.columns.characters import ascii_lower
from backoffice.kernel.files.kinds import Column, ImportKind, Parts, PartsMaker, register
from backoffice.kernel.files.problems import problems, register_problem
from backoffice.kernel.secrets import lookup_hash
from backoffice.kernel.sql import load_sql
from members.models import IdentityKind
from members.selectors.people import LONGEST_VALUE, IdentityRefused, mask_identity, normalise_identity
from members.services.purchases import purchases_sql

for _code, _sentence in {
    "buyer_missing": _("Say who bought: a member number, or an identity kind and its value."),
    "unknown_identity_kind": _("There is no such identity kind. Take a code such as phone, openid or unionid."),
    "identity_incomplete": _("Identity kind and identity value belong together. Fill in both."),
    "identity_invalid": _("This value cannot be an identity of this kind. Check it."),
    "credit_above_amount": _("More credit was used than was paid. The paid amount includes the credit used."),
    "refund_above_amount": _("More was refunded than was paid."),
    "refund_without_amount": _("There is a refund time but no refunded amount. Fill in the amount, or clear the time."),
    "refund_before_payment": _("The refund lies before the payment. Check both times."),
    "order_differs": _("This order line is in the system with another amount, time or buyer. A file never changes what was paid; check the number."),
    "refund_shrinks": _("More was refunded for this line already. A refund can grow but not shrink."),
}.items():
    if _code not in problems:
        register_problem(_code, _sentence)

_VALUE = Code(LONGEST_VALUE)
_TOUCHED = "(SELECT DISTINCT member_id, store_id FROM import_rows WHERE action IN ('create', 'update') AND member_id IS NOT NULL)"


def _prepare_identities() -> PartsMaker:
    """For a value and the kind beside it: (code of the kind, keyed hash, masked form, what is wrong). The value itself goes no further."""
    codes = {ascii_lower(word): kind.code for kind in IdentityKind.objects.all() for word in (kind.code, kind.name, kind.name_zh)}

    def make(value: str, kind: str) -> tuple[str, ...] | None:
        try:
            code = codes.get(ascii_lower(Code(64).clean(kind) or ""))
            text = _VALUE.clean(value)
        except ColumnError:
            return None
        if text is None:
            return None
        if code is None:
            return "", "\\x", "", "unknown_identity_kind" if kind.strip() else "identity_incomplete"
        try:
            known_as = normalise_identity(code, text)
        except IdentityRefused:
            return code, "\\x", "", "not_phone" if code == "phone" else "identity_invalid"
        return code, "\\x" + lookup_hash(code, known_as).hex(), mask_identity(code, known_as), ""

    return make


ORDERS = register(
    ImportKind(
        code="orders",
        name=_("Orders"),
        permission="members.import_orderline",
        columns=(
            Column("order_no", "订单号", Code(64), required=True, aliases=("订单编号",), example="D20260105001"),
            Column("line_no", "行号", WholeNumber(), example="1", help=_("Line of the order. Empty: 1.")),
            Column("member_no", "会员编号", Code(64), aliases=("会员号",), example="M0001", help=_("Who bought; for a buyer who is no member leave it empty.")),
            Column("identity_kind", "标识类型", Code(64), example="phone", help=_("Of a buyer without a member number: phone, openid, unionid ...")),
            Column(
                "identity_value",
                "标识值",
                _VALUE,
                example="15400000000",
                masked=True,
                parts=Parts(
                    (("identity_code", "text"), ("identity_hash", "bytea"), ("identity_masked", "text"), ("identity_problem", "text")),
                    _prepare_identities,
                    beside=("identity_kind",),
                ),
            ),
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
        apply=("DROP TABLE IF EXISTS import_people", *(load_sql("members", f"import_orders_apply_{step}") for step in range(1, 5)), *purchases_sql(_TOUCHED)),
        tables=("members_member", "members_identity", "members_orderline", "members_purchasesummary"),
        order=40,
        about=_("Paid orders and refunds. Purchase figures of the members are brought up to date with them."),
        shown_in="members.OrderLine",
        unmasked_permission="members.reveal_phone",
    )
)
