"""Steps of applications as the audit has them, and whether replaying them gives the stored row; the pages of figures hang here too."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from applications.admin.parts import CASE_TONES
from applications.admin.platform.figures import figures_view, rows_view
from applications.choices import CaseState
from applications.models import Application, CaseEvent
from applications.selectors.replay import list_replay_differences
from backoffice.kernel.admin import PlatformModelAdmin
from backoffice.kernel.admin.display import BAD, EMPTY, GOOD, chip, moment, row_link
from backoffice.kernel.sites import platform_site


@admin.register(CaseEvent, site=platform_site)
class CaseEventAdmin(PlatformModelAdmin):
    """Every step of every application, newest first; ``?case_id=`` those of one, with the replay beside them."""

    big_list = True
    list_display = ("step", "case_column", "act_column", "states", "actor_column", "facts_column", "happened")
    list_display_links = ("step",)
    list_filter = ("act",)
    list_select_related = ("case", "actor")
    allowed_lookups = ("case_id",)
    list_before_template = "applications/platform/replay.html"
    fields = ("case_column", "seq", "act", "from_state", "to_state", "actor", "changes_text", "facts_text", "happened_at", "recorded_at")
    readonly_fields = ("case_column", "changes_text", "facts_text")
    empty_text = gettext_lazy("No application has begun yet.")

    def get_urls(self) -> list[URLPattern]:
        own = [
            path("figures/", self.admin_site.admin_view(self.figures_view), name="applications_figures"),
            path("figures/rows/", self.admin_site.admin_view(self.rows_view), name="applications_figure_rows"),
        ]
        return [*own, *super().get_urls()]

    def figures_view(self, request: HttpRequest) -> HttpResponse:
        return figures_view(self, request)

    def rows_view(self, request: HttpRequest) -> HttpResponse:
        return rows_view(self, request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        number = request.GET.get("case_id", "")
        case = Application.objects.select_related("app").filter(pk=int(number)).first() if number.isascii() and number.isdigit() and len(number) < 19 else None
        replay = None
        if case is not None and self.has_view_permission(request):
            differences = list_replay_differences(case)
            replay = {
                "case": row_link("platform", case, f"{case.number} {case.app.name}"),
                "chip": chip(_("Replay differs"), BAD) if differences else chip(_("Replay agrees"), GOOD),
                "differences": [(name, stored, told) for name, (stored, told) in differences.items()],
            }
        return super().changelist_view(request, {**(extra_context or {}), "replay": replay})

    @admin.display(description=gettext_lazy("Step"))
    def step(self, event: CaseEvent) -> str:
        return str(event.seq)

    @admin.display(description=gettext_lazy("Application"))
    def case_column(self, event: CaseEvent) -> str:
        return row_link("platform", event.case, event.case.number)

    @admin.display(description=gettext_lazy("What happened"))
    def act_column(self, event: CaseEvent) -> str:
        return str(event.get_act_display())

    @admin.display(description=gettext_lazy("State"))
    def states(self, event: CaseEvent) -> str:
        after = chip(CaseState(event.to_state).label, CASE_TONES.get(event.to_state, ""))
        if event.from_state == event.to_state:
            return after
        return format_html("{} → {}", CaseState(event.from_state).label, after)

    @admin.display(description=gettext_lazy("By"))
    def actor_column(self, event: CaseEvent) -> str:
        return str(event.actor) if event.actor else _("the system")

    @admin.display(description=gettext_lazy("Facts"))
    def facts_column(self, event: CaseEvent) -> str:
        told = [
            str(event.facts[name])[:60] for name in sorted(event.facts) if isinstance(event.facts[name], str | int) and event.facts[name] not in (False, "")
        ]
        return format_html("<code>{}</code>", " · ".join(told)) if told else EMPTY

    @admin.display(description=gettext_lazy("When"))
    def happened(self, event: CaseEvent) -> str:
        return moment(event.happened_at)

    @admin.display(description=gettext_lazy("Columns that it moved"))
    def changes_text(self, event: CaseEvent) -> str:
        return _as_text(event.changes)

    @admin.display(description=gettext_lazy("Facts"))
    def facts_text(self, event: CaseEvent) -> str:
        return _as_text(event.facts)


def _as_text(stored: Any) -> str:
    return format_html('<pre class="whitespace-pre-wrap"><code>{}</code></pre>', json.dumps(stored, ensure_ascii=False, indent=1)) if stored else EMPTY
