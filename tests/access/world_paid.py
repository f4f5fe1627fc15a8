"""Paid membership in the access world: of each store a nomination, a live program with pack and decoration, and a picture. Called once a store."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.base import ContentFile
from PIL import Image

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from members.paid.models import BenefitIssue, BenefitPicture, PaidMembership, PaidProgram, PaidRefund, Picture
from tests.members.paid.making import approve, decorate, make_membership, make_nomination, make_program


def put_paid(world: Any, mark: str, store: Store) -> None:
    """Rows of ``store``, every text with its mark."""
    by: User = world.users[Role.PLATFORM_ADMIN]
    world.put(mark, make_nomination(store, reason=f"提报{mark}"))
    described: dict[str, dict[str, Any]] = {"gift": {}, "coupon": {"kind": "MONTHLY_COUPON", "schedule": "MONTHLY"}, "call": {"kind": "CUSTOM"}}
    titled = {key: {"title": f"权益{key}{mark}", **fields} for key, fields in described.items()}
    program = make_program(store, name=f"计划{mark}", status="DRAFT", terms_text=f"条款{mark}", benefits=titled)
    world.put(mark, program)
    pack = world.put(mark, program.packs.get())
    type(pack).objects.filter(pk=pack.pk).update(difference=f"区别{mark}")
    for benefit in pack.benefits.all():
        world.put(mark, benefit)
    picture = world.put(mark, _picture(mark, store))
    BenefitPicture.objects.create(benefit=pack.benefits.get(key="call"), picture=picture)
    approve(program, pack, by=by)
    world.put(mark, decorate(program, ["coupon", "gift", "call"], by=by))
    program.refresh_from_db()


def put_till(world: Any, mark: str, store: Store) -> None:
    """A purchase that waits for its payment, and a cancelled one whose fee is to be paid back. After ``world_paid_cases.put_cases``."""
    now = database_now()
    program = world.rows[PaidProgram][mark][0]
    holder, member = world.rows[Member][mark]
    common = {"store": store, "member": member, "program": program, "pack": program.pack, "source": "API", "price": program.pack.card_fee, "created_at": now}
    world.put(mark, PaidMembership.objects.create(**common, order_no=f"待付{mark}", pay_until=now))
    day = local_day(now)
    dates = {"opened_at": now, "anchor_on": day, "starts_on": day, "ends_on": day, "bought_until": day, "ended_at": now, "end_reason": f"退卡{mark}"}
    gone = world.put(mark, PaidMembership.objects.create(**common, **dates, order_no=f"退卡{mark}", status="CANCELLED"))
    # The holder's next term, with consent; and a benefit that is switched off.
    renewed = make_membership(program, holder, starts_on=world.rows[PaidMembership][mark][0].ends_on, order_no=f"续费{mark}", auto_renew_consent_at=now)
    world.put(mark, renewed)
    program.pack.benefits.filter(key="gift").update(disabled_at=now)
    coupon, term = program.pack.benefits.get(key="coupon"), world.rows[PaidMembership][mark][0]
    issue = {"store": store, "paid_membership": term, "member": holder, "benefit": coupon, "issued_at": now, "expires_on": term.ends_on, "due_on": day}
    world.put(mark, BenefitIssue.objects.create(**issue, period=0, code=f"券码{mark}"))
    world.put(mark, PaidRefund.objects.create(paid_membership=gone, store=store, amount=program.pack.card_fee, cause="FULL", decided_at=now))


def _picture(mark: str, store: Store) -> Picture:
    target = io.BytesIO()
    Image.new("RGB", (8, 8), (9, 9, 9)).save(target, "JPEG", comment=mark.encode())
    picture = Picture(store=store, sha256=mark.ljust(64, "0"), width=8, height=8, uploaded_at=database_now())
    picture.file.save(f"{mark}.jpg", ContentFile(target.getvalue()))
    return picture
