"""Review of decorations: both entry points as a member would see them, in the old order and in the new one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.kernel.admin import tenant_action
from backoffice.kernel.admin.display import row_link, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import platform_site
from members.paid.admin.platform.parts import CONSOLE, PaidDialog, WhyDialog
from members.paid.admin.platform.reviews import RULING_KEYS, ReviewScreen, is_in_review
from members.paid.benefits import describe
from members.paid.choices import ReviewStatus
from members.paid.models import Benefit, Decoration
from members.paid.selectors.entry_points import in_module_order, preview_entry_points
from members.paid.selectors.pack_changes import term_text
from members.paid.selectors.packs import get_latest_pack
from members.paid.selectors.tones import PROGRAM_TONES, REVIEW_TONES
from members.paid.services.decorations import REVIEW, rule_on_decoration


class ApproveDialog(PaidDialog):
    """What an approval shows to whom."""

    def facts(self) -> list[tuple[Any, Any]]:
        program = self.obj.program
        return [(_("Program"), f"{program.name} · {program.store.name}"), (_("Modules"), len(self.obj.modules))]

    def sentence(self) -> Any:
        if self.obj.program.decoration_id is None:
            return _("The program goes live at once: both entry points show its first three benefits to members of the store.")
        return _("Members see this order at once, instead of the one before.")


@admin.register(Decoration, site=platform_site)
class DecorationAdmin(ReviewScreen):
    """Orders of modules that merchants handed in."""

    change_form_template = "paid/platform/decoration.html"
    empty_text = gettext_lazy("No decoration has been handed in yet. It comes after the pack is approved and the program configured.")
    keys = RULING_KEYS

    def page(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        decoration: Decoration = row
        program, now = decoration.program, database_now()
        pack = program.pack or get_latest_pack(program)
        benefits = list(pack.benefits.all()) if pack else []
        before = program.decoration if program.decoration_id != decoration.pk else None
        return {
            "title": f"{program.name} v{decoration.version}",
            "chips": (status_chip(decoration, REVIEW_TONES), status_chip(program, PROGRAM_TONES)),
            "facts": [
                (_("Program"), row_link(CONSOLE, program)),
                (_("Store"), row_link(CONSOLE, program.store, f"{program.store.name} ({program.store.code})")),
                *self.history_facts(decoration),
            ],
            "fee": f"{format_yuan(pack.card_fee)} / {term_text(pack)}" if pack else "",
            "previews": preview_entry_points(program, decoration.modules, now),
            "order": _order(benefits, decoration.modules, before.modules if before else None),
            "has_before": before is not None,
            "before": [benefit.title for benefit in in_module_order(benefits, before.modules)] if before else [],
        }

    @tenant_action(permission=REVIEW, title=pgettext_lazy("review", "Approve"), form=ApproveDialog, icon="check", available=is_in_review)
    def approve(self, request: HttpRequest, decoration: Decoration, form: Any) -> HttpResponse | str:
        return self.ruled(request, decoration, rule_on_decoration, ReviewStatus.APPROVED)

    @tenant_action(permission=REVIEW, title=gettext_lazy("Ask for changes"), form=WhyDialog, icon="edit_note", available=is_in_review)
    def ask_for_changes(self, request: HttpRequest, decoration: Decoration, form: Any) -> HttpResponse | str:
        return self.ruled(request, decoration, rule_on_decoration, ReviewStatus.CHANGES_REQUESTED, form.cleaned_data["reason"])

    @tenant_action(permission=REVIEW, title=gettext_lazy("Reject"), form=WhyDialog, icon="close", danger=True, available=is_in_review)
    def reject(self, request: HttpRequest, decoration: Decoration, form: Any) -> HttpResponse | str:
        return self.ruled(request, decoration, rule_on_decoration, ReviewStatus.REJECTED, form.cleaned_data["reason"])


def _order(benefits: list[Benefit], modules: list[str], before: list[str] | None) -> list[dict[str, Any]]:
    """The modules in their new order; ``was`` is the place before, when it is another."""
    places = {benefit.pk: place for place, benefit in enumerate(in_module_order(benefits, before), 1)} if before is not None else {}
    return [
        {
            "title": benefit.title,
            "what": describe(benefit),
            "is_off": benefit.disabled_at is not None,
            "was": places.get(benefit.pk, place) if places.get(benefit.pk, place) != place else None,
        }
        for place, benefit in enumerate(in_module_order(benefits, modules), 1)
    ]
