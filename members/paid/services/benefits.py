"""Benefits of a draft: made, changed and taken out, each checked by its kind's form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User
from members.paid.benefits import clean_benefit
from members.paid.choices import BenefitKind
from members.paid.models import Benefit, BenefitPack, BenefitPicture, Picture
from members.paid.services.packs import enter_draft
from members.paid.services.rights import PaidRefused

MOST_BENEFITS = 30
MOST_PICTURES = 6
KEY = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@in_transaction
def save_benefit(*, pack: BenefitPack, benefit: Benefit | None, kind: str, values: Mapping[str, Any], by: User | None, now: datetime) -> Benefit:
    """Make a benefit of a draft (``benefit`` None) or change one. ``values`` are those of the kind's form, and besides:

    ``key`` names a new benefit (left out: made from the kind); ``pictures`` lists pictures of the store (or their keys) in order, of a custom benefit;
    left out, they stay. Raises ``InvalidBenefit`` with a sentence per field, ``PaidRefused`` for what the pack does not take.
    """
    stored = enter_draft(pack, by=by)
    checked = clean_benefit(kind, values)
    if benefit is None:
        row = Benefit(pack=stored, kind=kind, key=_new_key(stored, kind, str(values.get("key") or "")), position=_next_position(stored))
    else:
        found = Benefit.objects.select_for_update().filter(pk=benefit.pk, pack=stored).first()
        if found is None:
            raise NotFound(_("There is no such row."))
        row = found
        if row.kind != kind:
            raise PaidRefused(_("A benefit keeps its kind. Take it out and add another one."), code="kind_is_fixed", field="kind")
    before = _as_told(row) if benefit is not None else {}
    for name, value in checked.columns.items():
        setattr(row, name, value)
    row.settings = checked.settings
    row.save()
    repictured = "pictures" in values and _set_pictures(row, stored.program.store_id, values["pictures"])
    after = _as_told(row)
    if before != after or repictured:
        changed = sorted(name for name in after if before.get(name) != after[name])
        record_event("pack.changed", target=stored, store=stored.program.store_id, by=by, now=now, version=stored.version, benefit=row.key, changed=changed)
    return row


@in_transaction
def remove_benefit(*, benefit: Benefit, by: User | None, now: datetime) -> None:
    """Take a benefit out of a draft. Versions in force keep theirs."""
    pack = enter_draft(benefit.pack, by=by)
    stored = Benefit.objects.select_for_update().filter(pk=benefit.pk, pack=pack).first()
    if stored is None:
        raise NotFound(_("There is no such row."))
    record_event("pack.changed", target=pack, store=pack.program.store_id, by=by, now=now, version=pack.version, benefit=stored.key, changed=["removed"])
    stored.delete()


def _as_told(row: Benefit) -> dict[str, Any]:
    """What of a benefit its audit event names when it changed."""
    names = ("title", "description", "schedule", "every_days", "on_date", "expiry", "expiry_days", "deadline_days", "code_pool", "value_amount", "cost_amount")
    return {name: getattr(row, name) for name in names} | dict(row.settings)


def _next_position(pack: BenefitPack) -> int:
    places = pack.benefits.aggregate(last=Max("position"))["last"]
    if pack.benefits.count() >= MOST_BENEFITS:
        raise PaidRefused(_("A pack has at most %(count)d benefits.") % {"count": MOST_BENEFITS}, code="too_many_benefits")
    return 0 if places is None else int(places) + 1


def _new_key(pack: BenefitPack, kind: str, wanted: str) -> str:
    """The wanted key, or the kind's name with the first number that no version of the program has had: a key is one promise, for good."""
    taken = set(Benefit.objects.filter(pack__program=pack.program_id).values_list("key", flat=True))
    if wanted:
        if not KEY.fullmatch(wanted):
            raise PaidRefused(_("A key has small letters, digits and hyphens, at most 32."), code="key_invalid", field="key")
        if pack.benefits.filter(key=wanted).exists():
            raise PaidRefused(_("The pack has a benefit of this key already."), code="key_taken", field="key")
        return wanted
    stem = BenefitKind(kind).value.lower().replace("_", "-")
    number = 1
    while (f"{stem}-{number}" if number > 1 else stem) in taken:
        number += 1
    return f"{stem}-{number}" if number > 1 else stem


def _set_pictures(benefit: Benefit, store_id: int, pictures: Any) -> bool:
    """Show exactly these pictures, in this order; whether that is a change. Pictures of another store are as missing."""
    wanted = list(dict.fromkeys(picture.pk if isinstance(picture, Picture) else int(picture) for picture in pictures or []))
    if wanted and benefit.kind != BenefitKind.CUSTOM:
        raise PaidRefused(_("Only custom benefits have pictures."), code="pictures_not_taken", field="pictures")
    if len(wanted) > MOST_PICTURES:
        raise PaidRefused(_("At most %(count)d pictures, please.") % {"count": MOST_PICTURES}, code="too_many_pictures", field="pictures")
    if Picture.objects.filter(pk__in=wanted, store_id=store_id).count() != len(wanted):
        raise NotFound(_("There is no such row."))
    if list(benefit.pictures.values_list("picture_id", flat=True)) == wanted:
        return False
    benefit.pictures.all().delete()
    BenefitPicture.objects.bulk_create(BenefitPicture(benefit=benefit, picture_id=pk, position=place) for place, pk in enumerate(wanted))
    return True
