"""Who follows a store's push account, what it posted, and who bought there: members or not. Facts; caps, rights and pushes are campaigns'."""

from __future__ import annotations

from typing import Any, ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.money import MoneyField
from backoffice.kernel.tenancy.models import Store
from members.models.people import Person

_FOLLOWS = models.Q(followed_at__isnull=False) & (models.Q(unfollowed_at__isnull=True) | models.Q(followed_at__gt=models.F("unfollowed_at")))
_SUBSCRIBED_SINCE_LEAVING = models.Q(subscribed_at__isnull=False) & (
    models.Q(unfollowed_at__isnull=True) | models.Q(subscribed_at__gt=models.F("unfollowed_at"))
)

_CHANGE = """
INSERT INTO members_pushaccountchange (store_id, day, fan_count, subscriber_count, returning_fan_count, seen_fan_count, post_count)
SELECT store_id, day, sum(fans), sum(subscribers), sum(returners), sum(seen), sum(posts)
FROM ({changed}) changed
GROUP BY store_id, day
HAVING sum(fans) <> 0 OR sum(subscribers) <> 0 OR sum(returners) <> 0 OR sum(seen) <> 0 OR sum(posts) <> 0;
RETURN NULL;
"""
_FANS = """
SELECT r.store_id, counted.day, {sign} * counted.fans AS fans, {sign} * counted.subscribers AS subscribers, {sign} * counted.returners AS returners,
       {sign} * counted.seen AS seen, 0 AS posts
FROM {rows} r
CROSS JOIN LATERAL (VALUES (NULL::date, 1, r.subscribed::int, 0, 0), (r.second_day, 0, 0, 1, 0), (r.seen_on, 0, 0, 0, 1))
    AS counted (day, fans, subscribers, returners, seen)
WHERE r.fan_since IS NOT NULL AND (counted.day IS NOT NULL OR counted.fans = 1)
"""
_POSTS = "SELECT r.store_id, r.published_on AS day, 0 AS fans, 0 AS subscribers, 0 AS returners, 0 AS seen, {sign} AS posts FROM {rows} r"


def _counted(rows: str) -> list[pgtrigger.Trigger]:
    """Triggers that write down by how much a statement changed the figures: one row a store and day, whoever ran it (ADR 0080)."""
    new, old = rows.format(sign="1", rows="new_rows"), rows.format(sign="-1", rows="old_rows")
    return [
        pgtrigger.Trigger(
            name=name,
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=pgtrigger.Referencing(**tables),  # type: ignore[no-untyped-call]
            func=_CHANGE.format(changed=changed),
        )
        for name, operation, tables, changed in (
            ("counted_when_new", pgtrigger.Insert, {"new": "new_rows"}, new),
            ("counted_when_changed", pgtrigger.Update, {"old": "old_rows", "new": "new_rows"}, f"{new} UNION ALL {old}"),
            ("counted_when_gone", pgtrigger.Delete, {"old": "old_rows"}, old),
        )
    ]


class Buyer(models.Model):
    """What a person bought in a store, member or not: kept from ``OrderLine`` (paid and not refunded in full), never typed.

    ``last_days`` holds the last five distinct local days of purchase, newest first: "bought on at least 2 days since X" is ``last_days[2] >= X``.
    ``amount`` is yuan. A person who bought nothing (any more), and a fan who never did, has an empty row: whoever writes a fan, and whoever
    counts purchases, locks it first, so that neither misses the other.
    """

    scope_path = "store"

    pk = models.CompositePrimaryKey("store_id", "person_id")
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"), db_constraint=False, db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("person"), db_constraint=False, db_index=False)
    last_days = ArrayField(models.DateField(), verbose_name=_("last days of purchase"), default=list)
    last_paid_at = models.DateTimeField(_("last purchase"), null=True)
    amount = MoneyField(_("amount"), default=0)

    class Meta:
        verbose_name = _("buyer")
        verbose_name_plural = _("buyers")
        indexes: ClassVar[list[Any]] = [
            # Best first: recency, then amount, then id. Audiences are cut off at a size along this index.
            models.Index(fields=["store", "-last_paid_at", "-amount", "person"], condition=models.Q(last_paid_at__isnull=False), name="buyer_best_first"),
        ]

    def __str__(self) -> str:
        return f"{self.store_id}/{self.person_id}"


