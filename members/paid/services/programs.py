"""Programs of a store: begun under an open nomination, configured only after an approved pack, closed by the owner."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.clock import local_day
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.states import transition
from backoffice.kernel.tenancy.choices import StoreStatus
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.choices import OPEN_REVIEWS, PROGRAM_TABLE, REVIEW_TABLE, ProgramStatus, ReviewStatus
from members.paid.models import Benefit, BenefitPack, Decoration, EntryPlacement, PackReach, PaidProgram
from members.paid.services.entering import CONFIGURE, enter_program, going, require_open_nomination, said
from members.paid.services.issue import bring_forward
from members.paid.services.rights import PaidRefused, require_in_store

CLOSE = "paid.close_program"
LONGEST_NAME = 60
MOST_RANK = 99
LONGEST_TERMS = 20_000
FIRST_FEE = Decimal("99.00")


@in_transaction
def create_program(*, store: Store, name: str, rank: int, by: User | None, now: datetime) -> PaidProgram:
    """A program to draft a pack for, with the first version of the pack. Needs an open invitation or nomination."""
    require_in_store(by, CONFIGURE, store.pk)
    require_no_bar(store.pk)
    if store.status != StoreStatus.OPEN:
        raise PaidRefused(_("The store is closed."), code="store_closed")
    nomination = require_open_nomination(store.pk)
    name = _name(name)
    _check_rank(rank)
    with _one_of_a_kind():
        program = PaidProgram.objects.create(store=store, nomination=nomination, name=name, rank=rank, created_by=by, created_at=now)
    pack = BenefitPack.objects.create(program=program, card_fee=FIRST_FEE, created_at=now)
    record_event("program.created", target=program, store=store, by=by, now=now, name=name, rank=rank)
    record_event("pack.drafted", target=pack, store=store, by=by, now=now, program=program.pk, version=pack.version)
    return program


@in_transaction
def configure_program(*, program: PaidProgram, name: str, rank: int, stock_limit: int | None, terms_text: str, by: User | None, now: datetime) -> PaidProgram:
    """Name, rank, stock and terms of a program whose pack was approved; ``stock_limit`` None: as many as are wanted.

    Raises ``PaidRefused``: ``pack_not_approved``, ``name_taken``, ``rank_taken``, ``stock_below_sold``, ``terms_missing`` and bad fields.
    """
    stored = enter_program(program, by=by)
    if stored.pack_id is None or stored.status not in (ProgramStatus.CONFIGURING, ProgramStatus.LIVE):
        raise PaidRefused(_("Member operations has not approved the benefit pack yet. A program is configured only after that."), code="pack_not_approved")
    name, terms_text = _name(name), terms_text.strip()
    _check_rank(rank)
    if not terms_text:
        raise PaidRefused(_("Write the terms that members agree to."), code="terms_missing", field="terms_text")
    if len(terms_text) > LONGEST_TERMS:
        raise PaidRefused(_("At most %(count)d characters, please.") % {"count": LONGEST_TERMS}, code="too_long", field="terms_text")
    if stock_limit is not None and not 0 < stock_limit < 2**31:
        raise PaidRefused(_("A stock is at least one; empty means as many as are wanted."), code="stock_invalid", field="stock_limit")
    if stock_limit is not None and stock_limit < stored.sold_count:
        sentence = _("%(count)d are sold or waiting for payment already.") % {"count": stored.sold_count}
        raise PaidRefused(sentence, code="stock_below_sold", field="stock_limit")
    changes = {"name": name, "rank": rank, "stock_limit": stock_limit, "terms_text": terms_text}
    before = {field: getattr(stored, field) for field in changes}
    changed = [field for field, value in changes.items() if before[field] != value]
    if not changed:
        return stored
    with _one_of_a_kind():
        PaidProgram.objects.filter(pk=stored.pk).update(**changes)
    for field, value in changes.items():
        setattr(stored, field, value)
    told = {field: [before[field], changes[field]] for field in changed if field != "terms_text"}
    record_event("program.changed", target=stored, store=stored.store_id, by=by, now=now, changes=told, terms_changed="terms_text" in changed)
    return stored


@in_transaction
def close_program(*, program: PaidProgram, reason: str, by: User | None, now: datetime) -> PaidProgram:
    """No more sales and no exposure. Who bought keeps the benefits to the end of the term; what was being drafted is taken back."""
    require_in_store(by, CLOSE, program.store_id)
    reason = said(reason)
    stored = going(program)
    versions = [*BenefitPack.objects.filter(program=stored, status__in=OPEN_REVIEWS), *Decoration.objects.filter(program=stored, status__in=OPEN_REVIEWS)]
    for version in versions:
        if version.status == ReviewStatus.IN_REVIEW:
            transition(version, ReviewStatus.DRAFT, table=REVIEW_TABLE)
        transition(version, ReviewStatus.WITHDRAWN, table=REVIEW_TABLE)
    transition(stored, ProgramStatus.CLOSED, table=PROGRAM_TABLE, ended_at=now)
    record_event("program.closed", target=stored, store=stored.store_id, by=by, now=now, reason=reason)
    return stored


@in_transaction
def place_live_card(*, store: Store, placed: bool, by: User | None, now: datetime) -> EntryPlacement:
    """Say whether the store has the live-card module in its shop: only then LIVE_CARD shows anything."""
    require_in_store(by, CONFIGURE, store.pk)
    require_no_bar(store.pk)
    EntryPlacement.objects.bulk_create([EntryPlacement(store=store, changed_at=now)], ignore_conflicts=True)
    row = EntryPlacement.objects.select_for_update().get(store=store)
    if row.live_card_placed == placed:
        return row
    EntryPlacement.objects.filter(pk=row.pk).update(live_card_placed=placed, changed_by=by, changed_at=now)
    row.refresh_from_db()
    record_event("placement.changed", target=row, store=store, by=by, now=now, placed=placed)
    return row


@in_transaction
def set_benefit_switch(*, benefit: Benefit, on: bool, by: User | None, now: datetime) -> Benefit:
    """Switch a benefit off (never shown nor sold any more; who bought before keeps it) or on again. No new version, no review: it only shows less."""
    enter_program(benefit.pack.program, by=by)
    stored = Benefit.objects.select_for_update().filter(pk=benefit.pk).first()
    if stored is None:
        raise NotFound(_("There is no such row."))
    if (stored.disabled_at is None) == on:
        return stored
    stored.disabled_at = None if on else now
    stored.save(update_fields=["disabled_at"])
    if on:  # who bought while it was off receives it from today on
        bring_forward(list(PackReach.objects.filter(benefit=stored).order_by("pack_id").values_list("pack_id", flat=True)), local_day(now))
    record_event("benefit.switched", target=stored, store=benefit.pack.program.store_id, by=by, now=now, key=stored.key, on=on)
    return stored


def _name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise PaidRefused(_("A program needs a name."), code="name_missing", field="name")
    if len(name) > LONGEST_NAME:
        raise PaidRefused(_("At most %(count)d characters, please.") % {"count": LONGEST_NAME}, code="too_long", field="name")
    return name


def _check_rank(rank: int) -> None:
    if not 1 <= rank <= MOST_RANK:
        raise PaidRefused(_("A rank is between 1 and %(most)d.") % {"most": MOST_RANK}, code="rank_invalid", field="rank")


@contextmanager
def _one_of_a_kind() -> Iterator[None]:
    """Name and rank are a store's own once: the database's answer as a sentence."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        constraint = getattr(getattr(error.__cause__, "diag", None), "constraint_name", "")
        if constraint == "program_name_once_a_store":
            raise PaidRefused(_("The store has a program of this name already."), code="name_taken", field="name") from error
        if constraint == "program_rank_once_a_store":
            raise PaidRefused(_("Another program of the store has this rank. No two are equal."), code="rank_taken", field="rank") from error
        raise
