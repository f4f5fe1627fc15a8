"""The sanction: all of it or nothing, on all stores of the merchant; the appeal decided by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, NotFound, StateConflict
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred, get_bar_of_store, require_no_bar
from campaigns.services.settings import set_reminder
from members.paid.models import Complaint, PaidMembership, PaidProgram, Sanction, SanctionAppeal
from members.paid.selectors.entry_points import get_entry_point
from members.paid.services.complaints import reply
from members.paid.services.nominations import invite_store, propose_nomination
from members.paid.services.packs import rule_on_pack, submit_pack
from members.paid.services.programs import create_program
from members.paid.services.rights import PaidRefused
from members.paid.services.sanctions import decide_appeal, file_appeal, foresee_sanction, impose_sanction
from tests.factories import make_member, make_store, make_user
from tests.members.paid.making import NOW, make_membership, make_program, place_live_card

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
SOON = NOW + timedelta(hours=1)


def make_complaint(program: PaidProgram, status: str = "REPLIED", **given: Any) -> Complaint:
    """Of a member who bought ``program``, taken up yesterday; ``REPLIED`` unless told otherwise."""
    member = given.pop("member", None) or make_member(program.store)
    if not PaidMembership.objects.filter(member=member).exists():
        make_membership(program, member)
    taken = {} if status == "FILED" else {"accepted_at": NOW - DAY, "reply_by": NOW + 4 * DAY}
    answered = {"reply": "It was sent.", "replied_at": NOW} if status == "REPLIED" else {}
    rest = {"text": "No gift came.", "status": status, "filed_at": NOW - 2 * DAY, **taken, **answered}
    return Complaint.objects.create(store=program.store, member=member, program=program, **rest | given)


def world() -> dict[str, Any]:
    """A merchant with two stores, a live program in one, a live and a drafted one in the other; a bystander with a live program."""
    one = make_store("S1")
    two = make_store("S2", merchant=one.merchant)
    far = make_store("S9")
    ops = make_user(Role.PLATFORM_MEMBER_OPS)
    programs = [make_program(one, by=ops), make_program(two, by=ops), make_program(two, status="DRAFT")]
    return {
        "merchant": one.merchant,
        "stores": [one, two],
        "far": far,
        "ops": ops,
        "appeals": make_user(Role.PLATFORM_APPEALS),
        "owner": make_user(Role.MERCHANT_OWNER, merchant=one.merchant),
        "programs": programs,
        "elsewhere": make_program(far, by=ops),
        "complaint": make_complaint(programs[0]),
    }


def sanction(made: dict[str, Any], **given: Any) -> Sanction:
    fields = {
        "complaint": made["complaint"],
        "verdict": "The gift never existed.",
        "typed_merchant_code": made["merchant"].code,
        "by": made["ops"],
        "now": SOON,
    }
    return impose_sanction(**fields | given)


def statuses() -> dict[int, str]:
    return dict(PaidProgram.objects.values_list("pk", "status"))


def state() -> tuple[Any, ...]:
    """Everything that a sanction changes."""
    models = (PaidProgram, Complaint, Sanction, SanctionAppeal, MerchantBar)
    return (*(list(model.objects.order_by("pk").values()) for model in models), AuditEvent.objects.count())


def test_proven_complaint_against_a_merchant_with_two_stores_revokes_every_program_and_bars_both_and_later_stores() -> None:
    made = world()
    given = sanction(made)
    assert statuses() == {**{program.pk: "REVOKED" for program in made["programs"]}, made["elsewhere"].pk: "LIVE"}
    assert set(PaidProgram.objects.filter(status="REVOKED").values_list("status_before", "ended_at")) == {("LIVE", SOON), ("DRAFT", SOON)}
    later = make_store("S3", merchant=made["merchant"])
    for store in (*made["stores"], later):
        assert get_bar_of_store(store.pk) == given.bar
        with pytest.raises(MerchantBarred):
            require_no_bar(store.pk)
    require_no_bar(made["far"].pk)
    made["complaint"].refresh_from_db()
    assert (made["complaint"].status, made["complaint"].decided_by, made["complaint"].decided_at) == ("PROVEN", made["ops"], SOON)
    assert (given.status, given.merchant, given.imposed_by, given.appeal_until) == ("IN_FORCE", made["merchant"], made["ops"], SOON + 15 * DAY)
    assert given.effects == {"programs": 3, "live": 2, "holders": 1, "stores": 2, "in_review": 1}
    verbs = sorted(AuditEvent.objects.values_list("verb", flat=True))
    assert verbs == ["complaint.ruled", "merchant_bar.imposed", "program.revoked", "program.revoked", "program.revoked", "sanction.imposed"]


def test_after_a_sanction_both_entry_points_are_empty_and_no_store_of_the_merchant_begins_anything() -> None:
    made = world()
    for store in made["stores"]:
        place_live_card(store)
    members = {store: make_member(store) for store in (*made["stores"], made["far"])}
    entries = ("LIVE_CARD", "MEMBER_CENTRE")
    before = [get_entry_point(store, entry, member, SOON) is not None for store, member in members.items() for entry in entries]
    assert before == [True, True, True, True, False, True]  # far has not placed the live card
    draft = made["programs"][2].packs.get()
    sanction(made)
    after = [get_entry_point(store, entry, member, SOON) is not None for store, member in members.items() for entry in entries]
    assert after == [False, False, False, False, False, True]
    later = make_store("S3", merchant=made["merchant"])
    acts: list[Callable[[Any], Any]] = [
        lambda store: invite_store(store=store, reason="Loyal buyers", by=made["ops"], now=SOON),
        lambda store: propose_nomination(store=store, reason="We ask", by=made["owner"], now=SOON),
        lambda store: create_program(store=store, name="Next plan", rank=9, by=made["owner"], now=SOON),
        lambda store: set_reminder(store=store, enabled=True, send_time=time(10), by=made["owner"], now=SOON),
    ]
    now_state = state()
    for store in (*made["stores"], later):
        for act in acts:
            with pytest.raises(MerchantBarred):
                act(store)
    with pytest.raises(MerchantBarred):
        submit_pack(pack=draft, by=made["owner"], now=SOON)
    with pytest.raises(MerchantBarred):
        rule_on_pack(pack=draft, ruling="APPROVED", by=make_user(Role.PLATFORM_MEMBER_OPS), now=SOON)
    assert state() == now_state


def test_what_is_foreseen_is_what_happens_and_looking_changes_nothing() -> None:
    made = world()
    make_membership(made["programs"][1], make_member(made["stores"][1]))
    before = state()
    foreseen = foresee_sanction(complaint=made["complaint"], by=made["ops"], now=SOON)
    assert state() == before
    assert [(stopped.program, stopped.holders) for stopped in foreseen.programs] == [
        (made["programs"][0], 1), (made["programs"][2], 0), (made["programs"][1], 1),
    ]  # fmt: skip
    assert (foreseen.live, foreseen.holders, list(foreseen.stores), foreseen.is_sanctioned) == (2, 2, made["stores"], False)
    assert sanction(made).effects == foreseen.as_figures()


def test_holders_keep_their_terms() -> None:
    made = world()
    before = list(PaidMembership.objects.values())
    sanction(made)
    assert list(PaidMembership.objects.values()) == before


@pytest.mark.parametrize(
    ("given", "code"),
    [({"typed_merchant_code": "S1"}, "wrong_merchant_code"), ({"typed_merchant_code": ""}, "wrong_merchant_code"), ({"verdict": " "}, "text_missing")],
)
def test_refused_without_the_typed_code_or_a_verdict(given: dict[str, Any], code: str) -> None:
    made = world()
    before = state()
    with pytest.raises(PaidRefused) as refused:
        sanction(made, **given)
    assert (refused.value.code, state()) == (code, before)


def test_the_merchant_is_heard_first() -> None:
    made = world()
    made["complaint"] = make_complaint(made["programs"][0], "ACCEPTED")
    with pytest.raises(PaidRefused) as refused:
        sanction(made, now=NOW + 4 * DAY)
    assert refused.value.code == "reply_pending"
    sanction(made, now=NOW + 4 * DAY + timedelta(seconds=1))
    assert Sanction.objects.count() == 1


@pytest.mark.parametrize("role", [Role.PLATFORM_INDUSTRY_OPS, Role.PLATFORM_APPEALS, Role.PLATFORM_AUDITOR])
def test_only_member_operations_sanction(role: str) -> None:
    made = world()
    before = state()
    with pytest.raises(NotAllowed):
        sanction(made, by=make_user(role))
    with pytest.raises(NotAllowed):
        foresee_sanction(complaint=made["complaint"], by=make_user(role), now=NOW)
    with pytest.raises(NotAllowed):
        sanction(made, by=made["owner"])
    assert state() == before


def test_replayed_it_is_refused_and_nothing_changes() -> None:
    made = world()
    sanction(made)
    before = state()
    with pytest.raises(StateConflict):
        sanction(made)
    assert state() == before


def test_a_second_proven_complaint_stands_beside_the_sanction_in_force() -> None:
    made = world()
    second = make_complaint(made["programs"][1])
    first = sanction(made)
    assert sanction(made, complaint=second) == first
    second.refresh_from_db()
    assert (second.status, Sanction.objects.count(), MerchantBar.objects.count()) == ("PROVEN", 1, 1)


def test_a_failure_in_the_middle_leaves_nothing_behind() -> None:
    """The standing bar belongs to another sanction, so that the last of the writes fails: none of the others may be there."""
    made = world()
    MerchantBar.objects.create(merchant=made["merchant"], reason="By hand", imposed_by=made["ops"], imposed_at=NOW)
    bar = MerchantBar.objects.get()
    Sanction.objects.create(
        merchant=made["far"].merchant,
        complaint=make_complaint(made["elsewhere"]),
        bar=bar,
        reason="x",
        imposed_by=made["ops"],
        imposed_at=NOW,
        appeal_until=NOW,
    )
    before = state()
    with pytest.raises(IntegrityError), transaction.atomic():
        sanction(made)
    assert state() == before


def test_a_barred_merchant_may_still_answer_complaints() -> None:
    made = world()
    other = make_complaint(made["programs"][1], "ACCEPTED")
    sanction(made)
    assert reply(complaint=other, text="We pay it back.", by=made["owner"], now=SOON).status == "REPLIED"


# --- appeals


def test_the_owner_appeals_once_in_time() -> None:
    made = world()
    given = sanction(made)
    with pytest.raises(PaidRefused) as late:
        file_appeal(sanction=given, text="Wrong.", by=made["owner"], now=given.appeal_until + timedelta(seconds=1))
    assert late.value.code == "appeal_too_late"
    with pytest.raises(PaidRefused) as empty:
        file_appeal(sanction=given, text=" ", by=made["owner"], now=SOON)
    assert empty.value.code == "text_missing"
    appeal = file_appeal(sanction=given, text="The gift was sent on the 3rd.", by=made["owner"], now=given.appeal_until)
    assert (appeal.status, appeal.imposed_by, appeal.filed_by) == ("OPEN", made["ops"], made["owner"])
    with pytest.raises(PaidRefused) as again:
        file_appeal(sanction=given, text="Again.", by=made["owner"], now=SOON)
    assert again.value.code == "appealed_already"


def test_only_the_merchants_owner_appeals() -> None:
    made = world()
    given = sanction(made)
    operator = make_user(Role.MERCHANT_OPERATOR, merchant=made["merchant"])
    stranger = make_user(Role.MERCHANT_OWNER, merchant=made["far"].merchant)
    for user, kind in ((operator, NotAllowed), (stranger, NotFound), (made["ops"], NotFound)):
        with pytest.raises(kind):
            file_appeal(sanction=given, text="Wrong.", by=user, now=SOON)
    assert not SanctionAppeal.objects.exists()


def test_appeal_decided_by_the_same_person_is_refused() -> None:
    made = world()
    both = make_user(Role.PLATFORM_ADMIN)
    appeal = file_appeal(sanction=sanction(made, by=both), text="Wrong.", by=made["owner"], now=SOON)
    before = state()
    with pytest.raises(NotAllowed) as refused:
        decide_appeal(appeal=appeal, granted=True, reason="It was sent.", by=both, now=SOON)
    assert (refused.value.code, state()) == ("same_person", before)
    with pytest.raises(NotAllowed):
        decide_appeal(appeal=appeal, granted=True, reason="It was sent.", by=made["ops"], now=SOON)
    assert state() == before


def test_appeal_granted_restores_every_program_and_ends_the_bar() -> None:
    made = world()
    closed_at = NOW - 3 * DAY
    PaidProgram.objects.filter(pk=made["programs"][1].pk).update(status="CLOSED", ended_at=closed_at)
    before = list(PaidProgram.objects.order_by("pk").values())
    given = sanction(made)
    appeal = file_appeal(sanction=given, text="Wrong.", by=made["owner"], now=SOON)
    decide_appeal(appeal=appeal, granted=True, reason="The gift was sent.", by=made["appeals"], now=SOON + DAY)
    assert list(PaidProgram.objects.order_by("pk").values()) == before
    given.refresh_from_db()
    given.bar.refresh_from_db()
    assert (given.status, given.lifted_at, given.bar.ended_by, given.bar.ended_at) == ("LIFTED", SOON + DAY, made["appeals"], SOON + DAY)
    for store in (*made["stores"], make_store("S3", merchant=made["merchant"])):
        require_no_bar(store.pk)
    assert AuditEvent.objects.filter(verb="program.restored").count() == 3
    with pytest.raises(StateConflict):
        decide_appeal(appeal=appeal, granted=True, reason="Again.", by=made["appeals"], now=SOON + DAY)


def test_appeal_denied_changes_nothing_but_the_appeal() -> None:
    made = world()
    appeal = file_appeal(sanction=sanction(made), text="Wrong.", by=made["owner"], now=SOON)
    with pytest.raises(PaidRefused) as empty:
        decide_appeal(appeal=appeal, granted=False, reason="", by=made["appeals"], now=SOON)
    assert empty.value.code == "text_missing"
    decide_appeal(appeal=appeal, granted=False, reason="Nothing was sent.", by=made["appeals"], now=SOON)
    appeal.refresh_from_db()
    assert (appeal.status, appeal.decided_by, appeal.reason) == ("DENIED", made["appeals"], "Nothing was sent.")
    assert (Sanction.objects.get().status, statuses()[made["programs"][0].pk]) == ("IN_FORCE", "REVOKED")
    assert AuditEvent.objects.filter(verb="sanction.upheld").count() == 1


def test_lifted_while_another_proven_complaint_stands_that_one_brings_its_own_sanction() -> None:
    made = world()
    second = make_complaint(made["programs"][1])
    first = sanction(made)
    sanction(made, complaint=second, verdict="No coupon either.")
    appeal = file_appeal(sanction=first, text="Wrong.", by=made["owner"], now=SOON)
    decide_appeal(appeal=appeal, granted=True, reason="The gift was sent.", by=made["appeals"], now=SOON + DAY)
    new = Sanction.objects.get(status="IN_FORCE")
    assert (new.complaint, new.reason, new.imposed_by, new.imposed_at) == (second, "No coupon either.", made["ops"], SOON + DAY)
    assert {statuses()[program.pk] for program in made["programs"]} == {"REVOKED"}
    assert get_bar_of_store(made["stores"][0].pk) == new.bar
    again = file_appeal(sanction=new, text="Wrong too.", by=made["owner"], now=SOON + DAY)
    decide_appeal(appeal=again, granted=True, reason="It came.", by=made["appeals"], now=SOON + 2 * DAY)
    assert sorted(statuses().values()) == ["DRAFT", "LIVE", "LIVE", "LIVE"]
