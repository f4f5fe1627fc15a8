"""What people want besides the console: mail for themselves, the robot of the developer's DingTalk group."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from applications.channels.dingtalk import check_robot
from applications.models import DingTalkRobot, NoticePreference
from applications.services.apps import AppRefused
from applications.services.clients import MANAGE
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.outbound import AddressRefused
from backoffice.kernel.tenancy.models import Developer, User

LONGEST_ADDRESS = 500


@in_transaction
def choose_mail(*, user: User, by_email: bool, now: datetime) -> None:
    """One's own choice, for all notices."""
    NoticePreference.objects.update_or_create(user=user, defaults={"by_email": by_email, "changed_at": now})


@in_transaction
def set_robot(*, developer: Developer, webhook: str, secret: str, by: User, now: datetime) -> None:
    """Notices of the developer go to this robot too; an empty address: to none any more. Raises ``AppRefused`` (``address_refused``)."""
    require(by, MANAGE, developer=developer)
    webhook = webhook.strip()
    if not webhook:
        DingTalkRobot.objects.filter(developer=developer).delete()
        record_event("developer.robot_removed", target=developer, by=by, now=now)
        return
    try:
        if len(webhook) > LONGEST_ADDRESS:
            raise AddressRefused(_("This is not a web address."))
        check_robot(webhook)
    except AddressRefused as error:
        raise AppRefused(error.message, code="address_refused", field="webhook") from error
    DingTalkRobot.objects.update_or_create(
        developer=developer, defaults={"webhook": webhook, "secret": secret.strip() or None, "changed_by": by, "changed_at": now}
    )
    record_event("developer.robot_set", target=developer, by=by, now=now)
