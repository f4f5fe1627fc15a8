"""Followers of a store's push account from files: who follows since when, subscribes to messages, and was seen last."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, LocalMoment, YesNo
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.sql import load_sql
from members.choices import FanEvent
from members.imports.identities import identity_kind_column, identity_value_column
from members.services.fans import fans_sql

for _code, _sentence in {
    "fan_missing": _("Say who follows: a member number, or an identity kind and its value."),
    "in_the_future": _("This lies in the future. Check the time."),
    "unfollow_kept": _("Fans who left after the time in the file: they stay away."),
    "subscription_kept": _("Fans who unsubscribed after the time in the file: the file says yes, their wish was kept."),
}.items():
    register_problem(_code, _sentence)

_STATEMENTS = fans_sql("(SELECT * FROM import_fans)", "(SELECT store_id, person_id FROM import_fans)")

FANS = register(
    ImportKind(
        code="fans",
        name=_("Fans"),
        permission="members.import_fan",
        columns=(
            Column("member_no", "会员编号", Code(64), aliases=("会员号",), example="M0001", help=_("Who follows; for a fan who is no member leave it empty.")),
            identity_kind_column(_("Of a fan without a member number: phone, openid, unionid ...")),
            identity_value_column("15400000000"),
            Column("followed_at", "关注时间", LocalMoment(), required=True, example="2026-01-05 10:30"),
            Column(
                "subscribed",
                "订阅消息",
                YesNo(),
                example="1",
                help=_("1 never overrides a later unsubscribing, 0 is always taken. Empty: unchanged; for a new fan not subscribed."),
            ),
            Column("last_seen_at", "最近回访", LocalMoment(), example="2026-01-09 20:15", help=_("When the fan last came back. Empty: unchanged.")),
        ),
        key=("line",),  # who is named in two ways is seen by the checks
        either=(("member_no",), ("identity_kind", "identity_value")),
        checks=(load_sql("members", "import_fans_checks"),),
        classify=(load_sql("members", "import_fans_classify_1"), "ANALYZE import_told", load_sql("members", "import_fans_classify_2")),
        notes=(
            "SELECT 'unfollow_kept', count(*) FROM import_rows WHERE unfollow_kept "
            "UNION ALL SELECT 'subscription_kept', count(*) FROM import_rows WHERE subscription_kept"
        ),
        apply=(
            "DROP TABLE IF EXISTS import_people, import_fans",
            load_sql("members", "import_orders_apply_1"),
            load_sql("members", "import_orders_apply_2"),
            load_sql("members", "import_fans_apply_3"),
            "ANALYZE import_fans",
            *(statement.replace("%(view)s", f"'{FanEvent.PAGE_VIEW.value}'") for statement in _STATEMENTS),
        ),
        tables=("members_member", "members_identity", "members_fan", "members_buyer"),
        order=60,
        about=_("Who follows the store's push account, and who subscribed to its messages. A fan need not be a member."),
        shown_in="members.Fan",
        unmasked_permission="members.reveal_phone",
    )
)
