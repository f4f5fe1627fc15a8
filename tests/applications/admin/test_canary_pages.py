"""No note, reviewer's name or hold on any page, dialog, history or download of the developer's and the merchant's console.

The addresses come from the resolver, so that a new page is walked without anybody adding it here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from applications.admin.developer import base, case_page
from applications.choices import SEEN_OUTSIDE, CaseState, HoldCause
from applications.models import Application, Grant, Notification
from applications.services.appeals import file_appeal, uphold_appeal
from applications.services.decide import execute, release_hold, request_changes, return_hold
from applications.services.grants import propose_revocation, suspend_grant
from applications.services.review import add_note, claim, release_claim
from applications.services.standing import propose_bar
from backoffice.kernel.sites import CONSOLE_SITES
from backoffice.kernel.tenancy.models import User
from backoffice.kernel.tenancy.roles import Role
from tests.access.surfaces import url_patterns
from tests.applications.cases import (
    MINUTE,
    MONDAY,
    NAME_MARK,
    NOTE_MARK,
    UNDO,
    claimed,
    judge_all,
    make_app,
    make_draft,
    make_world,
    merchant_owner,
    onboarded,
    owner_of,
    queued,
    queued_custom,
    review,
    sent_back,
    staff,
    submitted,
)
from tests.factories import make_merchant, make_store

pytestmark = pytest.mark.django_db

HELD_BACK = "held-back"
"""Stands in every text that a reviewer wrote and that is not in effect."""
MARKS = (NAME_MARK, NOTE_MARK, HELD_BACK)
INNER_CODES = re.compile(r"\b(HELD|DECIDED|HIGH_RISK|TRUSTED_FIRST_REFUSAL)\b")
INNER_WORDS = [*(CaseState(code).label for code in SEEN_OUTSIDE), *HoldCause.labels]
"""Only on pages of applications: credit is held too."""


@pytest.fixture
def people() -> list[tuple[str, User]]:
    """One developer and one merchant with cases in every inner state; everything that must stay inside carries a mark."""
    world, senior = make_world(), staff(Role.PLATFORM_SENIOR)
    merchant = make_merchant(tier="PREMIUM")
    make_store(merchant=merchant)
    developer = onboarded()
    told = {"developer": developer}
    cases = {
        "held": queued(world, world.risky, **told),
        "returned": queued(world, world.risky, **told),
        "undecided": queued(world, **told),
        "decided": queued(world, app=make_app(developer, world)),
        "refused": queued(world, app=make_app(developer, world)),
    }
    for case in cases.values():
        add_note(case=case, text=NOTE_MARK, by=staff(), now=MONDAY)
    review(cases["held"])
    review(cases["returned"])
    return_hold(case=cases["returned"], note=NOTE_MARK, by=senior, now=MONDAY)
    _half_judged(cases["undecided"])
    held = claimed(cases["decided"], staff(), now=MONDAY)
    judge_all(held, fail=["M2"])
    _mark_reasons(cases["decided"])
    request_changes(case=cases["decided"], token=held.token, by=held.reviewer, now=MONDAY, message=HELD_BACK)
    _refused_and_appealed(cases["refused"], senior)
    sent_back(submitted(make_draft(world, app=make_app(developer, world))), now=MONDAY)
    custom = queued_custom(world, merchant=merchant)
    review(custom)
    execute(case=custom, now=MONDAY + UNDO)
    grant = Grant.objects.get(app=custom.app)
    suspend_grant(grant=grant, reason="示例原因", by=senior, now=MONDAY)
    propose_revocation(grant=grant, reason=NOTE_MARK, by=senior, now=MONDAY)
    own = make_app(developer, world, build="CUSTOM")
    submitted(make_draft(world, world.special, app=own, merchant=merchant.code, audience_group=""))
    for one in (developer, custom.developer):
        propose_bar(developer=one, reason=NOTE_MARK, by=senior, now=MONDAY)
    return [("developer", owner_of(developer)), ("developer", owner_of(custom.developer)), ("merchant", merchant_owner(merchant))]


def _half_judged(case: Application) -> None:
    held = claim(case=case, by=staff(), now=MONDAY)
    judge_all(held, fail=["M1"])
    _mark_reasons(case)
    release_claim(case=case, token=held.token, by=held.reviewer, now=MONDAY)


def _mark_reasons(case: Application) -> None:
    case.reasons.update(fact=HELD_BACK, fix=HELD_BACK)


def _refused_and_appealed(case: Application, senior: User) -> None:
    review(case, fail=["N1"])
    if case.decisions.get().status == "HELD":
        release_hold(case=case, by=senior, now=MONDAY)
    execute(case=case, now=MONDAY + UNDO + MINUTE)
    appeal = file_appeal(decision=case.decisions.get(), statement="x", by=owner_of(case.developer), now=MONDAY + UNDO * 2)
    uphold_appeal(appeal=appeal, answer="维持原判", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + UNDO * 2)


def addresses(console: str) -> Iterator[str]:
    """Every address of the console; one of a row for every row that there is, in reach or not."""
    site = next(site for site in CONSOLE_SITES if site.name == console)
    numbers = {f"{model._meta.app_label}_{model._meta.model_name}": list(model._default_manager.values_list("pk", flat=True)) for model in site._registry}
    for name, (route, pattern) in url_patterns().items():
        if not name.startswith(f"{console}:") or "(?P" in route or pattern.name in ("logout", "login"):
            continue
        if "<" not in route:
            yield reverse(name)
        elif "object_id" in route:
            model = max((each for each in numbers if name.split(":")[1].startswith(f"{each}_")), key=len)
            yield from (reverse(name, args=[number]) for number in numbers[model])


def leaks(console: str, user: User, languages: tuple[str, ...]) -> Iterator[str | None]:
    """What each answer shows that it must not; None for an answer without anything."""
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    for language in languages:
        User.objects.filter(pk=user.pk).update(language=language)
        with translation.override(language):
            words = [str(word) for word in INNER_WORDS]
        for address in addresses(console):
            answer = client.get(address)
            if answer.status_code == 200:
                found = _found(answer, words if "/applications/" in address else [])
                yield f"{console} {language} {address}: {found}" if found else None


def test_no_page_of_developers_and_merchants_holds_what_stays_inside(people: list[tuple[str, User]]) -> None:
    walked = [leak for console, user in people for leak in leaks(console, user, ("en", "zh-hans") if console == "developer" else ("zh-hans",))]
    assert [leak for leak in walked if leak] == []
    assert len(walked) > 100


def test_what_was_in_effect_is_shown(people: list[tuple[str, User]]) -> None:
    """The walk would also pass over empty pages: it does not."""
    client = Client()
    client.force_login(people[0][1], backend="backoffice.kernel.tenancy.auth.SeatBackend")
    case = Application.objects.get(state="REFUSED")
    page = client.get(f"/developer/applications/application/{case.pk}/change/").content.decode()
    assert "看到了 N1 的问题" in page
    assert "维持原判" in page
    held = Application.objects.get(state="HELD")
    with translation.override("zh-hans"):
        assert "审核中" in client.get(f"/developer/applications/application/{held.pk}/change/").content.decode()


def test_the_walk_notices_a_leak(people: list[tuple[str, User]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_page, "sentence", lambda *_args, **_given: NOTE_MARK)
    assert any(leaks(*people[0], ("en",)))


def test_a_name_in_a_history_is_noticed(people: list[tuple[str, User]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The history of a grant knows who proposed to revoke it: only the own people's acts are shown outside."""
    monkeypatch.setattr(base, "by_own_people", lambda _request, events: events)
    assert any(leaks(*people[1], ("en",)))


def test_notices_hold_none_of_it(people: list[tuple[str, User]]) -> None:
    assert people
    for row in Notification.objects.exclude(developer=None, merchant=None):
        told = f"{row.kind} {row.key} {row.params}"
        assert [mark for mark in MARKS if mark in told] == [], told
        assert INNER_CODES.search(told) is None, told


def _found(answer: Any, words: list[str]) -> list[str]:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    text = body.decode(errors="replace") + str(answer.headers)
    codes = INNER_CODES.findall(text) if words else []
    return [*(mark for mark in (*MARKS, *words) if mark in text), *codes]
