"""Platform console: what people and the system did. Read only; the database itself refuses changes."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import PlatformModelAdmin, SearchShape
from backoffice.kernel.admin.display import EMPTY, moment, row_link
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.audit.verbs import verb_label
from backoffice.kernel.sites import platform_site


@admin.register(AuditEvent, site=platform_site)
class AuditEventAdmin(PlatformModelAdmin):
    big_list = True
    list_display = ("event", "when", "by", "store_link", "row", "reason")
    list_filter = ("store",)
    list_select_related = ("actor", "store")
    search_shapes = (SearchShape(gettext_lazy("code of the event"), lambda term: "." in term, lambda rows, term: rows.filter(verb=term.lower())),)
    search_help_text = gettext_lazy("Code of the event, such as seat.granted")
    fields = ("event", "when", "by", "store", "row", "reason", "facts_table")
    readonly_fields = ("event", "when", "by", "row", "facts_table")
    empty_text = gettext_lazy("Nothing has been done yet.")

    @admin.display(description=gettext_lazy("Event"))
    def event(self, event: AuditEvent) -> str:
        return str(verb_label(event.verb))

    @admin.display(description=gettext_lazy("When"))
    def when(self, event: AuditEvent) -> str:
        return moment(event.happened_at)

    @admin.display(description=gettext_lazy("By"))
    def by(self, event: AuditEvent) -> str:
        return str(event.actor) if event.actor else _("The system")

    @admin.display(description=gettext_lazy("Store"))
    def store_link(self, event: AuditEvent) -> str:
        return row_link("platform", event.store) if event.store else EMPTY

    @admin.display(description=gettext_lazy("Row"))
    def row(self, event: AuditEvent) -> str:
        try:
            kind = apps.get_model(event.target_type)._meta.verbose_name
        except (LookupError, ValueError):  # an event of a model that this release no longer has
            kind = event.target_type
        return f"{kind} {event.target_id or ''}"

    @admin.display(description=gettext_lazy("Facts"))
    def facts_table(self, event: AuditEvent) -> str:
        return format_html_join("", "<div>{}: {}</div>", ((name, value) for name, value in event.facts.items())) or EMPTY
