"""The credit ledger: accounts, lots, and the append-only entries that are the truth."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Least, Now
from django.db.models.lookups import GreaterThan, GreaterThanOrEqual
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import ZERO, MoneyField
from backoffice.kernel.tenancy.models import Store
from members.choices import EntryKind
from members.models.members import Member

# Run for each REFUND entry before it is written. The entry that is given back is locked, so that two refunds of it queue even where a writer
# forgot the account's lock; the sum is read by a later statement and sees the other one. Rows of the same INSERT that came before are seen too.
REFUND_WITHIN_TAKEN = """
    SELECT e.store_id, e.account_id, e.order_no, e.line_no,
           CASE e.kind WHEN 'SPEND' THEN -e.principal_amount WHEN 'CAPTURE' THEN e.captured_principal END AS principal,
           CASE e.kind WHEN 'SPEND' THEN -e.bonus_amount WHEN 'CAPTURE' THEN e.captured_bonus END AS bonus
    INTO v_taken FROM members_creditentry e WHERE e.id = NEW.refund_of_id FOR NO KEY UPDATE;
    SELECT coalesce(sum(e.principal_amount), 0) AS principal, coalesce(sum(e.bonus_amount), 0) AS bonus
    INTO v_given FROM members_creditentry e WHERE e.refund_of_id = NEW.refund_of_id;
    IF v_taken.principal IS NULL
       OR v_given.principal + NEW.principal_amount > v_taken.principal OR v_given.bonus + NEW.bonus_amount > v_taken.bonus THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_entry_refund_within_taken', TABLE = 'members_creditentry',
            MESSAGE = 'credit_entry_refund_within_taken: more would be given back than entry ' || NEW.refund_of_id || ' took';
    END IF;
    IF (v_taken.store_id, v_taken.account_id, v_taken.order_no) IS DISTINCT FROM (NEW.store_id, NEW.account_id, NEW.order_no)
       OR v_taken.line_no IS DISTINCT FROM NEW.line_no
       OR NOT EXISTS (SELECT FROM members_creditlot l WHERE l.id = NEW.lot_id AND l.account_id = NEW.account_id AND l.store_id = NEW.store_id) THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'credit_entry_refund_of_same_order', TABLE = 'members_creditentry',
            MESSAGE = 'credit_entry_refund_of_same_order: a refund of entry ' || NEW.refund_of_id || ' names another account, lot or order';
    END IF;
    RETURN NEW;
"""


class CreditAccount(models.Model):
    """A member's store credit. ``balance`` is a checked cache of what is left in the lots and not held; ``held`` is told beside it.

    A lapsed lot that no job has swept yet still counts in ``balance``; what can be spent now is asked from the lots.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_accounts", verbose_name=_("store"), db_index=False)
    member = models.OneToOneField(Member, models.PROTECT, related_name="credit_account", verbose_name=_("member"))
    balance = MoneyField(_("balance"), default=0)
    held = MoneyField(_("held"), default=0)
    # What indexes ask. It changes only when the last fen goes or the first comes, so that a spend leaves the indexes alone (HOT, ADR 0031).
    has_balance = models.GeneratedField(
        expression=models.Q(balance__gt=0),  # type: ignore[arg-type]  # the stubs do not know that a condition is one
        output_field=models.BooleanField(),
        db_persist=True,
        editable=False,
    )
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("credit account")
        verbose_name_plural = _("credit accounts")
        constraints: ClassVar[list[Any]] = [
            # One comparison: the server reads the text of a constraint anew for each statement that writes (ADR 0031).
            models.CheckConstraint(name="credit_account_not_below_zero", condition=GreaterThanOrEqual(Least("balance", "held"), ZERO)),
        ]
        indexes: ClassVar[list[Any]] = [
            # "who has credit in this store" of the reminder decision and of the account list
            models.Index(fields=["store", "member"], condition=models.Q(has_balance=True), name="credit_account_with_balance"),
            models.Index(fields=["store", "-id"], name="credit_account_newest"),
        ]

    def __str__(self) -> str:
        return self.member.member_no


