"""The way in through the services, for tests that need a program as people make it: invited, drafted, reviewed, configured, decorated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from members.paid.models import Benefit, BenefitPack, PaidProgram
from members.paid.services.benefits import save_benefit
from members.paid.services.decorations import rule_on_decoration, set_modules, submit_decoration
from members.paid.services.nominations import invite_store
from members.paid.services.packs import draft_pack, rule_on_pack, set_pack, submit_pack
from members.paid.services.programs import configure_program, create_program
from tests.factories import make_merchant, make_store, make_user
from tests.members.paid.making import NOW

COMMON = {"value_amount": "10.00", "cost_amount": "4.00"}
WINDOW = {"activity_id": "A-1", "window_from": (NOW + timedelta(days=1)).isoformat(), "window_to": (NOW + timedelta(days=30)).isoformat()}
VALUES: dict[str, dict[str, Any]] = {
    "OPENING_GIFT": {"gift": "Tote bag", "quantity": "2"},
    "MONTHLY_COUPON": {"coupon_amount": "10", "threshold": "99", "expiry_days": "30"},
    "MONTHLY_GIFT": {"gift": "Record sleeve"},
    "EARLY_ACCESS": {**WINDOW, "hours_ahead": "24"},
    "STORE_DISCOUNT": {**WINDOW, "percent_off": "10"},
    "ITEM_DISCOUNT": {**WINDOW, "percent_off": "20", "items": "I-1, I-2\nI-3"},
    "CUSTOM": {
        "promise": "A birthday call",
        "delivery": "By phone",
        "owner": "Care team",
        "evidence": "A recording",
        "schedule": "EVERY_N_DAYS",
        "every_days": "90",
        "deadline_days": "5",
    },
}


def values_of_kind(kind: str, **given: Any) -> dict[str, Any]:
    return {"title": kind.title(), **COMMON, **VALUES[kind]} | given


@dataclass
class Shop:
    """A merchant's store with the people around it. Every step is the service that people use."""

    store: Store = field(default_factory=lambda: make_store(merchant=make_merchant()))
    owner: User = field(init=False)
    ops: User = field(init=False)
    industry: User = field(init=False)

    def __post_init__(self) -> None:
        self.owner = make_user(Role.MERCHANT_OWNER, merchant=self.store.merchant)
        self.ops = make_user(Role.PLATFORM_MEMBER_OPS)
        self.industry = make_user(Role.PLATFORM_INDUSTRY_OPS)

    @property
    def by(self) -> dict[str, Any]:
        return {"by": self.owner, "now": NOW}

    @property
    def by_ops(self) -> dict[str, Any]:
        return {"by": self.ops, "now": NOW}

    def invite(self) -> Shop:
        invite_store(store=self.store, reason="Loyal buyers", **self.by_ops)
        return self

    def program(self, name: str = "Club", rank: int = 1) -> PaidProgram:
        return create_program(store=self.store, name=name, rank=rank, **self.by)

    def add(self, program: PaidProgram, kind: str = "OPENING_GIFT", key: str = "", **given: Any) -> Benefit:
        pack = draft_pack(program=program, **self.by)
        return save_benefit(pack=pack, benefit=None, kind=kind, values=values_of_kind(kind, key=key, **given), **self.by)

    def drafted(self, program: PaidProgram | None = None) -> BenefitPack:
        """A complete draft: an opening gift ``a`` and monthly coupon ``b``."""
        program = program or self.program()
        self.add(program, "OPENING_GIFT", "a")
        self.add(program, "MONTHLY_COUPON", "b")
        return self.priced(program)

    def priced(self, program: PaidProgram) -> BenefitPack:
        pack = draft_pack(program=program, **self.by)
        return set_pack(pack=pack, card_fee=Decimal("99.00"), term_unit="YEAR", term_days=None, difference="Gift and coupons.", **self.by)

    def approve(self, pack: BenefitPack, *, now: Any = NOW) -> PaidProgram:
        submit_pack(pack=pack, by=self.owner, now=now)
        pack.refresh_from_db()
        rule_on_pack(pack=pack, ruling="APPROVED", by=self.ops, now=now)
        return PaidProgram.objects.get(pk=pack.program_id)

    def configure(self, program: PaidProgram, **given: Any) -> PaidProgram:
        values = {"name": program.name, "rank": program.rank, "stock_limit": None, "terms_text": "Terms."} | given
        return configure_program(program=program, **values, **self.by)

    def decorate(self, program: PaidProgram, modules: list[str]) -> PaidProgram:
        decoration = submit_decoration(decoration=set_modules(program=program, modules=modules, **self.by), **self.by)
        rule_on_decoration(decoration=decoration, ruling="APPROVED", **self.by_ops)
        return PaidProgram.objects.get(pk=program.pk)

    def live(self, modules: list[str] | None = None) -> PaidProgram:
        program = self.configure(self.approve(self.drafted()))
        return self.decorate(program, modules or ["a", "b"])
