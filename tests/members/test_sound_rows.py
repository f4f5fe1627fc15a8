"""The ledger's constraints are few and short, because the server reads them anew for each spend (ADR 0031). Here are their rules one by one."""

from dataclasses import dataclass

import pytest
from django.db import connection

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Table:
    """A constraint, the rules it stands for, and values of each column of which every combination is tried."""

    name: str
    constraint: str
    rules: dict[str, str]
    values: dict[str, str]


ACCOUNTS = Table(
    "members_creditaccount",
    "credit_account_not_below_zero",
    {"balance": "balance >= 0", "held": "held >= 0"},
    {"balance": "-0.01, 0, 5", "held": "-1, 0, 0.01"},
)
LOTS = Table(
    "members_creditlot",
    "credit_lot_is_sound",
    {
        "principal is not negative": "principal_left >= 0",
        "bonus is not negative": "bonus_left >= 0",
        "no more principal left than topped up": "principal_left <= principal_amount",
        "no more bonus left than topped up": "bonus_left <= bonus_amount",
        "amounts are not negative": "principal_amount >= 0 AND bonus_amount >= 0",
        "holds something": "NOT (principal_amount = 0 AND bonus_amount = 0)",
        "expires after opening": "expires_at IS NULL OR expires_at > opened_at",
    },
    {
        "principal_amount": "-1, 0, 0.01, 2",
        "bonus_amount": "-0.01, 0, 1",
        "principal_left": "-1.01, -0.01, 0, 0.01, 3",
        "bonus_left": "-1, 0, 1, 1.01",
        "opened_at": "'2026-01-02'::timestamptz",
        "expires_at": "NULL, '2026-01-01', '2026-01-02', '2026-01-03'::timestamptz",
    },
)
ENTRIES = Table(
    "members_creditentry",
    "credit_entry_is_sound",
    {
        "balance is not negative": "balance_after >= 0",
        "part is not negative": "seq >= 0",
        "line is not negative": "line_no IS NULL OR line_no >= 0",
        "the sign fits the kind": """
            (kind IN ('TOP_UP', 'REFUND', 'RELEASE') AND principal_amount >= 0 AND bonus_amount >= 0)
            OR (kind IN ('SPEND', 'HOLD', 'LAPSE', 'PAYOUT') AND principal_amount <= 0 AND bonus_amount <= 0)
            OR (kind = 'CAPTURE' AND principal_amount = 0 AND bonus_amount = 0) OR kind = 'ADJUST'""",
        "a capture tells what": """
            (kind = 'CAPTURE' AND captured_principal IS NOT NULL AND captured_principal >= 0 AND captured_bonus IS NOT NULL AND captured_bonus >= 0)
            OR (kind <> 'CAPTURE' AND captured_principal IS NULL AND captured_bonus IS NULL)""",
        "a refund names its spend": "(kind = 'REFUND') = (refund_of_id IS NOT NULL)",
        "what a hold does names it": "kind NOT IN ('HOLD', 'RELEASE', 'CAPTURE') OR hold_id IS NOT NULL",
    },
    {
        "kind": "'TOP_UP', 'SPEND', 'HOLD', 'CAPTURE', 'RELEASE', 'REFUND', 'LAPSE', 'PAYOUT', 'ADJUST', 'OTHER', ''::varchar",
        "principal_amount": "-1, 0, 0.01",
        "bonus_amount": "-0.01, 0, 1",
        "balance_after": "-0.01, 0, 5",
        "seq": "(-1)::smallint, 0::smallint, 1::smallint",
        "line_no": "NULL, -1, 0",
        "captured_principal": "NULL, -0.01, 0",
        "captured_bonus": "NULL, -1, 0.01",
        "hold_id": "NULL, 1::bigint",
        "refund_of_id": "NULL, 1::bigint",
    },
)


def counts_of(table: Table) -> dict[str, int]:
    """By rule: rows that this rule alone refuses. ``both``: rows that pass, ``differ``: rows on which constraint and rules do not agree."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s AND convalidated",
            [table.name, table.constraint],
        )
        (constraint,) = cursor.fetchone()
        # A constraint refuses what is false; unknown passes.
        passes = {number: f"(({rule}) IS NOT FALSE)" for number, rule in enumerate(table.rules.values())}
        alone = [" AND ".join(f"{'NOT ' if number == this else ''}{rule}" for number, rule in passes.items()) for this in passes]
        told = [f"(({constraint}) IS NOT FALSE)", " AND ".join(passes.values())]
        wanted = [*alone, f"{told[0]} AND {told[1]}", f"{told[0]} <> ({told[1]})"]
        columns = " CROSS JOIN ".join(f"(SELECT unnest(ARRAY[{values}]) AS {name}) AS c_{name}" for name, values in table.values.items())
        cursor.execute(f"SELECT {', '.join(f'count(*) FILTER (WHERE {condition})' for condition in wanted)} FROM {columns}")  # noqa: S608
        return dict(zip([*table.rules, "both", "differ"], cursor.fetchone(), strict=True))


@pytest.mark.parametrize("table", [ACCOUNTS, LOTS, ENTRIES], ids=lambda table: table.name)
def test_a_short_constraint_says_what_its_rules_say(table: Table):
    counts = counts_of(table)
    assert counts.pop("differ") == 0
    implied = {"amounts are not negative"}  # nothing left is negative, and no more is left than was topped up
    assert {rule for rule, count in counts.items() if not count} <= implied


@pytest.mark.parametrize("table", [ACCOUNTS, LOTS, ENTRIES], ids=lambda table: table.name)
def test_no_other_constraint_is_read_for_each_row(table: Table):
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", [table.name])
        assert cursor.fetchall() == [(table.constraint,)]
