"""What the two entry points show of a store's paid membership, and what they would show with another order of modules.

LIVE_CARD (only where the store has placed the module) and MEMBER_CENTRE show the same: the top three benefits of the store's highest live program, in
the order of the decoration's modules, to people who are active members of the store, with the link to the sign-up page. Nothing at all otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Exists, OuterRef, TextChoices
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store
from backoffice.kernel.tenancy.selectors.bars import get_bar_of_store, not_barred
from members.choices import MemberStatus
from members.models import Member
from members.paid.choices import ProgramStatus
from members.paid.models import Benefit, BenefitPack, EntryPlacement, PaidProgram
from members.paid.selectors.packs import get_latest_pack

TOP = 3
# What of a program an entry point reads: the terms may be long.
_SHOWN = ("store_id", "name", "rank", "pack__card_fee", "pack__term_unit", "pack__term_days", "decoration__modules")


class Entry(TextChoices):
    LIVE_CARD = "LIVE_CARD", _("Live card")
    MEMBER_CENTRE = "MEMBER_CENTRE", _("Member centre")


@dataclass(frozen=True)
class EntryPoint:
    """What is shown: at most three benefits, the first module first."""

    program: PaidProgram
    benefits: tuple[Benefit, ...]
    sign_up_url: str


@dataclass(frozen=True)
class EntryPreview:
    """One entry point as it would look. ``hindrances`` says in sentences why members do not see it today; empty: they do."""

    entry: Entry
    program: PaidProgram
    benefits: tuple[Benefit, ...]
    hindrances: tuple[Any, ...]

    @property
    def is_exposed(self) -> bool:
        return not self.hindrances


def get_entry_point(store: Store, entry: str, member: Member | None, now: datetime) -> EntryPoint | None:
    """What the entry shows this member at ``now``; None: nothing. At most two queries, both by index."""
    if member is None or member.store_id != store.pk or member.status != MemberStatus.ACTIVE:
        return None
    shown = list_exposed(Entry(entry)).filter(store=store).select_related("decoration", "pack").only(*_SHOWN)
    program = shown.order_by("-rank").first()
    if program is None or program.decoration is None or program.pack_id is None:
        return None
    benefits = top_benefits(Benefit.objects.filter(pack_id=program.pack_id), program.decoration.modules, now)
    return EntryPoint(program, benefits, sign_up_url(store, program)) if benefits else None


def list_exposed(entry: Entry) -> Any:
    """The programs that an entry point may show: live, with an approved decoration, in an open store whose merchant is not barred."""
    programs = PaidProgram.objects.filter(
        not_barred("store__merchant"), status=ProgramStatus.LIVE, decoration__isnull=False, pack__isnull=False, store__status=StoreStatus.OPEN
    )
    if entry == Entry.LIVE_CARD:
        programs = programs.filter(Exists(EntryPlacement.objects.filter(store=OuterRef("store"), live_card_placed=True)))
    return programs


def in_module_order(benefits: Iterable[Benefit], modules: Sequence[str]) -> list[Benefit]:
    """Benefits by the place of their module; those without one follow in their own order."""
    place = {key: number for number, key in enumerate(modules)}
    return sorted(benefits, key=lambda benefit: (place.get(benefit.key, len(place)), benefit.position, benefit.pk))


def top_benefits(benefits: Iterable[Benefit], modules: Sequence[str], now: datetime) -> tuple[Benefit, ...]:
    """The first three that are not switched off: fewer where there are fewer."""
    shown = [benefit for benefit in benefits if benefit.disabled_at is None or benefit.disabled_at > now]
    return tuple(in_module_order(shown, modules)[:TOP])


def sign_up_url(store: Store, program: PaidProgram) -> str:
    """The page on which a member buys (setting ``PAID_SIGN_UP_URL``)."""
    address: str = settings.PAID_SIGN_UP_URL
    return address.replace("{store}", store.code).replace("{program}", str(program.pk))


def preview_entry_points(program: PaidProgram, modules: Sequence[str], now: datetime) -> list[EntryPreview]:
    """Both entry points with this order of modules, whatever the reviews say, from the pack in force (before there is one: the latest version)."""
    pack: BenefitPack | None = program.pack or get_latest_pack(program)
    benefits = top_benefits(pack.benefits.all() if pack else [], modules, now)
    hindrances = _hindrances(program)
    if not benefits:
        hindrances = (*hindrances, _("Every benefit is switched off. Switch one on."))
    placed = EntryPlacement.objects.filter(store=program.store_id, live_card_placed=True).exists()
    unplaced = () if placed else (_("The live-card module is not placed in the shop."),)
    return [
        EntryPreview(Entry.LIVE_CARD, program, benefits, (*hindrances, *unplaced)),
        EntryPreview(Entry.MEMBER_CENTRE, program, benefits, hindrances),
    ]


def _hindrances(program: PaidProgram) -> tuple[Any, ...]:
    """Why members of the store see nothing of this program."""
    found: list[Any] = []
    if get_bar_of_store(program.store_id) is not None:
        found.append(_("The merchant is barred after a proven complaint."))
    if program.store.status != StoreStatus.OPEN:
        found.append(_("The store is closed."))
    if program.status == ProgramStatus.DRAFT:
        found.append(_("The benefit pack is not approved yet."))
    elif program.status == ProgramStatus.CONFIGURING:
        found.append(_("No decoration is approved yet."))
    elif program.status in (ProgramStatus.CLOSED, ProgramStatus.REVOKED):
        found.append(_("The program has ended."))
    elif PaidProgram.objects.filter(store=program.store_id, status=ProgramStatus.LIVE, rank__gt=program.rank).exists():
        found.append(_("The store's higher plan is shown instead."))
    return tuple(found)