class Fan(models.Model):
    """A person whom a store's push account knows as a follower, now or once; member or not.

    What was told last of each kind is kept (``followed_at``, ``unfollowed_at``, ``subscribed_at``, ``unsubscribed_at``, ``last_seen_at``), and
    the database works the state out of it: so late, repeated and swapped news end in the same state. Who subscribes follows; who
    unfollows is no subscriber any more; of two things told for one moment the one that ends it holds.
    ``second_day`` is ``Buyer.last_days[2]`` and ``seen_on`` the local day on which the fan was seen again after following: kept beside it by
    the statements that write either, so that figures never join.
    """

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="fans", verbose_name=_("store"), db_index=False)
    person = models.ForeignKey(Person, models.PROTECT, related_name="+", verbose_name=_("person"), db_constraint=False, db_index=False)
    followed_at = models.DateTimeField(_("followed"), null=True)
    unfollowed_at = models.DateTimeField(_("unfollowed"), null=True)
    subscribed_at = models.DateTimeField(_("subscribed to messages"), null=True)
    unsubscribed_at = models.DateTimeField(_("unsubscribed from messages"), null=True)
    last_seen_at = models.DateTimeField(_("last seen"), null=True)
    fan_since = models.GeneratedField(
        db_persist=True,
        expression=models.Case(
            models.When(_FOLLOWS, then=models.F("followed_at")),
            models.When(_SUBSCRIBED_SINCE_LEAVING, then=models.F("subscribed_at")),
            default=None,
        ),
        output_field=models.DateTimeField(null=True),
        verbose_name=_("fan since"),
    )
    subscribed = models.GeneratedField(
        db_persist=True,
        expression=models.Case(
            models.When(
                _SUBSCRIBED_SINCE_LEAVING & (models.Q(unsubscribed_at__isnull=True) | models.Q(subscribed_at__gt=models.F("unsubscribed_at"))),
                then=models.Value(True),
            ),
            default=models.Value(False),
        ),
        output_field=models.BooleanField(),
        verbose_name=_("subscribed"),
    )
    second_day = models.DateField(_("second day of purchase, counted back"), null=True)
    seen_on = models.DateField(_("seen again on"), null=True)
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("fan")
        verbose_name_plural = _("fans")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["store", "person"], name="fan_once_a_store"),
            models.CheckConstraint(name="fan_subscriber_follows", condition=models.Q(subscribed=False) | models.Q(fan_since__isnull=False)),
        ]
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["store", "-id"], condition=models.Q(fan_since__isnull=False), name="fan_newest_of_store"),
            models.Index(fields=["store", "-id"], condition=models.Q(subscribed=True), name="fan_subscribed"),
            models.Index(fields=["store", "second_day"], condition=models.Q(fan_since__isnull=False, second_day__isnull=False), name="fan_returning"),
        ]
        triggers: ClassVar[list[Any]] = _counted(_FANS)

    def __str__(self) -> str:
        return f"{self.store_id}/{self.person_id}"


class Post(models.Model):
    """Something that a store's push account published, by the account's own number. ``published_on`` is the local day of ``published_at``."""

    scope_path = "store"

    store = models.ForeignKey(Store, models.PROTECT, related_name="posts", verbose_name=_("store"), db_index=False)
    post_id = models.CharField(_("post number"), max_length=64)
    title = models.CharField(_("title"), max_length=200, blank=True, default="")
    published_at = models.DateTimeField(_("published"))
    published_on = models.DateField(_("published on"))
    recorded_at = models.DateTimeField(_("recorded"), db_default=Now())

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["store", "post_id"], name="post_once_a_store")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["store", "-id"], name="post_newest_of_store")]
        triggers: ClassVar[list[Any]] = _counted(_POSTS)

    def __str__(self) -> str:
        return self.post_id
