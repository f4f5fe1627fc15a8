"""What a purchase would do for a member: open, renew, take a lower plan's place, or be refused. One answer for the services and for who asks first."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import F
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.clock import local_day
from backoffice.kernel.money import ZERO
from members.choices import MemberStatus
from members.models import Member
from members.paid.choices import MONTHS_OF_UNIT, MembershipStatus, ProgramStatus, TermUnit
from members.paid.models import BenefitPack, PaidMembership, PaidProgram
from members.paid.selectors.refunds import replaced_quote
from members.paid.selectors.validity import dates_of, get_last_term, list_open_terms
from members.paid.terms import is_whole, term_end


@dataclass(frozen=True)
class Standing:
    """Where the term of a purchase would begin. ``follows``: the term that still holds and that it renews. ``replaces``: terms of lower plans, which end.

    ``refusal`` is the stable code of why not, with its ``sentence``; empty: it can be bought.
    """

    starts_on: date
    anchor_on: date
    months_before: int = 0
    follows: PaidMembership | None = None
    replaces: list[PaidMembership] = field(default_factory=list)
    refusal: str = ""
    sentence: Any = ""

    @property
    def follows_on(self) -> bool:
        return self.follows is not None

    def end_of(self, pack: BenefitPack) -> date:
        return term_end(self.anchor_on, self.months_before, self.starts_on, pack.term_unit, pack.term_days)


def find_standing(*, member_id: int, program: PaidProgram, day: date, renewal: bool, sold: bool = False) -> Standing:
    """What buying (or renewing) ``program`` on the local ``day`` does. ``sold``: the order was taken before, so that a closed program still keeps it.

    Inside a purchase the caller holds the locks of the member and the program.
    """
    if program.status != ProgramStatus.LIVE and not sold:
        return _no(day, "program_not_live", _("“%(program)s” is not on sale.") % {"program": program.name})
    held = list_open_terms(member_id, day)
    ended = PaidMembership.objects.filter(member_id=member_id, status__in=(MembershipStatus.CANCELLED, MembershipStatus.REPLACED), ends_on__gt=day)
    if ended.filter(starts_on__lt=F("ends_on")).exists():
        return _no(day, "term_overlaps", _("This payment lies in a term that was ended since: it cannot begin another one on that day."))
    if renewal:
        return _renewal(member_id, program, day, held)
    same = [term for term in held if term.program_id == program.pk]
    if same:
        until = {"program": program.name, "day": same[-1].ends_on}
        return _no(day, "held_already", _("The member holds “%(program)s” until %(day)s: renew it instead.") % until)
    higher = next((term for term in held if term.program.rank >= program.rank), None)
    if higher is not None:
        facts = {"program": higher.program.name, "day": higher.ends_on}
        return _no(day, "lower_plan", _("The member holds the higher plan “%(program)s” until %(day)s.") % facts)
    return Standing(day, day, replaces=held)


def _renewal(member_id: int, program: PaidProgram, day: date, held: list[PaidMembership]) -> Standing:
    other = next((term for term in held if term.program_id != program.pk), None)
    if other is not None:
        return _no(day, "other_plan", _("The member holds “%(program)s”: only that plan can be renewed.") % {"program": other.program.name})
    last = held[-1] if held else get_last_term(member_id, program.pk)
    if last is None:
        return _no(day, "nothing_to_renew", _("The member never held “%(program)s”, or cancelled it: it is bought, not renewed.") % {"program": program.name})
    if not held:
        return Standing(day, day)
    dates = dates_of(last)
    whole = is_whole(anchor=dates.anchor_on, months_before=last.months_before, ends_on=dates.ends_on, unit=last.pack.term_unit)
    if not whole or (program.pack is not None and program.pack.term_unit == TermUnit.DAYS):
        # A term of days begins its own count of months, and so does what follows one that a file gave another end.
        return Standing(dates.ends_on, dates.ends_on, follows=last)
    return Standing(dates.ends_on, dates.anchor_on, last.months_before + MONTHS_OF_UNIT[TermUnit(last.pack.term_unit)], follows=last)


def _no(day: date, code: str, sentence: Any) -> Standing:
    return Standing(day, day, refusal=code, sentence=sentence)


@dataclass(frozen=True)
class Quote:
    """What a purchase today would do and cost. ``action``: OPEN, RENEW, UPGRADE or REFUSED with ``code`` and ``sentence``. ``paid_back``: of replaced terms."""

    action: str
    price: Decimal
    starts_on: date | None = None
    ends_on: date | None = None
    paid_back: Decimal = ZERO
    code: str = ""
    sentence: Any = ""


def quote(*, member: Member, program: PaidProgram, now: datetime, renewal: bool = False) -> Quote:
    """What ``buy`` (or ``renew``) would do now; nothing is kept for the member by asking."""
    if program.pack is None:
        return Quote("REFUSED", ZERO, code="program_not_live", sentence=_("“%(program)s” is not on sale.") % {"program": program.name})
    price = program.pack.card_fee
    if member.status != MemberStatus.ACTIVE:
        return Quote("REFUSED", price, code="join_first", sentence=_("Only an active member of the store can buy paid membership: join first."))
    standing = find_standing(member_id=member.pk, program=program, day=local_day(now), renewal=renewal)
    if standing.refusal:
        return Quote("REFUSED", price, code=standing.refusal, sentence=standing.sentence)
    if not standing.follows_on and program.stock_limit is not None and program.sold_count >= program.stock_limit:
        return Quote("REFUSED", price, code="sold_out", sentence=_("“%(program)s” is sold out.") % {"program": program.name})
    paid_back = sum((replaced_quote(term, now).amount for term in standing.replaces), ZERO)
    action = "UPGRADE" if standing.replaces else "RENEW" if standing.follows_on else "OPEN"
    return Quote(action, price, standing.starts_on, standing.end_of(program.pack), paid_back)
