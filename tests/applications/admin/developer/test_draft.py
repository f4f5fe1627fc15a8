"""Writing, stopping, submitting and answering on one page: findings and tasks beside the fields, nothing typed is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from applications.choices import CaseState, DemoCover
from applications.content import content_of
from applications.models import Application, DemoFile
from tests.applications.admin.consoles import logged_in, text
from tests.applications.cases import World, fresh, make_app, make_draft, make_world, onboarded, owner_of, queued, sent_back
from tests.factories import make_developer, make_merchant

pytestmark = pytest.mark.django_db
LIST = "/developer/applications/application/"


@pytest.fixture
def world() -> World:
    return make_world()


def draft_url(case: Application) -> str:
    return f"{LIST}{case.pk}/draft/"


def typed(case: Application, **changes: Any) -> dict[str, Any]:
    """What a browser would send for the stored draft, with changes."""
    plain = content_of(case.draft).as_json()
    sent = {name: value for name, value in plain.items() if name not in ("capabilities", "demo_file") and value is not None}
    sent["draft_version"] = fresh(case).draft_version
    for asked in plain["capabilities"]:
        code = asked["capability"]
        sent |= {f"ask-{code}": "on", f"scene-{code}": asked["scene"], f"value-{code}": asked["value"]}
    return sent | changes


def part(page: str, title: str) -> str:
    """The section of the page under this heading."""
    return next(section for section in re.split(r"<section", page) if title in section)


def test_a_finding_stands_beside_the_field_it_concerns(world: World) -> None:
    case = make_draft(world, demo_url="", contact_dingtalk="", audience_group="")
    client = logged_in(owner_of(case.developer))
    page = text(client, draft_url(case))
    assert "No demo is attached" in part(page, "Demo: a document")
    assert "Not filled in: DingTalk" in part(page, "Contacts")
    assert "nothing is said" in part(page, "For which merchants mainly")
    assert "No demo is attached" not in part(page, "Contacts")


def test_a_closed_capability_says_so_at_the_capability(world: World) -> None:
    case = make_draft(world, world.reader, world.special)
    page = text(logged_in(owner_of(case.developer)), draft_url(case))
    blocks = page.split("<fieldset")
    assert "custom builds only" in next(block for block in blocks if f"ask-{world.special.code}" in block)
    assert "custom builds only" not in next(block for block in blocks if f"ask-{world.reader.code}" in block)


def test_stopped_then_mended_then_submitted(world: World) -> None:
    case = make_draft(world, demo_url="not an address")
    client = logged_in(owner_of(case.developer))
    answer = client.post(draft_url(case), typed(case, submit="1"), follow=True)
    page = answer.content.decode()
    assert "Not submitted: the checks found 1 thing" in page
    assert "is not a public web address" in part(page, "Demo: a document")
    assert fresh(case).state == CaseState.DRAFT
    answer = client.post(draft_url(case), typed(fresh(case), demo_url="https://www.yuque.com/demo/x", submit="1"), follow=True)
    assert fresh(case).state == CaseState.QUEUED
    assert "It passed the automatic checks and waits for a reviewer" in answer.content.decode()


def test_looking_and_saving_count_as_no_stop(world: World) -> None:
    case = make_draft(world, demo_url="")
    client = logged_in(owner_of(case.developer))
    text(client, draft_url(case))
    client.post(draft_url(case), typed(case, contact_name="王五"))
    assert fresh(case).draft["contact_name"] == "王五"
    assert not case.gate_runs.exists()


def test_nothing_typed_is_lost_when_another_window_was_faster(world: World) -> None:
    case = make_draft(world)
    client = logged_in(owner_of(case.developer))
    sent = typed(case, **{f"scene-{world.reader.code}": "在这里写了很久的一段话"})
    client.post(draft_url(case), typed(case, contact_name="先到的"))
    answer = client.post(draft_url(case), sent)
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "changed in another window" in page
    assert "在这里写了很久的一段话" in page
    assert fresh(case).draft["contact_name"] == "先到的"


def test_a_text_that_is_too_long_keeps_the_rest(world: World) -> None:
    case = make_draft(world)
    answer = logged_in(owner_of(case.developer)).post(draft_url(case), typed(case, contact_name="x" * 600, contact_other="留着"))
    assert answer.status_code == 422
    assert "留着" in answer.content.decode()
    assert "at most 500 characters" in answer.content.decode()


def test_first_time_developers_are_asked_for_papers_and_others_are_not(world: World) -> None:
    new, settled = make_draft(world, developer=make_developer()), make_draft(world)
    assert 'name="company_intro"' in text(logged_in(owner_of(new.developer)), draft_url(new))
    assert 'name="company_intro"' not in text(logged_in(owner_of(settled.developer)), draft_url(settled))


def test_a_custom_build_asks_for_its_merchant_a_template_for_its_audience(world: World) -> None:
    developer = onboarded()
    custom = make_draft(world, world.special, app=make_app(developer, world, build="CUSTOM"), merchant=make_merchant(tier="PREMIUM").code)
    template = make_draft(world, developer=developer)
    client = logged_in(owner_of(developer))
    assert ('name="merchant"' in text(client, draft_url(custom)), 'name="audience_group"' in text(client, draft_url(custom))) == (True, False)
    assert ('name="merchant"' in text(client, draft_url(template)), 'name="audience_group"' in text(client, draft_url(template))) == (False, True)


def test_an_upload_becomes_the_demo_and_is_handed_out_to_its_owner_only(world: World, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    case = make_draft(world, demo_url="")
    client = logged_in(owner_of(case.developer))
    client.post(draft_url(case), typed(case, demo_url="", upload=SimpleUploadedFile("设计稿.pdf", b"%PDF-1.7")))
    demo = DemoFile.objects.get()
    assert (demo.file_name, demo.file_size, fresh(case).draft["demo_file"]) == ("设计稿.pdf", 8, demo.pk)
    assert "设计稿" not in demo.file.name
    answer = client.get(f"{LIST}demo-file/{demo.pk}/")
    assert (answer.status_code, b"".join(answer.streaming_content)) == (200, b"%PDF-1.7")
    assert answer["Content-Disposition"].startswith("attachment")
    stranger = logged_in(owner_of(onboarded()))
    assert [stranger.get(f"{LIST}demo-file/{number}/").status_code for number in (demo.pk, 987654321, "abc", "１")] == [404] * 4


def test_a_file_is_not_lost_when_something_else_is_refused(world: World, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    case = make_draft(world)
    client = logged_in(owner_of(case.developer))
    answer = client.post(draft_url(case), typed(case, contact_name="x" * 600, upload=SimpleUploadedFile("设计稿.pdf", b"%PDF-1.7")))
    assert answer.status_code == 422
    demo = DemoFile.objects.get()
    assert f'<option value="{demo.pk}" selected>设计稿.pdf' in answer.content.decode()
    client.post(draft_url(case), typed(case, demo_file=demo.pk))
    assert (fresh(case).draft["demo_file"], DemoFile.objects.count()) == (demo.pk, 1)


def test_somebody_elses_file_cannot_be_chosen(world: World) -> None:
    case, other = make_draft(world), make_draft(world)
    foreign = DemoFile.objects.create(developer=other.developer, file="x", file_name="x", file_hash="0" * 64, file_size=1, uploaded_at=other.created_at)
    answer = logged_in(owner_of(case.developer)).post(draft_url(case), typed(case, demo_file=foreign.pk))
    assert fresh(case).draft["demo_file"] is None
    assert answer.status_code in (302, 422)


def test_an_empty_upload_is_refused_beside_its_field(world: World, settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    case = make_draft(world)
    answer = logged_in(owner_of(case.developer)).post(draft_url(case), typed(case, contact_other="留着", upload=SimpleUploadedFile("leer.pdf", b"")))
    assert answer.status_code == 422
    assert "留着" in answer.content.decode()
    assert not DemoFile.objects.exists()


def test_a_request_for_changes_is_answered_on_one_page_with_its_tasks_beside_the_fields(world: World) -> None:
    case = sent_back(queued(world), fail=["M4", "S2"])
    client = logged_in(owner_of(case.developer))
    page = text(client, draft_url(case))
    assert "2 tasks from the review" in page
    assert "看到了 M4 的问题" in part(page, "Demo: a document")
    assert "看到了 S2 的问题" in next(block for block in page.split("<fieldset") if f"ask-{world.reader.code}" in block)
    now_better = {"demo_url": "https://www.yuque.com/demo/better", f"value-{world.reader.code}": "会员看到自己的成长值，商家看到复购上升"}
    client.post(draft_url(case), typed(case, **now_better))
    assert "Changed since you submitted last:" in text(client, draft_url(case))


def test_covers_are_kept(world: World) -> None:
    case = make_draft(world, demo_covers=[])
    logged_in(owner_of(case.developer)).post(draft_url(case), typed(case, demo_covers=[DemoCover.VISUAL.value, DemoCover.FULL_PATH.value]))
    assert fresh(case).draft["demo_covers"] == ["FULL_PATH", "VISUAL"]


def test_what_is_submitted_is_not_written_any_more(world: World) -> None:
    case = queued(world)
    client = logged_in(owner_of(case.developer))
    assert client.get(draft_url(case)).url == f"{LIST}{case.pk}/change/"
    assert client.post(draft_url(case), {"contact_name": "x"}).status_code == 302
    assert fresh(case).draft["contact_name"] == "李雷"


@pytest.mark.parametrize("files", [0, 3])
def test_the_page_costs_the_same_however_much_there_is(world: World, django_assert_max_num_queries: Any, files: int) -> None:
    case = sent_back(queued(world, world.reader, world.risky))
    for number in range(files):
        DemoFile.objects.create(
            developer=case.developer, file=f"x{number}", file_name=f"x{number}", file_hash="0" * 64, file_size=1, uploaded_at=case.created_at
        )
    client: Client = logged_in(owner_of(case.developer))
    with django_assert_max_num_queries(26):
        text(client, draft_url(case))
