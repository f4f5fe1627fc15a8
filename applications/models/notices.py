"""The merchant's word on a custom build, and notices to people."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from applications.choices import Channel, ConfirmationStatus, NoticeKind, NoticeStatus
from applications.models.cases import Application
from backoffice.kernel.secrets import EncryptedTextField
from backoffice.kernel.tenancy.models import Developer, Merchant


class MerchantConfirmation(models.Model):
    """The merchant's word on a custom application made for it. ``covers_hash`` says for what (merchant and capabilities): asking for more asks again."""

    scope_path = "merchant__stores"

    case = models.ForeignKey(Application, models.PROTECT, related_name="confirmations", verbose_name=_("application"), db_index=False)
    merchant = models.ForeignKey(Merchant, models.PROTECT, related_name="+", verbose_name=_("merchant"))
    covers_hash = models.CharField(max_length=64, editable=False)
    status = models.CharField(_("status"), max_length=16, choices=ConfirmationStatus.choices, default=ConfirmationStatus.WAITING)
    asked_at = models.DateTimeField(_("asked"))
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("answered by"))
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)
    reason = models.CharField(_("reason"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("merchant's confirmation")
        verbose_name_plural = _("merchants' confirmations")
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["case"], condition=models.Q(status=ConfirmationStatus.WAITING), name="merchant_confirmation_one_open"),
            models.CheckConstraint(
                name="merchant_confirmation_declined_says_why", condition=~models.Q(status=ConfirmationStatus.DECLINED) | ~models.Q(reason="")
            ),
        ]
        indexes: ClassVar[list[Any]] = [models.Index(fields=["case", "-id"], name="merchant_confirmation_of_case")]

    def __str__(self) -> str:
        return f"A{self.case_id:06d} · {self.merchant}"


class Notification(models.Model):
    """One notice to one person on one channel, or to one developer's DingTalk contact. Unique by ``key``: an act that runs twice tells once.

    Holds codes and figures that the recipient may see; never a reviewer's name, an internal note or a hold.
    """

    scope_path = "developer"

    key = models.CharField(max_length=128, unique=True, editable=False)
    kind = models.CharField(_("kind"), max_length=32, choices=NoticeKind.choices)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel.choices)
    developer = models.ForeignKey(Developer, models.PROTECT, null=True, blank=True, related_name="notifications", verbose_name=_("developer"))
    merchant = models.ForeignKey(Merchant, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("merchant"))
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("user"))
    case = models.ForeignKey(Application, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("application"))
    params = models.JSONField(_("figures"), default=dict)
    status = models.CharField(_("status"), max_length=16, choices=NoticeStatus.choices, default=NoticeStatus.WAITING)
    created_at = models.DateTimeField(_("created"))
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    attempt_count = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    lease_token = models.UUIDField(null=True, blank=True, editable=False)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    error = models.CharField(_("error"), max_length=500, blank=True, default="")

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        indexes: ClassVar[list[Any]] = [
            models.Index(fields=["id"], condition=models.Q(status=NoticeStatus.WAITING), name="notification_to_send"),
            models.Index(fields=["user", "-id"], name="notification_of_user"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.get_channel_display()}"


class NoticePreference(models.Model):
    """What one person wants besides the console. Without a row: what is written here as default."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="notice_preference", verbose_name=_("user"))
    by_email = models.BooleanField(_("notices by email too"), default=True)
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("wishes about notices")
        verbose_name_plural = _("wishes about notices")

    def __str__(self) -> str:
        return str(self.user)


class DingTalkRobot(models.Model):
    """The robot of a developer's own DingTalk group. Without a row the developer gets nothing by DingTalk."""

    scope_path = "developer"

    developer = models.OneToOneField(Developer, models.PROTECT, related_name="dingtalk_robot", verbose_name=_("developer"))
    webhook = EncryptedTextField(_("webhook address"), editable=False)
    secret = EncryptedTextField(_("signing secret"), null=True, blank=True, editable=False)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("changed by"))
    changed_at = models.DateTimeField(_("changed"))

    class Meta:
        verbose_name = _("DingTalk robot")
        verbose_name_plural = _("DingTalk robots")

    def __str__(self) -> str:
        return str(self.developer)
