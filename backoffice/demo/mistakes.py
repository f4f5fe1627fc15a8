"""One small members file with mistakes, to show what an operator gets back and how it is mended."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path
from random import Random

from backoffice.demo.manifest import BadRow, FileEntry
from backoffice.demo.names import make_name, make_nickname, make_phone
from backoffice.demo.sheets import HEADERS
from backoffice.demo.shops import JOIN_CHANNELS, MISTAKES_SHOP

FILE_NAME = "members-with-mistakes.csv"
ROWS = 500
FIRST_PERSON = 50_000_000
"""Numbers of the people in this file begin here, so that no phone belongs to a customer too."""

COLUMNS = (
    "store", "member_no", "nickname", "phone", "joined_at", "birthday", "growth", "channel", "marketing_consent",
)  # fmt: skip

# (column, value, what is wrong); "{phone}" stands for the row's own right phone.
WRONG_VALUES: tuple[tuple[str, str, str], ...] = (
    *[("member_no", "", "required value is missing")] * 4,
    *[("phone", "1541234567", "phone too short")] * 3,
    *[("phone", "{phone}9", "phone too long")] * 2,
    *[("phone", "12412345678", "no phone begins with 12")] * 3,
    *[("phone", "1.54123E+10", "Excel shortened the number")] * 3,
    *[("phone", "没有手机", "not a phone")] * 2,
    *[("joined_at", "2025-02-31", "no such day")] * 3,
    *[("joined_at", "05/01/2026", "day and month unclear")] * 3,
    *[("joined_at", "去年夏天", "not a date")] * 2,
    *[("growth", "12.5", "not a whole number")] * 2,
    *[("growth", "很多", "not a number")] * 2,
    *[("marketing_consent", "也许", "neither yes nor no")] * 4,
    *[("store", "NF01", "row of another store")] * 2,
)
SAME_NUMBER_PAIRS = 1
"""Pairs of rows under one member number: both rows are bad."""
BAD_ROWS = len(WRONG_VALUES) + 2 * SAME_NUMBER_PAIRS


def write_mistakes(folder: Path, today: date, seed: int) -> FileEntry:
    """Write the file: GB18030, Chinese headers, 500 rows of which 37 are bad, the rest new people."""
    rng = Random(f"{seed} mistakes")  # noqa: S311 the same seed must give the same file
    rows = [_good_row(rng, number, today) for number in range(ROWS)]
    places = sorted(rng.sample(range(ROWS), BAD_ROWS))
    bad_rows = []
    kinds = rng.sample(WRONG_VALUES, len(WRONG_VALUES))
    for place, (column, value, mistake) in zip(places, kinds, strict=False):
        rows[place][column] = value.format(phone=rows[place]["phone"])
        bad_rows.append(BadRow(line=place + 2, column=column, mistake=mistake))
    first, second = places[len(WRONG_VALUES) :]
    rows[second]["member_no"] = rows[first]["member_no"]
    bad_rows += [BadRow(line=place + 2, column="member_no", mistake="number used twice") for place in (first, second)]

    path = folder / FILE_NAME
    with path.open("w", encoding="gb18030", newline="") as target:
        writer = csv.writer(target)
        writer.writerow([HEADERS[column] for column in COLUMNS])
        writer.writerows([row[column] for column in COLUMNS] for row in rows)
    return FileEntry(
        name=FILE_NAME,
        kind="members",
        store=MISTAKES_SHOP.code,
        encoding="gb18030",
        rows=ROWS,
        bad_rows=tuple(sorted(bad_rows, key=lambda bad: bad.line)),
    )


def _good_row(rng: Random, number: int, today: date) -> dict[str, str]:
    born_on = date(1960, 1, 1) + timedelta(days=rng.randrange(45 * 365))
    name = make_name(rng, female=rng.random() < 0.5, birth_year=born_on.year, rare=number % 50 == 0)
    return {
        "store": MISTAKES_SHOP.code,
        "member_no": f"FAIR{number + 1:05d}",
        "nickname": make_nickname(rng, name),
        "phone": make_phone(FIRST_PERSON + number),
        "joined_at": (today - timedelta(days=rng.randint(1, 5))).isoformat(),
        "birthday": born_on.isoformat() if rng.random() < 0.6 else "",
        "growth": str(rng.randint(0, 300)),
        "channel": rng.choice(JOIN_CHANNELS),
        "marketing_consent": rng.choice(("是", "否")),
    }
