"""People and the identities by which they are known across stores and channels."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Person(models.Model):
    """One human (OneID). Frequency caps count the person, so this row's id is what counters are keyed by.

    ``merged_into`` is kept for the merging of people: a loser stays as a tombstone that redirects.
    """

    merged_into = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("merged into"))
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")

    def __str__(self) -> str:
        return f"#{self.pk}"


class IdentityKind(models.Model):
    """A kind of identity as data: how strong it is as evidence and whether it may link people."""

    code = models.CharField(_("code"), max_length=32, primary_key=True)
    name = models.CharField(_("English name"), max_length=64)
    name_zh = models.CharField(_("Chinese name"), max_length=64)
    strength = models.PositiveSmallIntegerField(_("strength"), help_text=_("A higher figure is stronger evidence."))
    single_valued = models.BooleanField(_("one value a person"), default=False)
    is_unique = models.BooleanField(_("one person a value"), default=True)
    may_link = models.BooleanField(_("may link people"), default=True)

    class Meta:
        verbose_name = _("identity kind")
        verbose_name_plural = _("identity kinds")

    def __str__(self) -> str:
        return self.name


class Identity(models.Model):
    """One value of one kind that stands for one person from ``seen_at`` until ``ended_at``.

    The value is kept as keyed hash only (a phone that a store may show is on ``Member``), with a masked form for people.
    A live value of a kind belongs to one person: named constraint below.
    """

    kind = models.ForeignKey(IdentityKind, models.PROTECT, related_name="+", verbose_name=_("kind"), db_index=False, db_constraint=False)
    value_hash = models.BinaryField(_("keyed hash"), max_length=32)
    value_masked = models.CharField(_("value"), max_length=64, blank=True)
    person = models.ForeignKey(Person, models.PROTECT, related_name="identities", verbose_name=_("person"), db_constraint=False)
    seen_at = models.DateTimeField(_("first seen"), db_default=Now())
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("identity")
        verbose_name_plural = _("identities")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["kind", "value_hash"], condition=models.Q(ended_at__isnull=True), name="identity_live_value_is_one_person"),
        ]

    def __str__(self) -> str:
        return f"{self.kind_id} {self.value_masked}"


class IdentityLink(models.Model):
    """An edge: one identity was seen together with another, by which source and when first. The evidence kept for later merging.

    ``first`` has the smaller id of the two; a repeated sighting by the same source changes nothing.
    """

    first = models.ForeignKey(Identity, models.PROTECT, related_name="+", verbose_name=_("identity"), db_index=False)
    second = models.ForeignKey(Identity, models.PROTECT, related_name="+", verbose_name=_("seen with"))
    source = models.CharField(_("source"), max_length=64)
    seen_at = models.DateTimeField(_("first seen"))

    class Meta:
        verbose_name = _("identity link")
        verbose_name_plural = _("identity links")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["first", "second", "source"], name="identity_link_once_a_source"),
            models.CheckConstraint(name="identity_link_is_ordered", condition=models.Q(first__lt=models.F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} {self.second_id}"
