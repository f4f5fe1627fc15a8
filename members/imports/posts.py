"""What a store's push account published, from files."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, FreeText, LocalMoment
from backoffice.kernel.files.kinds import Column, ImportKind, register
from backoffice.kernel.sql import load_sql

_IN_THE_FUTURE = (
    "SELECT line, 'published_at' AS column_name, 'in_the_future' AS code FROM import_checked "
    "WHERE NOT is_bad AND published_at > %(now)s::timestamptz + interval '1 day'"
)

POSTS = register(
    ImportKind(
        code="posts",
        name=_("Posts"),
        permission="members.import_post",
        columns=(
            Column("post_id", "内容编号", Code(64), required=True, aliases=("帖子编号",), example="P20260105001", help=_("Unique in the store.")),
            Column("published_at", "发布时间", LocalMoment(), required=True, example="2026-01-05 10:30"),
            Column("title", "标题", FreeText(200), example="新品上架", help=_("Empty: as it is.")),
        ),
        key=("post_id",),
        checks=(_IN_THE_FUTURE,),
        classify=(load_sql("members", "import_posts_classify"),),
        apply=(load_sql("members", "import_posts_apply_1"), load_sql("members", "import_posts_apply_2")),
        tables=("members_post",),
        order=70,
        about=_("What the store's push account published. The first win-back asks for posts in the last days."),
        shown_in="members.Post",
    )
)
