"""Developers (服务商) as companies; their people are seats."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.models import Developer, User


class DeveloperRefused(BusinessError):
    """A developer cannot be made or changed as asked; nothing was changed."""

    code = "developer_refused"


def create_developer(*, code: str, name: str, contact: str = "", by: User | None, now: datetime) -> Developer:
    """A developer who has not been onboarded yet."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                developer = Developer.objects.create(code=code, name=name, contact=contact)
        except IntegrityError as error:
            raise DeveloperRefused(_("There is a developer with the code “%(code)s” already.") % {"code": code}, field="code") from error
        record_event("developer.created", target=developer, by=by, now=now, code=code)
    return developer


def change_developer(*, developer: Developer, name: str, contact: str, by: User | None, now: datetime) -> None:
    with transaction.atomic():
        Developer.objects.filter(pk=developer.pk).update(name=name, contact=contact)
        record_event("developer.changed", target=developer, by=by, now=now)


def onboard_developer(*, developer: Developer, by: User | None, now: datetime) -> None:
    """The developer has settled in (入驻) and may use what the platform offers to settled developers."""
    with transaction.atomic():
        if not Developer.objects.filter(pk=developer.pk, onboarded_at=None).update(onboarded_at=now):
            raise DeveloperRefused(_("This developer is onboarded already."))
        record_event("developer.onboarded", target=developer, by=by, now=now)
