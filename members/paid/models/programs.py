"""How a store comes to paid membership, and its programs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store
from members.paid.choices import LIVE_NOMINATIONS, NUMBERS, NominationStatus, NominationWay, ProgramStatus


class Nomination(models.Model):
    """A store's way into paid membership: invited by member operations, or nominated by industry operations, at the merchant's wish or not.

    At most one row of a store is proposed or open. A store with an open row may draft programs; without one it cannot begin.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="nominations", verbose_name=_("store"))
    way = models.CharField(_("way"), max_length=16, choices=NominationWay.choices)
    status = models.CharField(_("status"), max_length=16, choices=NominationStatus.choices)
    reason = models.CharField(_("reason"), max_length=500, help_text=_("Why this store: what speaks for its paid membership."))
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("proposed by"))
    proposed_at = models.DateTimeField(_("proposed"), null=True, blank=True)
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("opened by"))
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("ended by"))
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)
    end_reason = models.CharField(_("why it ended"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("nomination")
        verbose_name_plural = _("nominations")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store"], condition=models.Q(status__in=LIVE_NOMINATIONS), name="nomination_one_live_a_store"),
            models.CheckConstraint(name="nomination_open_has_time", condition=~models.Q(status=NominationStatus.OPEN) | models.Q(opened_at__isnull=False)),
            models.CheckConstraint(
                name="nomination_ended_has_time",
                condition=models.Q(status__in=LIVE_NOMINATIONS, ended_at__isnull=True)
                | (~models.Q(status__in=LIVE_NOMINATIONS) & models.Q(ended_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.store} · {self.get_way_display()}"


class PaidProgram(models.Model):
    """A plan that a store sells: name, stock and terms of its own; fee, term and benefits are those of its approved pack version.

    ``rank`` orders a store's plans: a higher one may replace a lower one, never the other way round. ``pack`` and ``decoration`` are the approved
    versions in force; a program is LIVE only with both. ``sold_count`` counts places taken of the stock: waiting for payment and paid, less given back.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="paid_programs", verbose_name=_("store"), db_index=False)
    nomination = models.ForeignKey(Nomination, models.PROTECT, related_name="programs", verbose_name=_("nomination"))
    name = models.CharField(_("plan name"), max_length=60)
    rank = models.PositiveSmallIntegerField(
        _("rank"), default=1, validators=[MinValueValidator(1)], help_text=_("Of two plans the one with more is the higher.")
    )
    status = models.CharField(_("status"), max_length=16, choices=ProgramStatus.choices, default=ProgramStatus.DRAFT)
    stock_limit = models.PositiveIntegerField(_("stock"), null=True, blank=True, help_text=_("How many can be sold; empty: as many as are wanted."))
    sold_count = models.PositiveIntegerField(_("places taken"), default=0)
    terms_text = models.TextField(_("terms"), blank=True, default="")
    pack = models.ForeignKey("paid.BenefitPack", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("pack in force"))
    decoration = models.ForeignKey("paid.Decoration", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("decoration in force"))
    live_at = models.DateTimeField(_("live since"), null=True, blank=True)
    ended_at = models.DateTimeField(_("closed or revoked"), null=True, blank=True)
    status_before = models.CharField(_("status before revoking"), max_length=16, choices=ProgramStatus.choices, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("paid program")
        verbose_name_plural = _("paid programs")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "name"], name="program_name_once_a_store"),
            models.UniqueConstraint(fields=["store", "rank"], condition=~models.Q(status__in=["CLOSED", "REVOKED"]), name="program_rank_once_a_store"),
            models.CheckConstraint(
                name="program_stock_is_kept", condition=models.Q(stock_limit__isnull=True) | models.Q(sold_count__lte=models.F("stock_limit"))
            ),
            models.CheckConstraint(name="program_configured_has_pack", condition=~models.Q(status__in=["CONFIGURING", "LIVE"]) | models.Q(pack__isnull=False)),
            models.CheckConstraint(
                name="program_live_is_decorated", condition=~models.Q(status="LIVE") | models.Q(decoration__isnull=False, live_at__isnull=False)
            ),
            models.CheckConstraint(
                name="program_ended_has_time",
                condition=models.Q(status__in=["CLOSED", "REVOKED"], ended_at__isnull=False)
                | (~models.Q(status__in=["CLOSED", "REVOKED"]) & models.Q(ended_at__isnull=True)),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            # What an entry point asks: the highest live program of a store.
            models.Index(fields=["store", "-rank"], condition=models.Q(status="LIVE"), name="program_live_of_store"),
        ]

    def __str__(self) -> str:
        return self.name


class EntryPlacement(models.Model):
    """Whether a store has placed the live-card module in its shop: without it the LIVE_CARD entry shows nothing. No row: not placed."""

    scope_path = "store"

    store = models.OneToOneField(Store, models.PROTECT, primary_key=True, related_name="entry_placement", verbose_name=_("store"))
    live_card_placed = models.BooleanField(_("live-card module placed"), default=False)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("placement of the live card")
        verbose_name_plural = _("placements of the live card")

    def __str__(self) -> str:
        return str(self.store)


class PaidNumber(models.Model):
    """One business number that somebody changed; without a row the default of ``choices.NUMBERS`` holds."""

    code = models.CharField(_("code"), max_length=32, unique=True, choices=[(code, number.meaning) for code, number in NUMBERS.items()])
    value = models.PositiveIntegerField(_("value"))
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("number of paid membership")
        verbose_name_plural = _("numbers of paid membership")

    def __str__(self) -> str:
        return f"{self.get_code_display()}: {self.value}"
