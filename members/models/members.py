"""Members: the relation of a person and a store, with consent, status, level and tags."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.choices import Language
from backoffice.kernel.tenancy.models import Store
from members.choices import PHONE_REVEALS_A_DAY, ConsentSource, MemberStatus
from members.models.people import Person


class Level(models.Model):
    """A rung of a store's ladder, reached at ``threshold`` growth."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="levels", verbose_name=_("store"))
    name = models.CharField(_("level"), max_length=64)
    threshold = models.PositiveIntegerField(_("growth needed"))
    perks = models.TextField(_("perks"), blank=True)

    class Meta:
        verbose_name = _("level")
        verbose_name_plural = _("levels")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "name"], name="level_name_once_a_store"),
            models.UniqueConstraint(fields=["store", "threshold"], name="level_thresholds_rise_strictly"),
        ]

    def __str__(self) -> str:
        return self.name


class MemberQuerySet(models.QuerySet["Member"]):
    def active(self) -> MemberQuerySet:
        """Active members (有效会员): joined, not left, not frozen, not blacklisted, account not closed."""
        return self.filter(status=MemberStatus.ACTIVE)


class Member(models.Model):
    """A person in one store, found there by member number.

    The phone is what this store knows: ciphertext, keyed hash for look-up and a masked form for screens; the three are set or empty together.
    ``marketing_consent`` with ``consent_source`` FILE, CONSOLE or MEMBER is a recorded wish; STORE_DEFAULT is none.
    ``credit_cards_on`` is the member's own switch for the three credit cards, apart from marketing consent.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="members", verbose_name=_("store"), db_index=False)
    # Checked by the statement that inserts; a database key here would cost a quarter of a large import (ADR 0020).
    person = models.ForeignKey(Person, models.PROTECT, related_name="members", verbose_name=_("person"), db_constraint=False)
    member_no = models.CharField(_("member number"), max_length=64)
    nickname = models.CharField(_("nickname"), max_length=100, blank=True, default="")
    phone_encrypted = models.BinaryField(null=True, editable=False)
    phone_hash = models.BinaryField(max_length=32, null=True, editable=False)
    phone_masked = models.CharField(_("phone"), max_length=20, blank=True, default="", editable=False)
    birthday = models.DateField(_("birthday"), null=True, blank=True)
    joined_at = models.DateTimeField(_("joined"))
    join_channel = models.CharField(_("joined through"), max_length=64, blank=True, default="")
    join_scene = models.CharField(_("joining scene"), max_length=64, blank=True, default="")
    level = models.ForeignKey(
        Level, models.PROTECT, null=True, blank=True, related_name="members", verbose_name=_("level"), db_constraint=False, db_index=False
    )
    growth = models.PositiveIntegerField(_("growth"), default=0)
    status = models.CharField(_("status"), max_length=16, choices=MemberStatus.choices, default=MemberStatus.ACTIVE)
    marketing_consent = models.BooleanField(_("agrees to marketing"), default=True)
    consent_source = models.CharField(_("consent known from"), max_length=16, choices=ConsentSource.choices, default=ConsentSource.STORE_DEFAULT)
    consent_version = models.CharField(_("consent version"), max_length=32, blank=True, default="")
    consent_at = models.DateTimeField(_("consent since"))
    credit_cards_on = models.BooleanField(_("receives credit cards"), default=True)
    language = models.CharField(_("language"), max_length=10, choices=Language.choices, default=Language.ZH_HANS)
    created_at = models.DateTimeField(_("created"), db_default=Now())
    updated_at = models.DateTimeField(_("changed"), db_default=Now())

    objects = MemberQuerySet.as_manager()

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "member_no"], name="member_no_once_a_store"),
            models.UniqueConstraint(fields=["store", "person"], name="member_person_once_a_store"),
            models.UniqueConstraint(fields=["store", "phone_hash"], name="member_phone_once_a_store"),
            models.CheckConstraint(
                name="member_phone_is_whole",
                condition=models.Q(phone_encrypted__isnull=True, phone_hash__isnull=True, phone_masked="")
                | models.Q(phone_encrypted__isnull=False, phone_hash__isnull=False) & ~models.Q(phone_masked=""),
            ),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], name="member_newest_of_store"),
            # The few who are not active, declined or want no cards, for the tabs and filters of the list; almost no row is in these.
            models.Index(fields=["store", "status", "-id"], condition=~models.Q(status="ACTIVE"), name="member_not_active"),
            models.Index(fields=["store", "-id"], condition=models.Q(marketing_consent=False), name="member_declined_marketing"),
            models.Index(fields=["store", "-id"], condition=models.Q(credit_cards_on=False), name="member_cards_off"),
            # Search by the beginning of a number or a nickname, whatever the database's collation is (ADR 0032).
            models.Index(fields=["store", "member_no"], name="member_by_number_prefix", opclasses=["", "varchar_pattern_ops"]),
            models.Index(fields=["store", "nickname"], name="member_by_nickname_prefix", opclasses=["", "varchar_pattern_ops"]),
        ]
        triggers: ClassVar[list[Any]] = [
            # The writer's own business time stands in updated_at, which every change of a level sets.
            pgtrigger.Trigger(
                name="tell_of_level",
                operation=pgtrigger.UpdateOf("level_id"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.Q(old__level__df=pgtrigger.F("new__level")),
                func="INSERT INTO members_levelchange (store_id, member_id, from_level_id, to_level_id, changed_at)"
                " VALUES (NEW.store_id, NEW.id, OLD.level_id, NEW.level_id, NEW.updated_at); RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return self.member_no


class MemberStatusChange(models.Model):
    """One change of a member's status: who, when, why. Append-only."""

    scope_path = "member__store"

    member = models.ForeignKey(Member, models.PROTECT, related_name="status_changes", verbose_name=_("member"))
    from_status = models.CharField(_("from"), max_length=16, choices=MemberStatus.choices)
    to_status = models.CharField(_("to"), max_length=16, choices=MemberStatus.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by"))
    reason = models.CharField(_("reason"), max_length=500)
    happened_at = models.DateTimeField(_("happened"))

    class Meta:
        verbose_name = _("status change")
        verbose_name_plural = _("status changes")
        triggers: ClassVar[list[Any]] = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.from_status} > {self.to_status}"


