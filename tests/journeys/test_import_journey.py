"""The merchant's job: 50,000 members from a spreadsheet's GB18030 CSV with 37 bad rows, get the bad ones back, mend, send again. At most 6 clicks.

A real browser, a real worker. Every click is counted; choosing the file in the system's dialog is not one of the page's.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker

from backoffice.celery import app
from backoffice.kernel.files.choices import JobStatus
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.tenancy.roles import Role
from members.models import Member
from tests.factories import PASSWORD, make_merchant, make_store, make_user
from tests.kernel.files.admin.handing_in import WITH_BAD, job_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ROWS, BAD = 50_000, 37
MOST_CLICKS = 6
HEADER = ["会员编号", "昵称", "手机号", "入会时间", "营销同意"]
MISTAKES = ((2, "1.38E+10"), (3, "2026-13-45"), (4, "也许"))


def good_row(number: int) -> list[str]:
    return [f"M{number:06d}", f"会员{number}", f"138{number:08d}", "2026-01-05 10:30", str(number % 2)]


def spreadsheet_file() -> bytes:
    """As Excel in China saves CSV, with a mistake in every 1,352nd row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(HEADER)
    for number in range(ROWS):
        row = good_row(number)
        if number % 1352 == 7:
            column, mistake = MISTAKES[number % len(MISTAKES)]
            row[column] = mistake
        writer.writerow(row)
    return text.getvalue().encode("gb18030")


def mend(content: bytes) -> bytes:
    """What the merchant does in the spreadsheet: the right value into each bad cell; the reason column stays."""
    rows = list(csv.reader(io.StringIO(content.decode("gb18030"))))
    assert rows[0] == [*HEADER, "原因"]
    assert all(row[-1] for row in rows[1:])
    mended = [[*good_row(int(row[0][1:])), row[-1]] for row in rows[1:]]
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([rows[0], *mended])
    return text.getvalue().encode("gb18030")


class Clicks:
    """Clicks on the page, counted."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.count = 0

    def on(self, selector: str) -> None:
        self.page.click(selector)
        self.count += 1

    def choose(self, selector: str, name: str, content: bytes) -> None:
        with self.page.expect_file_chooser() as chooser:
            self.on(selector)
        chooser.value.set_files({"name": name, "mimeType": "text/csv", "buffer": content})

    def download(self, selector: str) -> bytes:
        with self.page.expect_download() as download:
            self.on(selector)
        return Path(download.value.path()).read_bytes()


@pytest.fixture
def worker(transactional_db: Any) -> Iterator[None]:
    with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=30):
        yield


def test_fifty_thousand_members_with_thirty_seven_bad_rows(page: Any, live_server: Any, worker: None, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    merchant = make_merchant("chenguang", name="晨光")
    make_store("CG01", merchant=merchant, name="晨光旗舰店")
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant, username="owner")
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.set_default_timeout(120_000)

    page.goto(f"{live_server.url}/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/merchant/")

    clicks = Clicks(page)
    clicks.on("a:has-text('导入')")
    clicks.choose("[data-drop]", "会员.csv", spreadsheet_file())
    page.wait_for_selector("[data-progress-url] [role=progressbar]")
    page.wait_for_selector("text=37 行不能导入，49,963 行可以导入")
    assert Member.objects.count() == 0
    assert "GB18030" in page.inner_text("#content")
    clicks.on("text=导入正确的 49,963 行")
    assert "37 行不导入" in page.inner_text("dialog[open]")
    clicks.on("dialog[open] button[type=submit]")
    page.wait_for_selector("[data-progress-url] [role=progressbar]")
    page.wait_for_selector("text=已导入 49,963 行")
    assert Member.objects.count() == ROWS - BAD
    bad_rows = clicks.download("[data-download-bad]")
    clicks.choose("[data-drop]", "会员-改好.csv", mend(bad_rows))
    page.wait_for_selector("text=已导入 37 行")

    assert clicks.count <= MOST_CLICKS
    assert Member.objects.count() == ROWS
    first, second = ImportJob.objects.order_by("pk")
    assert (first.status, first.bad_count, second.status, second.resend_of) == (JobStatus.APPLIED, BAD, JobStatus.APPLIED, first)
    assert faults == []


def test_on_a_phone_and_by_keyboard(page: Any, live_server: Any, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    merchant = make_merchant("chenguang", name="晨光")
    store = make_store("CG01", merchant=merchant, name="晨光旗舰店")
    user = make_user(Role.MERCHANT_OWNER, merchant=merchant, username="owner")
    job = job_of(user, WITH_BAD, store=store)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{live_server.url}/login/")
    page.fill("[name=username]", user.username)
    page.fill("[name=password]", PASSWORD)
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/merchant/")
    for path in ("", "start/", f"{job.pk}/change/"):
        page.goto(f"{live_server.url}/merchant/files/importjob/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
    page.focus("[data-open-dialog]")
    page.keyboard.press("Enter")
    assert page.is_visible("dialog[open]")
    assert page.evaluate("document.activeElement.type") == "submit"
    page.keyboard.press("Escape")
    assert not page.is_visible("dialog")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-progress-url] [role=progressbar]")
    job.refresh_from_db()
    assert job.status == JobStatus.APPLYING
