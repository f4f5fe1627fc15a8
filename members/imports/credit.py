"""Top-ups from files: each row opens one lot with one entry of the ledger. A top-up number that is known already is never changed."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, LocalMoment, Money
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.sql import load_sql

for _code, _sentence in {
    "unknown_member": _("The store has no member of this number. Import the member first, or check the number."),
    "member_closed": _("This member's account is closed. Nothing can be topped up any more."),
    "credit_empty": _("Principal and bonus are both zero. A top-up needs an amount."),
    "expires_before_opening": _("The credit would expire before it is topped up. Check both dates."),
    "source_no_reserved": _("Numbers with this beginning are the system's own. Give the top-up another number."),
    "source_no_differs": _(
        "This top-up number is in the system with other amounts or for another member. Check the number; a file never changes what is booked."
    ),
    "dates_kept": _("Top-ups that are booked already with other dates: what is booked was kept."),
}.items():
    register_problem(_code, _sentence)


def _sql(step: int) -> str:
    return load_sql("members", f"import_credit_apply_{step}")


CREDIT = register(
    ImportKind(
        code="credit",
        name=_("Credit top-ups"),
        permission="members.import_creditlot",
        columns=(
            Column("member_no", "会员编号", Code(64), required=True, aliases=("会员号", "会员卡号"), example="M0001"),
            Column("source_no", "充值单号", Code(64), required=True, aliases=("单号", "充值编号"), example="CZ20260105001", help=_("Unique in the store.")),
            Column("principal_amount", "本金", Money(), required=True, aliases=("principal", "充值本金"), example="100.00", help=_("What was paid, in yuan.")),
            Column("bonus_amount", "权益金", Money(), aliases=("bonus", "赠送金额", "赠金"), example="20.00", help=_("What was given on top, in yuan.")),
            Column("opened_at", "充值时间", LocalMoment(), example="2026-01-05 10:30", help=_("Empty: now.")),
            Column(
                "expires_at",
                "到期时间",
                LocalMoment(ends_day=True),
                example="2027-01-05",
                help=_("A date without a time lasts to the end of that day. Empty: never."),
            ),
        ),
        key=("source_no",),
        control_total="coalesce(principal_amount, 0) + coalesce(bonus_amount, 0)",
        checks=(load_sql("members", "import_credit_checks"),),
        classify=(load_sql("members", "import_credit_classify"),),
        conflicts="SELECT line, 'source_no' AS column_name, 'source_no_differs' AS code FROM import_rows WHERE action = 'conflict'",
        notes="SELECT 'dates_kept', count(*) FROM import_rows WHERE action = 'unchanged' AND other_dates",
        apply=(
            "DROP TABLE IF EXISTS import_accounts, import_lots",
            *(_sql(step) for step in (1, 2)),
            "ANALYZE import_accounts",
            _sql(3),
            "ANALYZE import_lots",
            *(_sql(step) for step in (4, 5)),
        ),
        tables=("members_member", "members_creditaccount", "members_creditlot"),
        order=30,
        about=_("Top-ups that members paid elsewhere, each with its principal, bonus and expiry. A top-up that is there already stays as it is."),
        shown_in="members.CreditLot",
    )
)
