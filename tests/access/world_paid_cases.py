"""What staff rule on in paid membership, for the access world: versions in review, promises, complaints in each state, sanctions with an appeal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backoffice.kernel.clock import database_now, local_day
from backoffice.kernel.tenancy.models import Merchant, MerchantBar, Store, User
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from members.paid.models import (
    BenefitIssue,
    BenefitPack,
    Complaint,
    Decoration,
    Fulfilment,
    Nomination,
    PaidNumber,
    PaidProgram,
    Sanction,
    SanctionAppeal,
)
from tests.members.paid.making import make_membership


def put_cases(world: Any, mark: str, store: Store, *, state: str) -> None:
    """A purchase with a promise, a new complaint, and one in ``state``. Texts carry the mark; member operations is who decided."""
    now = database_now()
    program: PaidProgram = world.rows[PaidProgram][mark][0]
    member: Member = world.rows[Member][mark][0]
    term = make_membership(program, member, starts_on=local_day(now), order_no=f"开卡{mark}", opened_at=now)
    world.put(mark, term)
    benefit = program.pack.benefits.get(key="call") if program.pack else None
    issue = BenefitIssue.objects.create(
        store=store, paid_membership=term, member=member, benefit=benefit, period=0, due_on=local_day(now), expires_on=term.ends_on, status="ISSUED",
        issued_at=now,
    )  # fmt: skip
    world.put(mark, issue)
    world.put(mark, Fulfilment.objects.create(issue=issue, store=store, deliver_by=local_day(now)))
    common = {"store": store, "member": member, "program": program, "filed_at": now, "evidence": f"证据{mark}"}
    world.put(mark, Complaint.objects.create(**common, text=f"投诉{mark}"))
    heard = {"accepted_at": now, "reply_by": now + timedelta(days=5)} | ({"reply": f"答复{mark}", "replied_at": now} if state == "REPLIED" else {})
    world.put(mark, Complaint.objects.create(**common, text=f"未兑现{mark}", benefit=benefit, issue=issue, status=state, **heard))


def put_reviews(world: Any, mark: str) -> None:
    """The store proposes itself anew, and hands in a further version of pack and decoration."""
    now = database_now()
    program: PaidProgram = world.rows[PaidProgram][mark][0]
    Nomination.objects.filter(store=program.store_id).update(status="PROPOSED", way="NOMINATION")
    common = {"version": 2, "status": "IN_REVIEW", "submitted_at": now, "created_at": now}
    world.put(mark, BenefitPack.objects.create(program=program, card_fee="88.00", difference=f"区别{mark}", **common))
    world.put(mark, Decoration.objects.create(program=program, modules=["gift"], **common))


def put_sanctions(world: Any, lifted: str, in_force: str, staff: str) -> None:
    """One merchant's sanction was lifted on appeal; the other's stands and is appealed. Last of all: nothing new can be made for it then."""
    now = database_now()
    ops: User = world.users[Role.PLATFORM_MEMBER_OPS]
    world.put(staff, PaidNumber.objects.create(code="reply_days", value=6, changed_by=ops, changed_at=now))
    for mark, owner in ((lifted, world.users[Role.MERCHANT_OWNER]), (in_force, world.rows[User][in_force][0])):
        merchant: Merchant = world.rows[Merchant][mark][0]
        complaint = Complaint.objects.filter(store__merchant=merchant).exclude(benefit=None).first()
        ended = {"ended_by": ops, "ended_at": now} if mark == lifted else {}
        bar = MerchantBar.objects.create(merchant=merchant, reason=f"取消{mark}", imposed_by=ops, imposed_at=now, **ended)
        sanction = Sanction.objects.create(
            merchant=merchant, complaint=complaint, bar=bar, reason=f"处罚{mark}", effects={"programs": 1, "live": 1, "holders": 1, "stores": 1},
            imposed_by=ops, imposed_at=now, appeal_until=now + timedelta(days=15), status="LIFTED" if mark == lifted else "IN_FORCE",
            lifted_at=now if mark == lifted else None,
        )  # fmt: skip
        ruled = {"status": "GRANTED", "decided_by": world.users[Role.PLATFORM_APPEALS], "decided_at": now, "reason": f"申诉答复{mark}"} if ended else {}
        appeal = SanctionAppeal.objects.create(sanction=sanction, text=f"处罚申诉{mark}", filed_by=owner, filed_at=now, imposed_by=ops, **ruled)
        world.put(mark, sanction)
        world.put(mark, appeal)
