"""Changing how a store's credit behaves."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotAllowed
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.money import ZERO
from backoffice.kernel.tenancy.access import allows
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Console
from members.models import CreditPolicy
from members.services.credit.requests import yuan

POLICY_FIELDS = ("deduction_order", "on_lapse", "refund_after_lapse", "refund_grace_days", "top_up_refund", "adjustment_limit")


class PolicyRefused(BusinessError):
    """A value that no policy has; ``facts["field"]`` names the field. Nothing was changed."""

    code = "policy_refused"


@in_transaction
def change_policy(*, store: Store, by: User | None, now: datetime, **fields: Any) -> CreditPolicy:
    """Change some of ``POLICY_FIELDS`` of the store's credit policy, and write who changed what from what into the audit log.

    What moves from now on follows the new policy; nothing that was booked changes. ``adjustment_limit`` (yuan) is the platform's: a merchant's
    user who gives another one is refused. Raises ``NotAllowed``, ``PolicyRefused``, ``AmountRefused``; then nothing changed.
    """
    if unknown := fields.keys() - set(POLICY_FIELDS):
        raise TypeError(f"no such field of a credit policy: {', '.join(sorted(unknown))}")
    if "adjustment_limit" in fields:
        fields["adjustment_limit"] = yuan(fields["adjustment_limit"], least=ZERO)
    CreditPolicy.objects.bulk_create([CreditPolicy(store=store)], ignore_conflicts=True)
    policy = CreditPolicy.objects.select_for_update().get(pk=store.pk)
    old = {name: getattr(policy, name) for name in fields}
    for name, value in fields.items():
        setattr(policy, name, value)
    try:
        policy.clean_fields(exclude=["store"])
    except ValidationError as error:
        field, messages = next(iter(error.message_dict.items()))
        raise PolicyRefused(messages[0], field=field) from error
    changed = [name for name in POLICY_FIELDS if name in fields and getattr(policy, name) != old[name]]
    if "adjustment_limit" in changed and by is not None and not allows(by, "members.change_creditpolicy", console=Console.PLATFORM):
        raise NotAllowed(_("Only the platform changes above which amount an adjustment needs a second person."), field="adjustment_limit")
    if changed:
        policy.save(update_fields=changed)
        new = {name: _told(getattr(policy, name)) for name in changed}
        record_event("credit_policy.changed", target=policy, store=store, by=by, now=now, old={name: _told(old[name]) for name in changed}, new=new)
    return policy


def _told(value: Any) -> Any:
    return str(value) if isinstance(value, Decimal | str) else value
