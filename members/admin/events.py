"""What people did, as the stores' systems tell it. Facts, read only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import SearchShape
from backoffice.kernel.admin.display import EMPTY, moment
from members.admin.credit import MemberColumns
from members.admin.search import EVENT_SHAPES
from members.admin.tabs import TabbedList
from members.admin.words import unbroken
from members.models import Event


class EventScreen(MemberColumns, TabbedList):
    """Events, newest first as they were recorded."""

    big_list = True
    list_display: tuple[str, ...] = ("event_id", "name_column", "who", "store_name", "occurred", "source_column")
    list_filter: tuple[Any, ...] = ("store", "occurred_at")
    list_select_related = ("store", "member")
    search_shapes: Sequence[SearchShape] = EVENT_SHAPES
    search_help_text = gettext_lazy("Event number, whole phone or nickname")
    fields = ("event_id", "name", "who", "store_name", "occurred", "source_column", "properties_column", "recorded")
    readonly_fields = ("who", "store_name", "occurred", "source_column", "properties_column", "recorded")
    empty_text = gettext_lazy("No events yet. A store's own systems report over the API what members do: views, sign-ins, reviews.")

    @admin.display(description=gettext_lazy("Event"))
    def name_column(self, event: Event) -> str:
        return unbroken(event.name)

    @admin.display(description=gettext_lazy("Who"))
    def who(self, event: Event) -> Any:
        return self.member_link(event) if event.member_id else _("Not a member")

    @admin.display(description=gettext_lazy("Occurred"))
    def occurred(self, event: Event) -> str:
        return moment(event.occurred_at)

    @admin.display(description=gettext_lazy("Collected by"))
    def source_column(self, event: Event) -> str:
        return event.source or EMPTY

    @admin.display(description=gettext_lazy("Properties"))
    def properties_column(self, event: Event) -> str:
        if not event.properties:
            return EMPTY
        return format_html('<pre class="bo-pre">{}</pre>', json.dumps(event.properties, ensure_ascii=False, indent=2))

    @admin.display(description=gettext_lazy("Recorded at"))
    def recorded(self, event: Event) -> str:
        return moment(event.recorded_at)
