"""What changed from one version of a pack to the next, benefit by benefit: for who reviews it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import format_yuan
from members.paid.benefits import describe
from members.paid.choices import IssueExpiry, ReviewStatus, TermUnit
from members.paid.models import Benefit, BenefitPack

SAME, NEW, CHANGED, GONE = "same", "new", "changed", "gone"


@dataclass(frozen=True)
class Change:
    """One thing that is not what it was."""

    label: Any
    before: str
    after: str


@dataclass(frozen=True)
class BenefitLine:
    """One benefit of the new version, or one that is gone from it. ``state``: SAME, NEW, CHANGED or GONE."""

    benefit: Benefit
    state: str
    changes: Sequence[Change] = ()


@dataclass(frozen=True)
class PackChanges:
    """``previous`` None: this is the first version, everything is new and nothing is marked."""

    previous: BenefitPack | None
    changes: Sequence[Change]
    lines: Sequence[BenefitLine]

    @property
    def is_any(self) -> bool:
        return bool(self.changes) or any(line.state != SAME for line in self.lines)


def term_text(pack: BenefitPack) -> str:
    """``1 year``, ``30 days`` as people read them."""
    if pack.term_unit == TermUnit.DAYS:
        return str(_("%(n)d days") % {"n": pack.term_days or 0})
    return str(TermUnit(pack.term_unit).label)


def get_previous(pack: BenefitPack) -> BenefitPack | None:
    """The newest approved version before this one; before the first approval the version before, whatever became of it."""
    older = BenefitPack.objects.filter(program=pack.program_id, version__lt=pack.version).order_by("-version")
    return older.filter(status=ReviewStatus.APPROVED).first() or older.first()


def compare_packs(pack: BenefitPack) -> PackChanges:
    """Five queries at most."""
    previous = get_previous(pack)
    benefits = list(pack.benefits.prefetch_related("pictures"))
    if previous is None:
        return PackChanges(None, (), [BenefitLine(benefit, SAME) for benefit in benefits])
    before = {benefit.key: benefit for benefit in previous.benefits.prefetch_related("pictures")}
    lines = [_line(before.get(benefit.key), benefit) for benefit in benefits]
    keys = {benefit.key for benefit in benefits}
    gone = [BenefitLine(benefit, GONE) for key, benefit in before.items() if key not in keys]
    changes = [
        Change(label, old, new)
        for label, old, new in (
            (_("Card fee"), format_yuan(previous.card_fee), format_yuan(pack.card_fee)),
            (_("Term"), term_text(previous), term_text(pack)),
            (_("What ordinary members do not get"), previous.difference, pack.difference),
        )
        if old != new
    ]
    return PackChanges(previous, changes, [*lines, *gone])


def _line(old: Benefit | None, new: Benefit) -> BenefitLine:
    if old is None:
        return BenefitLine(new, NEW)
    changes = [Change(label, before, after) for (label, before), (_label, after) in zip(_told(old), _told(new), strict=True) if before != after]
    if not changes and old.settings != new.settings:
        changes = [Change(_("Settings"), _plain(old.settings), _plain(new.settings))]
    return BenefitLine(new, CHANGED if changes else SAME, changes)


def _told(benefit: Benefit) -> list[tuple[Any, str]]:
    return [
        (_("Title"), benefit.title),
        (_("Kind"), str(benefit.get_kind_display())),
        (_("What and when"), describe(benefit)),
        (_("Description"), benefit.description),
        (_("Expires"), expiry_text(benefit)),
        (_("Worth to the member"), format_yuan(benefit.value_amount)),
        (_("Cost to the store"), format_yuan(benefit.cost_amount)),
        (_("Days to keep the promise"), str(benefit.deadline_days or "")),
        (_("List of coupon codes"), benefit.code_pool),
        (_("Pictures"), ", ".join(str(picture.picture_id) for picture in benefit.pictures.all())),
    ]


def expiry_text(benefit: Benefit) -> str:
    if benefit.expiry == IssueExpiry.DAYS:
        return str(_("%(n)d days after issue") % {"n": benefit.expiry_days or 0})
    return str(IssueExpiry(benefit.expiry).label)


def _plain(settings: dict[str, Any]) -> str:
    return " · ".join(f"{name}: {value}" for name, value in sorted(settings.items()))
