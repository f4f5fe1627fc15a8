"""What the database itself refuses, whoever asks, and the invariants, broken on purpose."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from applications.models import (
    Application,
    CaseEvent,
    ChecklistVerdict,
    Claim,
    Decision,
    DecisionItem,
    DeveloperStanding,
    GateResult,
    GateRun,
    Grant,
    InternalNote,
    PolicyCell,
    PolicyVersion,
    RequestedCapability,
    Revision,
)
from applications.selectors.replay import list_replay_differences
from applications.services.review import add_note, claim
from backoffice.kernel.invariants import find_breaches
from tests.applications.cases import MONDAY, UNDO, approved, claimed, days, make_world, queued, refused, review, staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    return make_world()


def refused_by(error: type[Exception], match: str, act: Any) -> None:
    with pytest.raises(error, match=match), transaction.atomic():
        act()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_no_state_changes_without_its_event(world):
    case = queued(world)
    for changes in ({"state": "APPROVED"}, {"version": 99}, {"due_at": MONDAY}, {"round_count": 1}, {"fence": 7}):
        refused_by(IntegrityError, "application_moved_by_its_event", lambda changes=changes: Application.objects.filter(pk=case.pk).update(**changes))
    event = CaseEvent.objects.create(case=case, seq=case.version + 1, act="WITHDRAW", from_state="QUEUED", to_state="WITHDRAWN", happened_at=MONDAY)
    refused_by(
        IntegrityError,
        "application_moved_by_its_event",
        lambda: Application.objects.filter(pk=case.pk).update(state="APPROVED", version=event.seq, closed_at=MONDAY, clock_started_at=None),
    )


def test_history_is_neither_changed_nor_deleted(world):
    case = queued(world)
    add_note(case=case, text="x", by=staff(), now=MONDAY)
    for model in (CaseEvent, Revision, GateRun, GateResult, InternalNote):
        refused_by(DatabaseError, "Cannot", lambda model=model: execute(f"DELETE FROM {model._meta.db_table}"))  # noqa: S608
    for model, changes in ((CaseEvent, {"facts": {}}), (Revision, {"content": {}}), (GateRun, {"outcome": "PASSED"}), (InternalNote, {"text": "y"})):
        refused_by(DatabaseError, "Cannot", lambda model=model, changes=changes: model.objects.update(**changes))
    refused_by(DatabaseError, "Cannot", lambda: execute("DELETE FROM applications_application"))


def test_a_published_table_is_never_changed(world):
    cell = PolicyCell.objects.first()
    for act in (
        lambda: PolicyCell.objects.update(openness="CLOSED"),
        lambda: PolicyCell.objects.all().delete(),
        lambda: PolicyCell.objects.create(policy=world.policy, category=world.toys, capability=world.reader, openness="OPEN"),
    ):
        refused_by(IntegrityError, "policy_cell_of_a_draft", act)
    for changes in ({"number": 9}, {"status": "DRAFT"}, {"published_by": world.editor}, {"editor_ids": []}):
        refused_by(IntegrityError, "policy_version_", lambda changes=changes: PolicyVersion.objects.update(**changes))
    assert cell is not None


def test_who_edited_a_table_does_not_publish_it_even_in_the_database(world):
    draft = PolicyVersion.objects.create(number=2, created_at=MONDAY, editor_ids=[world.editor.pk])
    PolicyVersion.objects.filter(pk=world.policy.pk).update(status="RETIRED", retired_at=MONDAY)
    refused_by(
        IntegrityError,
        "policy_version_second_person",
        lambda: PolicyVersion.objects.filter(pk=draft.pk).update(status="PUBLISHED", published_at=MONDAY, published_by=world.editor),
    )


def test_two_claims_two_grants_two_tables(world):
    case = approved(world)
    claim_of = queued(world)
    claimed(claim_of, staff())
    refused_by(
        IntegrityError,
        "claim_one_at_a_time",
        lambda: Claim.objects.create(case=claim_of, token=9, reviewer=staff(), claimed_at=MONDAY, lease_until=MONDAY + days(1)),
    )
    grant = Grant.objects.get()
    refused_by(
        IntegrityError,
        "grant_one_live",
        lambda: Grant.objects.create(
            app=case.app, capability=world.reader, build="TEMPLATE", decision=grant.decision, granted_at=MONDAY, expires_at=MONDAY + days(1)
        ),
    )
    refused_by(
        IntegrityError,
        "policy_version_one_in_force",
        lambda: PolicyVersion.objects.create(number=2, status="PUBLISHED", created_at=MONDAY, published_at=MONDAY),
    )


def broken() -> set[str]:
    return {breach.invariant for breach in find_breaches() if breach.invariant.startswith("applications.")}


def test_everything_holds_after_a_day_of_work(world):
    approved(world)
    refused(world, fail=["N1"])
    review(queued(world, world.risky))
    claimed(queued(world), staff())
    assert broken() == set()


def test_each_invariant_is_found_broken(world):
    case = approved(world)
    held = queued(world)
    claim(case=held, by=staff(), now=MONDAY)
    for expected, act, back in [
        (
            {"applications.replay"},
            lambda: Application.objects.filter(pk=case.pk).update(round_count=2),
            lambda: Application.objects.filter(pk=case.pk).update(round_count=0),
        ),
        (
            {"applications.revisions"},
            lambda: Revision.objects.filter(pk=case.revision_id).update(content_hash="x"),
            lambda: Revision.objects.filter(pk=case.revision_id).update(content_hash=_hash_of(case)),
        ),
        (
            {"applications.claims"},
            lambda: Claim.objects.filter(case=held).update(ended_at=MONDAY),
            lambda: Claim.objects.filter(case=held).update(ended_at=None),
        ),
        (
            {"applications.places"},
            lambda: RequestedCapability.objects.filter(case=held).update(holds_place=False),
            lambda: RequestedCapability.objects.filter(case=held).update(holds_place=True),
        ),
        (
            {"applications.standing"},
            lambda: DeveloperStanding.objects.filter(pk=case.developer_id).update(score=3),
            lambda: DeveloperStanding.objects.filter(pk=case.developer_id).update(score=0),
        ),
        (
            {"applications.nothing_granted_over_the_ban"},
            lambda: ChecklistVerdict.objects.filter(case=case, item="N1").update(answer="FAIL"),
            lambda: ChecklistVerdict.objects.filter(case=case, item="N1").update(answer="PASS"),
        ),
        (
            {"applications.grants_from_rulings"},
            lambda: DecisionItem.objects.update(ruling="REFUSE"),
            lambda: DecisionItem.objects.update(ruling="GRANT"),
        ),
        (
            {"applications.live_decisions"},
            lambda: Decision.objects.update(kind="REFUSED"),
            lambda: Decision.objects.update(kind="APPROVED"),
        ),
    ]:
        without_triggers(act)
        assert broken() == expected
        without_triggers(back)
        assert broken() == set()


def without_triggers(act: Any) -> None:
    with pgtrigger.ignore("applications.Application:moved_by_its_event", "applications.Revision:frozen"):
        act()


def _hash_of(case: Application) -> str:
    return GateRun.objects.get(case=case).content_hash


def test_a_gap_or_an_unknown_step_is_no_history(world):
    case = approved(world)
    events = list(case.events.order_by("seq"))
    assert list_replay_differences(case, events) == {}
    assert "events" in list_replay_differences(case, events[:2] + events[3:])
    assert set(list_replay_differences(case, events[:-1])) >= {"state", "version"}


def test_commands_answer_in_json(world):
    case = queued(world)
    review(case)
    out = StringIO()
    call_command("advance_applications", "--now", (MONDAY + UNDO).isoformat(), "--json", stdout=out)
    assert json.loads(out.getvalue())["done"] == {"executed": 1}
    out = StringIO()
    with pytest.raises(SystemExit):
        call_command("grants_check", "--app", case.app.code, "--capability", "member.read", "--store", "none", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"allowed": False, "reason": "unknown_store"}
