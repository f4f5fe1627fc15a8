"""How values look: money, times, chips, charts. Everything is escaped."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import translation
from django.utils.formats import localize

from backoffice.kernel.admin.charts import Chart, Series, sparkline
from backoffice.kernel.admin.display import BAD, ago, as_of, chip, full_time, link, moment, money

NOW = datetime(2026, 11, 22, 16, 30, tzinfo=UTC)


def test_money_has_separators_and_two_decimals() -> None:
    assert ">1,234,567.50<" in money(Decimal("1234567.5"))
    assert ">-0.01<" in money(Decimal("-0.01"))
    assert ">—<" in money(None)


@pytest.mark.parametrize(
    ("seconds", "english", "chinese"),
    [
        (30, "just now", "刚刚"), (60, "1 minute ago", "1 分钟前"), (7199, "1 hour ago", "1 小时前"), (7200, "2 hours ago", "2 小时前"),
        (86_400 * 3, "3 days ago", "3 天前"), (-3600, "in 1 hour", "1 小时后"), (-86_400 * 2, "in 2 days", "2 天后"),
    ],
)  # fmt: skip
def test_distances_in_both_languages(seconds: int, english: str, chinese: str) -> None:
    for language, text in (("en", english), ("zh-hans", chinese)):
        with translation.override(language):
            assert ago(NOW - timedelta(seconds=seconds), NOW) == text


def test_a_time_is_local_with_the_other_form_on_hover() -> None:
    assert full_time(NOW) == "2026-11-23 00:30"
    with translation.override("en"):
        near, far = moment(NOW - timedelta(hours=2), NOW), moment(NOW - timedelta(days=2), NOW)
        assert as_of(NOW) == "As of 2026-11-23 00:30"
    assert 'title="2026-11-22 22:30">2 hours ago<' in near
    assert 'title="2 days ago">2026-11-21 00:30<' in far


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_the_themes_own_dates_look_the_same(language: str) -> None:
    with translation.override(language):
        assert localize(NOW) == "2026-11-22 16:30"
        assert localize(NOW.date()) == "2026-11-22"


def test_texts_are_escaped() -> None:
    for shown in (chip("<b>", BAD, title='"><script>'), link("<i>", "/x?a=1&b=2")):
        assert "<b>" not in shown
        assert "<script>" not in shown
        assert "<i>" not in shown


def test_a_chart_says_the_same_as_its_table() -> None:
    chart = Chart(["a", "b"], [Series("x", [1, 2]), Series("y", [Decimal("0.50"), 0])])
    told = json.loads(chart.data_json())
    assert [row["data"] for row in told["datasets"]] == [[1.0, 2.0], [0.5, 0.0]]
    assert chart.rows() == [("a", [1, Decimal("0.50")]), ("b", [2, 0])]
    assert not chart.is_empty
    assert Chart(["a"], [Series("x", [0])]).is_empty


def test_a_sparkline_needs_two_points_and_stays_in_its_box() -> None:
    assert sparkline([5]) == ""
    drawn = sparkline([0, 10, 5], label="trend", width=100, height=32)
    assert 'points="0.0,30.0 50.0,2.0 100.0,16.0"' in drawn
    assert 'aria-label="trend"' in drawn
    assert 'points="0.0,30.0 120.0,30.0"' in sparkline([0, 0])
