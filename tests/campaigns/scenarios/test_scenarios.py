"""The contract of every registered scenario, and reading of placeholders."""

from __future__ import annotations

import pytest

from backoffice.kernel.tenancy.choices import Language
from campaigns.choices import SCENARIO_RANKS, ScenarioCode
from campaigns.models import MessageTemplate
from campaigns.scenarios.base import SCENARIOS, Text
from campaigns.scenarios.cards import CardTexts, render_text
from campaigns.scenarios.placeholders import TextRefused, check_text, fill, list_placeholders
from tests.factories import make_store

ALL = [pytest.param(scenario, id=scenario.code) for scenario in SCENARIOS]
EXPIRING = {
    "balance": "1065.00",
    "principal": "1050.00",
    "bonus": "15.00",
    "expiring": "20.00",
    "expiring_first_on": "2026-11-27",
    "expiring_last_on": "2026-11-27",
    "expiring_first_amount": "20.00",
}


def test_every_scenario_has_a_rank():
    assert sorted(SCENARIO_RANKS) == sorted(ScenarioCode)
    assert SCENARIO_RANKS.index(ScenarioCode.EXPIRY_REMINDER) < SCENARIO_RANKS.index(ScenarioCode.BALANCE_REMINDER)


@pytest.mark.parametrize("scenario", ALL)
@pytest.mark.parametrize("language", list(Language))
def test_shipped_text_is_filled_completely_in_every_language(scenario, language):
    text = render_text(scenario.texts[language], scenario=scenario.code, store_name="云杉 {store}", language=language, params=scenario.sample)
    assert text.title
    assert "{" not in text.body.replace("{store}", "")
    assert "云杉 {store}" in text.body
    ours = text.body
    for named in ("云杉 {store}", scenario.sample.get("program"), scenario.sample.get("benefit")):
        ours = ours.replace(named, "") if named else ours
    assert any("\u4e00" <= sign <= "\u9fff" for sign in ours) == (language == Language.ZH_HANS)


@pytest.mark.parametrize("scenario", ALL)
@pytest.mark.parametrize("language", list(Language))
def test_every_placeholder_has_a_value_and_every_value_a_meaning(scenario, language):
    values = {*scenario.values(scenario.sample, language), "store"}
    assert values == set(scenario.placeholders)
    assert all(str(meaning) for meaning in scenario.placeholders.values())


def test_expiry_card_names_20_in_7_days():
    scenario = SCENARIOS.get(ScenarioCode.EXPIRY_REMINDER)
    zh, en = (
        render_text(scenario.texts[language], scenario=scenario.code, store_name="云杉", language=language, params=EXPIRING).body
        for language in (Language.ZH_HANS, Language.EN)
    )
    assert zh == "您在云杉有 20.00 元购物金将在 7 天内到期（最后可用日期 2026-11-27）。购物金余额 1,065.00 元，请尽快使用。"
    assert en == "20.00 yuan of your credit at 云杉 expires within 7 days (last day 2026-11-27). Your balance is 1,065.00 yuan."


def test_several_dates_name_the_first_and_its_part():
    several = {**EXPIRING, "expiring_first_amount": "12.00", "expiring_last_on": "2026-11-28"}
    values = SCENARIOS.get(ScenarioCode.EXPIRY_REMINDER).values(several, Language.ZH_HANS)
    assert values["expiring_first"] == "其中最早的 12.00 元最后可用日期 2026-11-27"


@pytest.mark.parametrize(
    "text", ["{balance", "balance}", "{", "}{", "{balance!r}", "{balance:>10}", "{balance.real}", "{balance[0]}", "{}", "{0}", "{ balance }"]
)
def test_broken_placeholders_are_refused(text):
    with pytest.raises(TextRefused):
        check_text(text, allowed={"balance"})


def test_unknown_placeholder_is_named_and_the_known_ones_are_listed():
    with pytest.raises(TextRefused) as refused:
        check_text("您有 {amount} 元", allowed={"balance", "store"})
    assert "{amount}" in str(refused.value)
    assert "{balance}, {store}" in str(refused.value)


def test_doubled_brackets_are_the_bracket_itself_and_values_are_not_read_again():
    assert list_placeholders("{{x}} {a}") == ["a"]
    assert fill("{{x}} {a}", {"a": "{b}"}) == "{x} {b}"


@pytest.mark.django_db
def test_a_stores_own_words_win_in_their_language_only(django_assert_num_queries):
    store, other = make_store(name="云杉"), make_store(name="青藤")
    MessageTemplate.objects.create(store=store, scenario=ScenarioCode.BALANCE_REMINDER, language=Language.ZH_HANS, title="余额", body="{store}：{balance}")
    params = {"balance": "65.00", "principal": "65.00", "bonus": "0.00"}
    with django_assert_num_queries(1):
        texts = CardTexts([store.pk, other.pk])
        mine, theirs = (
            texts.render(store_id=one.pk, store_name=one.name, scenario=ScenarioCode.BALANCE_REMINDER, language=Language.ZH_HANS, params=params)
            for one in (store, other)
        )
        english = texts.get(store_id=store.pk, scenario=ScenarioCode.BALANCE_REMINDER, language=Language.EN)
    assert mine == Text("余额", "云杉：65.00")
    assert theirs.body == "您在青藤的购物金余额为 65.00 元，下单时可直接抵扣。"
    assert english == SCENARIOS.get(ScenarioCode.BALANCE_REMINDER).texts[Language.EN]
