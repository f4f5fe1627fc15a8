"""Review of benefit packs: what paid members would get beside what ordinary members get, the fee against what is reasonable, what changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backoffice.kernel.admin import tenant_action
from backoffice.kernel.admin.display import BAD, BUSY, GOOD, WARN, chip, row_link, status_chip
from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.money import format_yuan
from backoffice.kernel.sites import platform_site
from members.models import Level
from members.paid.admin.platform.parts import CONSOLE, PaidDialog, WhyDialog
from members.paid.admin.platform.reviews import RULING_KEYS, ReviewScreen, is_in_review
from members.paid.benefits import describe
from members.paid.choices import BenefitKind, ReviewStatus, Schedule
from members.paid.models import BenefitPack
from members.paid.selectors.numbers import Numbers, get_numbers
from members.paid.selectors.pack_changes import CHANGED, GONE, NEW, SAME, BenefitLine, compare_packs, expiry_text, term_text
from members.paid.selectors.packs import fee_a_month, list_lacks
from members.paid.selectors.sanctions import count_holders
from members.paid.selectors.tones import PROGRAM_TONES, REVIEW_TONES
from members.paid.services.packs import REVIEW, rule_on_pack

STATES = {NEW: (gettext_lazy("New"), GOOD), CHANGED: (pgettext_lazy("review", "Changed"), WARN), GONE: (gettext_lazy("Taken out"), BAD)}


class ApproveDialog(PaidDialog):
    """What an approval does."""

    def facts(self) -> list[tuple[Any, Any]]:
        pack: BenefitPack = self.obj
        holders = count_holders(pack.program, local_day(database_now()))
        return [
            (_("Program"), f"{pack.program.name} · {pack.program.store.name}"),
            (_("Card fee"), f"{format_yuan(pack.card_fee)} / {term_text(pack)}"),
            (_("Benefits"), pack.benefits.filter(disabled_at=None).count()),
            (_("Holders today"), f"{holders:,}"),
        ]

    def sentence(self) -> Any:
        if self.obj.program.pack_id is None:
            return _("The store may configure the program then. Nothing is shown to members before its decoration is approved too.")
        return _("It is in force for new sales at once. Who holds an older version keeps it; only what is added reaches them.")


@admin.register(BenefitPack, site=platform_site)
class BenefitPackAdmin(ReviewScreen):
    """Packs that merchants handed in."""

    change_form_template = "paid/platform/pack.html"
    list_display = (*ReviewScreen.list_display[:3], "fee_column", *ReviewScreen.list_display[3:])
    empty_text = gettext_lazy("No pack has been handed in yet. A merchant drafts one once its store is invited or nominated.")
    keys = (*RULING_KEYS, ("d", "#paid-changes", gettext_lazy("what changed since last time")), ("b", "#paid-benefits", gettext_lazy("the benefits")))

    @admin.display(description=gettext_lazy("Card fee"))
    def fee_column(self, row: BenefitPack) -> str:
        return f"{format_yuan(row.card_fee)} / {term_text(row)}"

    def page(self, row: Any, request: HttpRequest) -> dict[str, Any]:
        pack: BenefitPack = row
        changes, numbers = compare_packs(pack), get_numbers()
        benefits = [line.benefit for line in changes.lines if line.state != GONE]
        levels = list(Level.objects.filter(store=pack.program.store_id).order_by("threshold", "pk"))
        return {
            "title": f"{pack.program.name} v{pack.version}",
            "chips": (status_chip(pack, REVIEW_TONES), status_chip(pack.program, PROGRAM_TONES)),
            "facts": [
                (_("Program"), row_link(CONSOLE, pack.program)),
                (_("Store"), row_link(CONSOLE, pack.program.store, f"{pack.program.store.name} ({pack.program.store.code})")),
                (_("Merchant"), row_link(CONSOLE, pack.program.store.merchant)),
                *self.history_facts(pack),
            ],
            "checks": _checks(pack, benefits, numbers),
            "lacks": [lack.sentence for lack in list_lacks(pack, now=database_now(), benefits=benefits, numbers=numbers)] if is_in_review(pack) else [],
            "fee": _fee(pack, numbers),
            "term": term_text(pack),
            "difference": pack.difference,
            "previous": changes.previous,
            "changes": changes.changes,
            "is_changed": changes.is_any,
            "lines": [_line(line) for line in changes.lines],
            "levels": [(level.name, level.threshold, level.perks) for level in levels],
            "versions": [
                (row_link(CONSOLE, other, f"v{other.version}") if other.submitted_at else f"v{other.version}", status_chip(other, REVIEW_TONES))
                for other in pack.program.packs.exclude(pk=pack.pk).order_by("-version")
            ],
        }

    @tenant_action(permission=REVIEW, title=pgettext_lazy("review", "Approve"), form=ApproveDialog, icon="check", available=is_in_review)
    def approve(self, request: HttpRequest, pack: BenefitPack, form: Any) -> HttpResponse | str:
        return self.ruled(request, pack, rule_on_pack, ReviewStatus.APPROVED)

    @tenant_action(permission=REVIEW, title=gettext_lazy("Ask for changes"), form=WhyDialog, icon="edit_note", available=is_in_review)
    def ask_for_changes(self, request: HttpRequest, pack: BenefitPack, form: Any) -> HttpResponse | str:
        return self.ruled(request, pack, rule_on_pack, ReviewStatus.CHANGES_REQUESTED, form.cleaned_data["reason"])

    @tenant_action(permission=REVIEW, title=gettext_lazy("Reject"), form=WhyDialog, icon="close", danger=True, available=is_in_review)
    def reject(self, request: HttpRequest, pack: BenefitPack, form: Any) -> HttpResponse | str:
        return self.ruled(request, pack, rule_on_pack, ReviewStatus.REJECTED, form.cleaned_data["reason"])


def _checks(pack: BenefitPack, benefits: list[Any], numbers: Numbers) -> list[tuple[Any, str, Any]]:
    """(what the rules ask for, chip, what was found)."""
    shown = [benefit for benefit in benefits if benefit.disabled_at is None]
    at_once = [benefit.title for benefit in shown if benefit.schedule == Schedule.AT_ONCE]
    monthly = [benefit.title for benefit in shown if benefit.schedule == Schedule.MONTHLY]
    is_fair = numbers.least_card_fee <= fee_a_month(pack) <= numbers.most_card_fee
    there = {True: chip(_("There"), GOOD), False: chip(_("Missing"), BAD)}
    return [
        (_("Benefits at once"), there[bool(at_once)], " · ".join(at_once)),
        (_("Monthly benefits"), there[bool(monthly)], " · ".join(monthly)),
        (_("Differs from ordinary members"), there[bool(pack.difference.strip())], ""),
        (_("Reasonable fee"), chip(_("Reasonable"), GOOD) if is_fair else chip(_("Out of range"), BAD), ""),
    ]


def _fee(pack: BenefitPack, numbers: Numbers) -> dict[str, Any]:
    """The fee of a month on the scale of what is reasonable; ``place`` in per cent of the scale, cut at its ends."""
    monthly, least, most = fee_a_month(pack), Decimal(numbers.least_card_fee), Decimal(numbers.most_card_fee)
    place = (monthly - least) / (most - least) * 100 if most > least else Decimal(0)
    return {
        "whole": format_yuan(pack.card_fee),
        "monthly": format_yuan(monthly.quantize(Decimal("0.01"))),
        "least": format_yuan(least),
        "most": format_yuan(most),
        "place": f"{min(max(place, Decimal(0)), Decimal(100)):.0f}",
    }


def _line(line: BenefitLine) -> dict[str, Any]:
    benefit = line.benefit
    word = STATES.get(line.state)
    return {
        "title": benefit.title,
        "kind": chip(benefit.get_kind_display(), BUSY if benefit.kind == BenefitKind.CUSTOM else ""),
        "is_custom": benefit.kind == BenefitKind.CUSTOM,
        "what": describe(benefit),
        "description": benefit.description,
        "expiry": expiry_text(benefit),
        "value": format_yuan(benefit.value_amount),
        "cost": format_yuan(benefit.cost_amount),
        "own": [(str(name), value) for name, value in custom_facts(benefit)] if benefit.kind == BenefitKind.CUSTOM else [],
        "pictures": [reverse("platform:paid_picture_file", args=[shown.picture_id]) for shown in benefit.pictures.all()],
        "mark": chip(*word) if word else "",
        "state": line.state,
        "is_off": chip(_("Switched off"), WARN) if benefit.disabled_at else "",
        "changes": line.changes,
        "is_same": line.state == SAME,
    }


def custom_facts(benefit: Any) -> list[tuple[Any, Any]]:
    """What a promise is, how, until when and by whom it is kept."""
    told = benefit.settings
    days = benefit.deadline_days or get_numbers().late_after_days
    return [
        (_("Promise"), told.get("promise", "")),
        (_("Delivery way"), told.get("delivery", "")),
        (_("Deadline"), _("%(n)d days after issue") % {"n": days}),
        (_("Who sees to it"), told.get("owner", "")),
        (_("What shows that it was kept"), told.get("evidence", "")),
    ]