class CreditLot(models.Model):
    """One top-up: principal (paid) and bonus (gifted), what is left of each, and when it lapses.

    ``expires_at`` is the instant from which it can no longer be spent; empty means never. ``source_no`` is unique in the store.
    ``principal_left`` and ``bonus_left`` are checked caches of the lot's entries.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_lots", verbose_name=_("store"), db_index=False)
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="lots", verbose_name=_("credit account"), db_index=False)
    source_no = models.CharField(_("top-up number"), max_length=64)
    principal_amount = MoneyField(_("principal"))
    bonus_amount = MoneyField(_("bonus"), default=0)
    principal_left = MoneyField(_("principal left"))
    bonus_left = MoneyField(_("bonus left"))
    # As an account's has_balance.
    has_left = models.GeneratedField(
        expression=models.Q(principal_left__gt=0) | models.Q(bonus_left__gt=0),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
        editable=False,
    )
    opened_at = models.DateTimeField(_("topped up"))
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    # The top-up behind a lot that a refund or a released hold opened: together they never pay back more than was paid for it.
    origin = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="descendants", verbose_name=_("opened in place of"), db_index=False
    )
    # A refund after the lapse gave it some days more: that happens once.
    extended_at = models.DateTimeField(_("extended"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("credit lot")
        verbose_name_plural = _("credit lots")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "source_no"], name="credit_lot_source_once_a_store"),
            # Nothing left is below zero or above what was topped up (so no amount is below zero either), it was opened with something, and it
            # expires after that (empty passes: a comparison with it is unknown).
            models.CheckConstraint(
                name="credit_lot_is_sound",
                condition=models.Q(
                    GreaterThanOrEqual(
                        Least(
                            "principal_left",
                            "bonus_left",
                            models.F("principal_amount") - models.F("principal_left"),
                            models.F("bonus_amount") - models.F("bonus_left"),
                        ),
                        ZERO,
                    ),
                    GreaterThan(models.F("principal_amount") + models.F("bonus_amount"), ZERO),
                    expires_at__gt=models.F("opened_at"),
                ),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # spending order: soonest expiry first (empty last, as PostgreSQL sorts it), then opened, then id
            models.Index(
                fields=["account", "expires_at", "opened_at", "id"],
                condition=models.Q(has_left=True),
                name="credit_lot_spending_order",
            ),
            models.Index(fields=["account"], name="credit_lot_of_account"),
            models.Index(fields=["store", "-id"], name="credit_lot_newest_of_store"),
            models.Index(fields=["origin"], condition=models.Q(origin__isnull=False), name="credit_lot_descendants"),
            # what has lapsed and is to be swept
            models.Index(
                fields=["expires_at", "account"],
                condition=models.Q(expires_at__isnull=False, has_left=True),
                name="credit_lot_to_sweep",
            ),
        ]

    def __str__(self) -> str:
        return self.source_no


class CreditEntry(models.Model):
    """The append-only truth: one movement of one lot. The database refuses to change or delete a row.

    ``principal_amount`` and ``bonus_amount`` are signed yuan (plus: into the lot). One call to a service writes ``seq`` 1, 2, ... under one
    ``idempotency_key``; ``body_hash`` on each tells whether a repeated key came with the same request.
    ``balance_after`` is the account's balance after this entry.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="credit_entries", verbose_name=_("store"), db_index=False, db_constraint=False)
    account = models.ForeignKey(CreditAccount, models.PROTECT, related_name="entries", verbose_name=_("credit account"), db_index=False, db_constraint=False)
    lot = models.ForeignKey(CreditLot, models.PROTECT, related_name="entries", verbose_name=_("credit lot"), db_constraint=False, db_index=False)
    kind = models.CharField(_("kind"), max_length=16, choices=EntryKind.choices)
    principal_amount = MoneyField(_("principal"))
    bonus_amount = MoneyField(_("bonus"))
    balance_after = MoneyField(_("balance after"))
    idempotency_key = models.CharField(_("idempotency key"), max_length=128)
    seq = models.SmallIntegerField(_("part"), default=1)
    body_hash = models.BinaryField(max_length=32)
    order_no = models.CharField(_("order number"), max_length=64, blank=True, default="")
    line_no = models.IntegerField(_("line"), null=True, blank=True)
    # HOLD, CAPTURE, RELEASE: the hold. CAPTURE moves nothing (the HOLD took it) and tells here what it made final.
    hold = models.ForeignKey(
        "CreditHold", models.PROTECT, null=True, blank=True, related_name="entries", verbose_name=_("credit hold"), db_constraint=False, db_index=False
    )
    captured_principal = MoneyField(_("captured principal"), null=True, blank=True)
    captured_bonus = MoneyField(_("captured bonus"), null=True, blank=True)
    # REFUND: the SPEND or CAPTURE entry that it gives back. A trigger refuses more than that entry took.
    refund_of = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="given_back", verbose_name=_("gives back"), db_constraint=False, db_index=False
    )
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("by"), db_constraint=False, db_index=False
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")
    happened_at = models.DateTimeField(_("happened"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("credit entry")
        verbose_name_plural = _("credit entries")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "idempotency_key", "seq"], name="credit_entry_once_per_key"),
            # What its columns must say to each other: members/sql/credit_entry_is_sound_1.sql.
            models.CheckConstraint(
                name="credit_entry_is_sound",
                condition=models.Func(
                    "kind",
                    "principal_amount",
                    "bonus_amount",
                    "balance_after",
                    "seq",
                    "line_no",
                    "captured_principal",
                    "captured_bonus",
                    "hold",
                    "refund_of",
                    function="members_credit_entry_is_sound",
                    output_field=models.BooleanField(),
                ),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["account", "id"], name="credit_entry_of_account"),
            models.Index(fields=["store", "-id"], name="credit_entry_newest_of_store"),
            models.Index(fields=["refund_of"], condition=models.Q(refund_of__isnull=False), name="credit_entry_refunds_of"),
            models.Index(fields=["hold"], condition=models.Q(hold__isnull=False), name="credit_entry_of_hold"),
            # what an order took, to give it back
            models.Index(fields=["store", "order_no"], condition=models.Q(kind__in=["SPEND", "CAPTURE"]), name="credit_entry_of_order"),
        ]
        triggers: ClassVar[list[Any]] = [
            pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            pgtrigger.Trigger(
                name="refund_within_taken",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__kind="REFUND", new__refund_of__isnull=False),
                declare=[("v_taken", "record"), ("v_given", "record")],
                func=REFUND_WITHIN_TAKEN,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.principal_amount + self.bonus_amount:,.2f}"
