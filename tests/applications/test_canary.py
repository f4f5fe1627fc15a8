"""No note, reviewer's name or hold in anything that an applicant can be given: what selectors, notices and refusals say. Pages and API walk their own."""

from __future__ import annotations

import dataclasses

import pytest
from django.utils import translation

from applications.choices import CaseState
from applications.models import Notification
from applications.selectors.applicant import get_seen_case, get_standing, seen_state, seen_state_filter
from applications.selectors.notices import TEXTS, notice_text
from applications.services.appeals import file_appeal, uphold_appeal
from applications.services.decide import release_hold, return_hold
from applications.services.review import add_note, claim, release_claim
from applications.services.standing import propose_bar
from applications.services.sweep import advance
from backoffice.kernel.tenancy.roles import Role
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    NAME_MARK,
    NOTE_MARK,
    UNDO,
    claimed,
    fresh,
    make_world,
    onboarded,
    owner_of,
    queued,
    review,
    sent_back,
    staff,
)

pytestmark = pytest.mark.django_db
INNER = (NAME_MARK, NOTE_MARK, "'HELD'", "DECIDED", "HIGH_RISK", "TRUSTED", "RETURNED")


def everything_said(case) -> str:
    """All that the applicant's page and notices would say, in both languages, and what the stored notices hold."""
    said = []
    for language in ("en", "zh-hans"):
        with translation.override(language):
            said.append(repr(dataclasses.asdict(get_seen_case(fresh(case), now=MONDAY + UNDO * 10))))
            said.append(repr(get_standing(case.developer, now=MONDAY)))
            said += [repr(notice_text(row)) + repr(row.params) + row.kind + row.key for row in Notification.objects.filter(developer=case.developer)]
    return "\n".join(said)


def test_a_long_story_with_holds_and_notes_shows_none_of_them():
    world, senior = make_world(), staff(Role.PLATFORM_SENIOR)
    case = queued(world, world.risky)
    said = []
    for note in ("", " again"):
        add_note(case=case, text=NOTE_MARK + note, by=staff(), now=MONDAY)
    review(case)
    said.append(everything_said(case))
    return_hold(case=case, note=NOTE_MARK, by=senior, now=MONDAY)
    held = claim(case=case, by=staff(), now=MONDAY)
    release_claim(case=case, token=held.token, by=held.reviewer, now=MONDAY)
    said.append(everything_said(case))
    review(case, fail=["N1"], now=MONDAY + MINUTE)
    said.append(everything_said(case))
    advance(now=MONDAY + MINUTE + UNDO)
    said.append(everything_said(case))
    appeal = file_appeal(decision=case.decisions.get(status="EXECUTED"), statement="x", by=owner_of(case.developer), now=MONDAY + UNDO * 2)
    uphold_appeal(appeal=appeal, answer="维持原判", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO * 2)
    propose_bar(developer=case.developer, reason=NOTE_MARK, by=senior, now=MONDAY)
    said.append(everything_said(case))
    for text in said:
        assert [mark for mark in INNER if mark in text] == []
    assert "维持原判" in said[-1]
    assert "看到了 N1 的问题" in said[-1]
    assert "看到了 N1 的问题" not in said[2]


def test_a_hold_looks_like_a_review_in_every_respect():
    """Two cases, one held and one simply in review, are told apart by nothing."""
    world = make_world()
    held, plain = queued(world, world.risky, developer=onboarded()), queued(world, world.risky, developer=onboarded())
    review(held)
    claimed(plain, staff())
    seen = [dataclasses.asdict(get_seen_case(fresh(case), now=MONDAY)) for case in (held, plain)]
    for row in seen:
        for name in ("id", "number"):
            row.pop(name)
    assert seen[0] == seen[1]
    kinds = [sorted(Notification.objects.filter(case=case).values_list("kind", "channel")) for case in (held, plain)]
    assert kinds[0] == kinds[1]
    release_hold(case=held, by=staff(Role.PLATFORM_SENIOR), now=MONDAY)
    assert get_seen_case(fresh(held), now=MONDAY).state == CaseState.IN_REVIEW


def test_taking_a_case_up_again_is_no_news():
    case = queued(make_world())
    for _ in range(3):
        held = claimed(case, staff())
        release_claim(case=case, token=held.token, by=held.reviewer, now=MONDAY)
    assert Notification.objects.filter(kind="IN_REVIEW", channel="IN_APP").count() == 1
    assert [step.state for step in get_seen_case(fresh(case), now=MONDAY).steps] == ["DRAFT", "QUEUED", "IN_REVIEW"]


def test_the_filter_of_a_list_knows_no_inner_states():
    assert {seen_state(state) for state in CaseState.values} == set(CaseState.values) - {CaseState.HELD, CaseState.DECIDED}
    assert str(seen_state_filter("HELD")) == str(seen_state_filter("NOTHING"))


def test_every_notice_has_words_in_both_languages():
    case = sent_back(queued(make_world()))
    notice = Notification.objects.filter(case=case, kind="CHANGES_REQUESTED").first()
    with translation.override("en"):
        english = notice_text(notice).body
    with translation.override("zh-hans"):
        chinese = notice_text(notice).body
    assert case.number in english
    assert english != chinese
    for kind in TEXTS:
        assert notice_text(Notification(kind=kind, params={})).body