class PhoneChange(models.Model):
    """A member's phone as it was before a change; masked, so that the log itself tells nobody a phone."""

    scope_path = "member__store"

    member = models.ForeignKey(Member, models.PROTECT, related_name="phone_changes", verbose_name=_("member"), db_constraint=False)
    old_masked = models.CharField(_("old phone"), max_length=20, blank=True)
    new_masked = models.CharField(_("new phone"), max_length=20, blank=True)
    source = models.CharField(_("source"), max_length=64)
    happened_at = models.DateTimeField(_("happened"))

    class Meta:
        verbose_name = _("phone change")
        verbose_name_plural = _("phone changes")

    def __str__(self) -> str:
        return f"{self.old_masked} > {self.new_masked}"


class PhoneRevealCount(models.Model):
    """How many phones a user had revealed on a local day. The database refuses more than the day's limit."""

    pk = models.CompositePrimaryKey("user_id", "local_day")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("by"), db_index=False)
    local_day = models.DateField(_("local day"))
    used = models.PositiveSmallIntegerField(_("phones revealed"))

    class Meta:
        verbose_name = _("phones revealed in a day")
        verbose_name_plural = _("phones revealed in a day")
        constraints: ClassVar[list[Any]] = [models.CheckConstraint(name="phone_reveal_day_limit", condition=models.Q(used__lte=PHONE_REVEALS_A_DAY))]

    def __str__(self) -> str:
        return f"{self.user_id} {self.local_day}: {self.used}"


class Tag(models.Model):
    """A label that a store puts on members."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="tags", verbose_name=_("store"))
    name = models.CharField(_("tag"), max_length=64)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "name"], name="tag_name_once_a_store")]

    def __str__(self) -> str:
        return self.name


class MemberTag(models.Model):
    """A tag on a member."""

    scope_path = "member__store"

    member = models.ForeignKey(Member, models.CASCADE, related_name="member_tags", verbose_name=_("member"), db_constraint=False, db_index=False)
    tag = models.ForeignKey(Tag, models.CASCADE, related_name="member_tags", verbose_name=_("tag"), db_constraint=False)

    class Meta:
        verbose_name = _("tag of a member")
        verbose_name_plural = _("tags of members")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["member", "tag"], name="member_tag_once")]

    def __str__(self) -> str:
        return f"{self.member_id} {self.tag_id}"
