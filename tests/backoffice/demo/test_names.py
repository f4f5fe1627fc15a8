"""Names look Chinese and phones belong to nobody."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import pytest

from backoffice.demo.names import RARE_GIVEN_NAMES, make_name, make_nickname, make_phone


def test_phones_are_valid_unassigned_and_all_different():
    numbers = [*range(60_000), *range(50_000_000, 50_001_000), 99_999_999]
    phones = {make_phone(number) for number in numbers}
    assert len(phones) == len(numbers)
    assert all(re.fullmatch(r"154[0-9]{8}", phone) for phone in phones)


@pytest.mark.parametrize("birth_year", [1956, 1975, 1990, 2008])
def test_names_have_a_surname_and_one_or_two_more_characters(birth_year):
    rng = Random(3)
    names = [make_name(rng, female=place % 2 == 0, birth_year=birth_year, rare=False) for place in range(3000)]
    assert all(re.fullmatch(r"[一-龥]{2,4}", name) for name in names)
    surnames = Counter(name[0] for name in names)
    assert {"王", "李"} < {surname for surname, _ in surnames.most_common(4)}
    assert any(len(name) == 4 or name.startswith(("欧阳", "上官", "司马", "诸葛", "夏侯", "东方")) for name in names)


def test_rare_names_hold_a_character_outside_the_old_sets():
    rng = Random(4)
    for _ in range(50):
        name = make_name(rng, female=True, birth_year=1990, rare=True)
        assert name.endswith(RARE_GIVEN_NAMES)
        with pytest.raises(UnicodeEncodeError):
            name.encode("gb2312")
        assert name.encode("gb18030").decode("gb18030") == name


def test_nicknames_are_mostly_names_and_sometimes_awkward():
    rng = Random(5)
    nicknames = Counter(make_nickname(rng, "王伟") for _ in range(5000))
    assert 0.7 < nicknames["王伟"] / 5000 < 0.9
    assert any("," in nickname for nickname in nicknames)
    assert any('"' in nickname for nickname in nicknames)
    assert any(nickname.startswith(("@", "-", "+")) for nickname in nicknames)
    assert all(0 < len(nickname) <= 30 for nickname in nicknames)
