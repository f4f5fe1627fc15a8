"""No untranslated word on a Chinese page, and no Chinese one on an English page, beside what people typed themselves."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.urls import reverse

from applications.models import App, CalendarDay, Capability, Category
from backoffice.kernel.tenancy.models import Developer, Merchant, Store, User
from members.paid.models import Benefit
from tests.access.surfaces import screens
from tests.access.walk import ADDRESS, Walk
from tests.access.world import MARKS, make_world

pytestmark = pytest.mark.django_db

# On purpose in both languages: names of columns that a file may have, and the cards as members of either language get them.
BOTH_LANGUAGES = re.compile(r"/files/importjob/(\d+/change/)?$|/campaigns/remindersetting/\d+/change/$")

WHO = {"platform": "PLATFORM_ADMIN", "merchant": "MERCHANT_OWNER", "developer": "DEVELOPER_OWNER"}
# Names that are the same in every language, and what the log-in names and files of the test's own people are called.
SAME_EVERYWHERE = {
    "english", "api", "oneid", "csv", "tsv", "xlsx", "excel", "utf", "gb18030", "gzip", "zip", "vip", "beat", "https", "http", "seat", "granted", "url", "id",
    "platform", "admin", "owner", "merchant", "developer", "operator", "analyst", "member", "reviewer", "senior", "appeals", "auditor", "ops", "industry",
    "foreign", "inactive", "two", "seats", "key", "fields", "hh", "mm", "yyyy", "ctrl", "enter", "esc", "shift", "ding", "livecard",
}  # fmt: skip


class VisibleText(HTMLParser):
    """Texts and spoken attributes of a page; icons are drawn by a font whose text is the icon's name, and a command is written alike everywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.skipping: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        for name in ("title", "placeholder", "aria-label", "data-label", "alt"):
            self.texts.append(told.get(name) or "")
        hidden = tag in ("script", "style", "code") or "material-symbols-outlined" in (told.get("class") or "")
        if (self.skipping or hidden) and tag not in ("input", "br", "img", "link", "meta", "hr"):
            self.skipping.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.skipping and self.skipping[-1] == tag:
            self.skipping.pop()

    def handle_data(self, text: str) -> None:
        if not self.skipping:
            self.texts.append(text)


def typed_names() -> list[str]:
    """Codes and names that the test's own people gave to what has no mark, in whichever language; the longest first."""
    found = {name for model in (Category, Capability) for row in model.objects.all() for name in (row.code, row.name, row.name_en)}
    found |= {name for model in (Developer, Merchant, Store, App) for row in model.objects.all() for name in (row.code, row.name)}
    found |= {text for row in Benefit.objects.all() for text in row.settings.values() if isinstance(text, str)}
    found |= set(CalendarDay.objects.values_list("name", flat=True))
    found |= {name for user in User.objects.all() for name in (user.username, user.display_name)}
    return sorted(found - {""}, key=len, reverse=True)


def words(body: bytes, pattern: str, typed: list[str]) -> set[str]:
    page = VisibleText()
    page.feed(body.decode())
    text = "\n".join(page.texts)
    for mark in MARKS:
        text = re.sub(f"[^\\s<>]*{mark}[^\\s<>]*", " ", text, flags=re.IGNORECASE)
    for name in typed:
        text = re.sub(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", " ", text)
    text = re.sub(r"https?://\S+", " ", text)
    text = re.sub(r"\b\w*[0-9a-f]{12,}\w*\b", " ", text)  # ids of API clients, and names of their users
    text = re.sub(r"\{[a-z_]+\}", " ", text)  # placeholders of message texts are the same in every language
    return {word.lower() for word in re.findall(pattern, text)}


def pages(walk: Walk, console: str) -> list[str]:
    found = [ADDRESS[console], f"{ADDRESS[console]}password_change/"]
    for name, screen in walk.screens.items():
        if not name.startswith(f"{console}:"):
            continue
        found.append(reverse(f"{name}_changelist"))
        if screen.add_fields:
            found.append(reverse(f"{name}_add"))
        own = [row for mark, rows in walk.world.rows[screen.model].items() if mark in walk.reach for row in rows][:1]
        found += [reverse(f"{name}_{page}", args=[row.pk]) for row in own for page in ("change", "history")]
    return [url for url in found if not BOTH_LANGUAGES.search(url)]


@pytest.mark.parametrize("console", sorted(WHO))
def test_chinese_pages_hold_no_english(console: str) -> None:
    walk = Walk(make_world(), WHO[console])
    strange, typed = {}, typed_names()
    for url in pages(walk, console):
        found = words(walk.ask(url).body, r"[A-Za-z][A-Za-z']{2,}", typed) - SAME_EVERYWHERE
        if found:
            strange[url] = sorted(found)
    assert "\n".join(f"{url}: {' '.join(found)}" for url, found in strange.items()) == ""


@pytest.mark.parametrize("console", sorted(WHO))
def test_english_pages_hold_no_chinese(console: str) -> None:
    world = make_world()
    User.objects.update(language="en")
    walk = Walk(world, WHO[console])
    strange, typed = {}, typed_names()
    for url in pages(walk, console):
        found = words(walk.ask(url).body, r"[\u4e00-\u9fff]+", typed) - {"简体中文", "人"}  # the other language's own name, and a person's initial
        if found:
            strange[url] = sorted(found)
    assert "\n".join(f"{url}: {' '.join(found)}" for url, found in strange.items()) == ""


def test_there_are_screens() -> None:
    assert {name.split(":")[0] for name in screens()} == set(WHO)
