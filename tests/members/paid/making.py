"""Rows of paid membership for tests, as the services would leave them. Dates are local days; ``NOW`` is a quiet noon."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from backoffice.kernel.tenancy.models import Store
from members.models import Member
from members.paid.models import Benefit, BenefitPack, Decoration, EntryPlacement, Nomination, PackReach, PaidMembership, PaidProgram
from members.paid.terms import term_end

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
TODAY = NOW.date()


def make_nomination(store: Store, **given: Any) -> Nomination:
    return Nomination.objects.create(**{"store": store, "way": "INVITATION", "status": "OPEN", "reason": "Loyal buyers", "opened_at": NOW} | given)


def make_benefit(pack: BenefitPack, key: str = "gift", **given: Any) -> Benefit:
    """A productised benefit issued at once, unless told otherwise. The pack must still be a draft."""
    rest = {"kind": "OPENING_GIFT", "title": key.title(), "schedule": "AT_ONCE", "settings": {"gift": key.title()}, "position": pack.benefits.count()}
    return Benefit.objects.create(pack=pack, key=key, **rest | given)


def make_program(store: Store, *, benefits: dict[str, dict[str, Any]] | None = None, status: str = "LIVE", by: Any = None, **given: Any) -> PaidProgram:
    """A program with one pack version. ``benefits``: settings by key (default: an opening gift ``gift`` and a monthly coupon ``coupon``).

    ``status`` LIVE: pack and decoration approved (by ``by``, who must be a user), exposed. DRAFT: nothing ruled on yet.
    ``fee``, ``unit``, ``days`` describe the pack, everything else the program.
    """
    fee, unit, days = given.pop("fee", Decimal("99.00")), given.pop("unit", "YEAR"), given.pop("days", None)
    nomination = Nomination.objects.filter(store=store, status="OPEN").first() or make_nomination(store)
    rest = {
        "name": f"Plan {PaidProgram.objects.filter(store=store).count() + 1}",
        "rank": PaidProgram.objects.filter(store=store).count() + 1,
        "created_at": NOW,
    }
    program = PaidProgram.objects.create(store=store, nomination=nomination, **rest | given)
    pack = BenefitPack.objects.create(program=program, card_fee=fee, term_unit=unit, term_days=days, difference="Ordinary members get neither.", created_at=NOW)
    for key, described in (benefits or {"gift": {}, "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY"}}).items():
        make_benefit(pack, key, **described)
    if status != "DRAFT":
        approve(program, pack, by=by)
    if status == "LIVE":
        decorate(program, list(pack.benefits.values_list("key", flat=True)), by=by)
    return program


def approve(program: PaidProgram, pack: BenefitPack, *, by: Any) -> None:
    """The pack as its approval leaves it: in force, reaching those who buy it."""
    BenefitPack.objects.filter(pk=pack.pk).update(status="APPROVED", submitted_at=NOW, decided_at=NOW, decided_by=by)
    PackReach.objects.bulk_create(PackReach(pack=pack, benefit=benefit) for benefit in pack.benefits.all())
    status = "CONFIGURING" if program.status == "DRAFT" else program.status
    PaidProgram.objects.filter(pk=program.pk).update(pack=pack, status=status)
    program.refresh_from_db()
    pack.refresh_from_db()


def decorate(program: PaidProgram, modules: list[str], *, by: Any) -> Decoration:
    """An approved decoration in this order; the program is live with it."""
    version = program.decorations.count() + 1
    decoration = Decoration.objects.create(
        program=program, version=version, modules=modules, status="APPROVED", submitted_at=NOW, decided_at=NOW, decided_by=by, created_at=NOW
    )
    PaidProgram.objects.filter(pk=program.pk).update(decoration=decoration, status="LIVE", live_at=NOW)
    program.refresh_from_db()
    return decoration


def place_live_card(store: Store) -> None:
    EntryPlacement.objects.update_or_create(store=store, defaults={"live_card_placed": True, "changed_at": NOW})


def make_membership(program: PaidProgram, member: Member, *, starts_on: date = TODAY, **given: Any) -> PaidMembership:
    """A paid term of the program's pack from ``starts_on``, nothing issued yet."""
    assert program.pack is not None
    ends_on = term_end(starts_on, 0, starts_on, program.pack.term_unit, program.pack.term_days)
    rest = {
        "order_no": f"P{PaidMembership.objects.count() + 1}",
        "source": "API",
        "status": "ACTIVE",
        "price": program.pack.card_fee,
        "created_at": NOW,
        "opened_at": NOW - (TODAY - starts_on) if starts_on <= TODAY else NOW,
        "anchor_on": starts_on,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "bought_until": ends_on,
        "next_issue_on": starts_on,
    }
    PaidProgram.objects.filter(pk=program.pk).update(sold_count=program.sold_count + 1)
    program.refresh_from_db(fields=["sold_count"])
    return PaidMembership.objects.create(store=program.store, member=member, program=program, pack=program.pack, **rest | given)
