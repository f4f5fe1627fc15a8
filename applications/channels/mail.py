"""Notices by mail, to one person, in that person's language."""

from __future__ import annotations

import smtplib

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.utils import translation
from django.utils.translation import gettext as _

from applications.channels.base import Failed, Skipped, TryAgain
from applications.models import NoticePreference, Notification
from applications.selectors.notices import notice_text
from backoffice.kernel.tenancy.models import Seat

PERMANENT = 500


def send_mail_to(notice: Notification) -> None:
    """Raises ``Skipped`` for somebody who wants no mail, or has no part in this any more; ``TryAgain`` and ``Failed`` as the mail server says."""
    if not settings.EMAIL_HOST:
        raise Skipped("no_mail_server")
    message = _message(notice)
    try:
        with get_connection() as connection:
            connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _words in error.recipients.values()]
        raise (Failed if all(code >= PERMANENT for code in codes) else TryAgain)(f"recipient_refused {codes}") from error
    except smtplib.SMTPResponseException as error:
        lasting = error.smtp_code >= PERMANENT and not isinstance(error, smtplib.SMTPAuthenticationError)
        raise (Failed if lasting else TryAgain)(f"refused {error.smtp_code}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise TryAgain(type(error).__name__) from error


def _message(notice: Notification) -> EmailMessage:
    user = notice.user
    if user is None or not user.email or not user.is_active:
        raise Skipped("no_address")
    place = {"developer": notice.developer_id} if notice.developer_id else {"merchant": notice.merchant_id}
    if not Seat.objects.filter(user=user, revoked_at=None, **place).exists():
        raise Skipped("seat_ended")
    if NoticePreference.objects.filter(user=user, by_email=False).exists():
        raise Skipped("not_wanted")
    with translation.override(user.language):
        told = notice_text(notice)
        closing = _("You can read more, and answer, in the console. There you can also switch these mails off.")
    subject = " ".join(told.title.split())
    return EmailMessage(subject, f"{told.body}\n\n{closing}\n", settings.DEFAULT_FROM_EMAIL, [user.email])
