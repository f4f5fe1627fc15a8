"""Figures of the review: every number opens the rows that it counts; steps of a case with their replay."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection

from applications.admin.platform.figures import Span, month_cells
from applications.models import Application
from applications.selectors.figures import Month
from applications.services.appeals import file_appeal, uphold_appeal
from backoffice.kernel import clock
from backoffice.kernel.tenancy.roles import Role
from tests.applications.admin.consoles import logged_in, queries, text
from tests.applications.cases import MONDAY, approved, make_draft, make_world, owner_of, refused, staff, submitted

FIGURES = "/admin/applications/caseevent/figures/"
STEPS = "/admin/applications/caseevent/"
SPAN = "from=2026-11-01&to=2026-11-30"

pytestmark = pytest.mark.django_db


def reader() -> Any:
    return logged_in(staff(Role.PLATFORM_AUDITOR))


def numbers_on(page: str) -> dict[str, str]:
    """Number as shown by the code of its list."""
    links = re.findall(r'href="[^"]*figures/rows/\?([^"]*)">([^<]*)</a>', page)
    return {re.search(r"what=([^&]*)", query)[1]: shown for query, shown in reversed(links)}  # type: ignore[index]


def test_every_number_opens_the_rows_that_it_counts() -> None:
    world = make_world()
    first, second = approved(world), refused(world, fail=("N1", "M1"))
    refused(world, fail=("N2",))
    stopped = submitted(make_draft(world, contact_name=""))
    client = reader()
    found = numbers_on(text(client, f"{FIGURES}?{SPAN}"))
    assert found["late"] == "0"
    assert (found["refusal%3AN1"], found["refusal%3AN2"], found["refusal%3AM1"]) == ("1", "1", "1")
    assert (found["refusals"], found["gate_stops"], found["gate%3AG02"]) == ("2", "1", "1")
    assert (found["in_time"], found["first_pass"], found["overturned"]) == ("100.0 %", "33.3 %", "0.0 %")
    for what, case in (("decided", first), ("first_pass", first), ("in_time", second), ("refusal:N1", second), ("gate_stops", stopped), ("gate:G02", stopped)):
        page = text(client, f"{FIGURES}rows/?{SPAN}&what={what}")
        assert case.number in page, what
    assert "None in these days" in text(client, f"{FIGURES}rows/?{SPAN}&what=late")
    assert second.number not in text(client, f"{FIGURES}rows/?{SPAN}&what=refusal:N2")


def test_no_number_in_a_table_stands_without_its_rows_and_failures_are_called_so() -> None:
    world = make_world()
    case = refused(world, fail=("N1",))
    client = reader()
    page = text(client, f"{FIGURES}?{SPAN}")
    cells = re.findall(r'<td class="number">(.*?)</td>', page)
    assert len(cells) == 6  # four of the month, two of the refusal
    assert [cell for cell in cells if "figures/rows/?" not in cell] == []
    assert case.number in text(client, f"{FIGURES}rows/?{SPAN}&what=refused")
    assert case.number not in text(client, f"{FIGURES}rows/?{SPAN}&what=approved")
    assert case.number not in text(client, f"{FIGURES}rows/?{SPAN}&what=partial")
    assert "N1 Forced join in the middle of an interaction" in page
    assert "No forced join" not in page


def test_a_month_at_the_edge_opens_only_its_days_of_the_span() -> None:
    month = Month(date(2026, 11, 1), 1, 0, 0, 1)
    span = Span(date(2026, 11, 9), date(2026, 12, 3))
    assert "from=2026-11-09&to=2026-11-30" in month_cells(month, span)[0][1]


def test_overturned_is_told_of_answered_appeals_too() -> None:
    world = make_world()
    for overturns in (True, False):
        case = refused(world, fail=("M1",))
        appeal = file_appeal(decision=case.decisions.get(), statement="x", by=owner_of(case.developer), now=MONDAY + timedelta(hours=1))
        if not overturns:
            uphold_appeal(appeal=appeal, answer="维持", by=staff(Role.PLATFORM_APPEALS), now=MONDAY + timedelta(days=1))
    page = text(reader(), f"{FIGURES}?{SPAN}")
    assert "Overturned, of the appeals answered" in page
    assert "0 of 1" in page
    assert numbers_on(page)["appeals"] == "0.0 %"


def test_figures_of_other_days_are_empty_and_say_so() -> None:
    approved(make_world())
    page = text(reader(), f"{FIGURES}?from=2020-01-01&to=2020-01-31")
    for words in ("Nothing was decided in these days", "Nothing was refused in these days", "No submission was stopped in these days"):
        assert words in page


@pytest.mark.parametrize("query", ["from=x", "from=2026-12-01&to=2026-11-01", "from=0001-01-01&to=2026-11-01", "to=9999-12-31"])
def test_what_are_no_days_is_404(query: str) -> None:
    assert reader().get(f"{FIGURES}?{query}").status_code == 404


@pytest.mark.parametrize("what", ["", "nothing", "refusal:X9", "gate:G99", "refusal:"])
def test_a_number_that_there_is_not_is_404(what: str) -> None:
    assert reader().get(f"{FIGURES}rows/?{SPAN}&what={what}").status_code == 404


def test_member_operations_have_no_figures() -> None:
    assert logged_in(staff(Role.PLATFORM_MEMBER_OPS)).get(FIGURES).status_code == 403


@pytest.mark.parametrize("number", [1, 3])
def test_pages_take_as_many_queries_for_one_case_as_for_three(number: int) -> None:
    world = make_world()
    for _ in range(number):
        refused(world, fail=("N1",))
        submitted(make_draft(world, contact_name=""))
    rows = [f"{FIGURES}rows/?{SPAN}&what={what}" for what in ("decided", "refusals", "gate_stops")]
    assert queries(reader(), f"{FIGURES}?{SPAN}", *rows) == [17, 6, 6, 7]


@pytest.mark.parametrize("number", [1, 3])
def test_steps_take_as_many_queries_for_one_as_for_three(number: int) -> None:
    world = make_world()
    for _ in range(number):
        make_draft(world)
    assert queries(reader(), STEPS) == [4]


def test_steps_of_a_case_and_its_replay() -> None:
    case = approved(make_world())
    client = reader()
    page = text(client, f"{STEPS}?case_id={case.pk}")
    assert "Replay agrees" in page
    assert "Decision took effect" in page
    event = case.events.get(seq=2)
    assert "submitted_at" in text(client, f"{STEPS}{event.pk}/change/")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
    Application.objects.filter(pk=case.pk).update(closed_at=MONDAY + timedelta(days=9), round_count=2)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = DEFAULT")
    page = text(client, f"{STEPS}?case_id={case.pk}")
    assert "Replay differs" in page
    assert "round_count" in page
    assert clock.local_day(MONDAY).isoformat() in page
