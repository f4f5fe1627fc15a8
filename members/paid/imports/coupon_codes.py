"""Coupon codes of a store from files. A code is given to one issue of a benefit that names its list; one that was brought before stays as it is."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, FreeText
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.sql import load_sql

register_problem("code_of_other_list", _("This coupon code is in the store under another list. A code belongs to one list; check both."))

COUPON_CODES = register(
    ImportKind(
        code="coupon_codes",
        name=_("Coupon codes"),
        permission="paid.import_couponcode",
        columns=(
            Column("pool", "券码清单", FreeText(64), required=True, aliases=("清单", "券池"), example="双十一立减券", help=_("As the benefit names its list.")),
            Column("code", "券码", Code(64), required=True, aliases=("优惠码", "coupon"), example="YS7K2Q9", help=_("Unique in the store."), masked=True),
        ),
        key=("code",),
        classify=(load_sql("members.paid", "import_codes_classify"),),
        conflicts="SELECT line, 'code' AS column_name, 'code_of_other_list' AS code FROM import_rows WHERE action = 'conflict'",
        apply=(load_sql("members.paid", "import_codes_apply_1"), load_sql("members.paid", "import_codes_apply_2")),
        tables=("paid_couponcode",),
        order=50,
        about=_("Codes that benefits of paid membership hand out. Benefits that waited for a code get one at the next run, within five minutes."),
    )
)
