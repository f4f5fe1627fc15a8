"""Rows and columns of the opening table: categories and capabilities."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from applications.choices import LIVE_GRANTS, ReReviewCause
from applications.models import Capability, Category, Grant
from applications.services.policies import EDIT_POLICY
from applications.services.re_review import open_re_review
from applications.services.rights import require
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User

WHAT_IT_OPENS = ("description", "is_high_risk")
"""Fields of a capability whose change makes live grants be looked at again."""


class CatalogueRefused(BusinessError):
    """A category or capability cannot be made or changed like this; nothing was changed."""

    code = "catalogue_refused"


@in_transaction
def create_category(*, code: str, name: str, by: User, now: datetime, name_en: str = "") -> Category:
    """A category. It is closed until an opening table names it."""
    require(by, EDIT_POLICY)
    row = Category(code=code.strip(), name=name.strip(), name_en=name_en.strip())
    _create(row, by, now)
    return row


@in_transaction
def create_capability(*, code: str, name: str, by: User, now: datetime, name_en: str = "", description: str = "", is_high_risk: bool = False) -> Capability:
    """A capability; ``code`` is the scope of the HTTP API: small letters, digits, dots, dashes."""
    require(by, EDIT_POLICY)
    row = Capability(code=code.strip(), name=name.strip(), name_en=name_en.strip(), description=description.strip(), is_high_risk=is_high_risk)
    _create(row, by, now)
    return row


@in_transaction
def change_category(*, category: Category, by: User, now: datetime, **changes: Any) -> None:
    """Write ``changes`` of name, name_en and is_active. The code stays."""
    require(by, EDIT_POLICY)
    _change(Category, category, ("name", "name_en", "is_active"), changes, by, now)


@in_transaction
def change_capability(*, capability: Capability, by: User, now: datetime, **changes: Any) -> None:
    """Write ``changes`` of name, name_en, is_active, description and is_high_risk. When what it opens changes, live grants are looked at again."""
    require(by, EDIT_POLICY)
    changed = _change(Capability, capability, ("name", "name_en", "is_active", *WHAT_IT_OPENS), changes, by, now)
    if set(changed) & set(WHAT_IT_OPENS):
        for grant in Grant.objects.filter(capability=capability, status__in=LIVE_GRANTS).order_by("pk"):
            open_re_review(grant, ReReviewCause.CAPABILITY, now=now, fields=sorted(changed))


def _create(row: Category | Capability, by: User, now: datetime) -> None:
    try:
        row.clean_fields()
        row.validate_constraints()
        with transaction.atomic():
            row.save(force_insert=True)
    except ValidationError as error:
        raise CatalogueRefused(" ".join(error.messages), field=next(iter(error.message_dict), "code")) from error
    except IntegrityError as error:
        raise CatalogueRefused(_("There is a row with the code “%(code)s” already.") % {"code": row.code}, code="code_taken", field="code") from error
    record_event(f"{row._meta.model_name}.created", target=row, by=by, now=now, code=row.code)


def _change(model: type[Any], row: Any, fields: tuple[str, ...], changes: dict[str, Any], by: User, now: datetime) -> list[str]:
    stored = model.objects.select_for_update().get(pk=row.pk)
    unknown = set(changes) - set(fields)
    if unknown or not changes.get("name", stored.name).strip():
        raise CatalogueRefused(_("This cannot be changed like that."), code="unknown_field")
    changed = {name: value for name, value in changes.items() if getattr(stored, name) != value}
    if changed:
        model.objects.filter(pk=row.pk).update(**changed)
        record_event(f"{model._meta.model_name}.changed", target=stored, by=by, now=now, fields=sorted(changed))
        for name, value in changed.items():
            setattr(row, name, value)
    return list(changed)
