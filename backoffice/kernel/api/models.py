"""Other systems that call the API: who they are, their tokens, what they were answered under which key."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.tenancy.models import Store, User

LONGEST_KEY = 100
"""Characters of an ``Idempotency-Key``: with ``api:<client>:`` before it the ledger's key is 128 at most."""


class ApiClient(models.Model):
    """A system that gets tokens by its id and secret. It reaches all stores (``is_platform``), those of its ``client_stores`` rows, or, as an app's
    (``is_app``), whatever the app was granted for the stores that use it: asked at each call, by the ports of ``kernel.ports``.

    ``user`` has neither password nor seats: it is the actor of everything the client does. ``secret_hash`` is the SHA-256 of 256 random bits.
    """

    scope_path = "client_stores__store"

    user = models.OneToOneField(User, models.PROTECT, related_name="api_client", verbose_name=_("user"))
    client_id = models.CharField(_("client id"), max_length=64, unique=True)
    secret_hash = models.BinaryField(max_length=32, editable=False)
    name = models.CharField(_("name"), max_length=100)
    is_platform = models.BooleanField(_("all stores"), default=False)
    is_app = models.BooleanField(_("an app's"), default=False, db_default=False)
    is_active = models.BooleanField(_("active"), default=True)
    # Switched off by the platform: nobody else switches it on.
    is_off_by_platform = models.BooleanField(_("switched off by the platform"), default=False, db_default=False, editable=False)
    created_at = models.DateTimeField(_("created"))
    secret_set_at = models.DateTimeField(_("secret since"))
    # Written at most once a minute.
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API client")
        verbose_name_plural = _("API clients")
        constraints: ClassVar[list[Any]] = [
            models.CheckConstraint(name="api_client_has_a_name", condition=~models.Q(name="")),
            models.CheckConstraint(name="api_client_off_by_platform_is_off", condition=models.Q(is_off_by_platform=False) | models.Q(is_active=False)),
            models.CheckConstraint(name="api_client_of_an_app_is_not_the_platforms", condition=models.Q(is_app=False) | models.Q(is_platform=False)),
        ]

    def __str__(self) -> str:
        return self.name


class ApiClientStore(models.Model):
    """A store that a client reaches: its scope ``store:CODE``."""

    scope_path = "store"

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="client_stores", verbose_name=_("API client"), db_index=False)
    store = models.ForeignKey(Store, models.PROTECT, related_name="+", verbose_name=_("store"))

    class Meta:
        verbose_name = _("store of an API client")
        verbose_name_plural = _("stores of API clients")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["client", "store"], name="api_client_store_once")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.store_id}"


class ApiToken(models.Model):
    """An opaque token, known by its hash. What it was asked for; what it reaches is that and what the client reaches *now*."""

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="tokens", verbose_name=_("API client"))
    token_hash = models.BinaryField(max_length=32, unique=True)
    is_platform = models.BooleanField(_("all stores"), default=False)
    store_ids: ArrayField[Any, Any] = ArrayField(models.BigIntegerField(), verbose_name=_("stores"), default=list)
    capabilities: ArrayField[Any, Any] = ArrayField(models.CharField(max_length=64), verbose_name=_("capabilities"), default=list, db_default=[])
    created_at = models.DateTimeField(_("created"), db_default=Now())
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        indexes: ClassVar[list[Any]] = [models.Index(fields=["expires_at"], name="api_token_to_prune")]

    def __str__(self) -> str:
        return f"#{self.pk}"


class TokenFailure(models.Model):
    """Refused log-ins of one client id from one address. Five: a pause for that pair, as for people (``services/tokens.py``)."""

    client_id = models.CharField(_("client id"), max_length=64)
    address = models.CharField(_("address"), max_length=45)
    failed_count = models.PositiveIntegerField(_("failures"), default=1)
    failed_at = models.DateTimeField(_("last failure"), db_default=Now())

    class Meta:
        verbose_name = _("refused token request")
        verbose_name_plural = _("refused token requests")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["client_id", "address"], name="api_token_failure_once_a_pair")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["failed_at"], name="api_token_failure_to_prune")]

    def __str__(self) -> str:
        return f"{self.client_id}: {self.failed_count}"


class IdempotencyRecord(models.Model):
    """What a client was answered under a key, written in the transaction of the effect: no record without the effect, no effect without it.

    ``request_hash`` is keyed (a request may hold a phone), ``answer`` encrypted. Kept for 30 days; the ledger's own keys stay for ever.
    """

    client = models.ForeignKey(ApiClient, models.CASCADE, related_name="+", verbose_name=_("API client"), db_index=False)
    key = models.CharField(_("idempotency key"), max_length=LONGEST_KEY)
    request_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(_("HTTP status"), default=0)
    answer = models.BinaryField(default=b"")
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["client", "key"], name="idempotency_record_once")]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["created_at"], name="idempotency_record_to_prune")]

    def __str__(self) -> str:
        return f"{self.client_id} {self.key}"


class ApiCount(models.Model):
    """How often a call was answered how, over all processes: the figures of ``/metrics``. Written in batches (``counting.py``)."""

    operation = models.CharField(_("call"), max_length=100)
    method = models.CharField(_("method"), max_length=10)
    status = models.PositiveSmallIntegerField(_("HTTP status"))
    answered = models.BigIntegerField(_("answers"), default=0)
    seconds = models.FloatField(_("seconds"), default=0)

    class Meta:
        verbose_name = _("count of API calls")
        verbose_name_plural = _("counts of API calls")
        constraints: ClassVar[list[Any]] = [models.UniqueConstraint(fields=["operation", "method", "status"], name="api_count_once")]

    def __str__(self) -> str:
        return f"{self.method} {self.operation} {self.status}: {self.answered}"
