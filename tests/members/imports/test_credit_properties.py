"""Whatever a top-up file holds: lots, entries and balances agree, and every row is counted exactly once."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import transaction
from django.db.models import F, Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from members.models import CreditAccount, CreditEntry, CreditLot
from members.selectors.proof import prove_ledger
from members.services.credit import NotEnoughCredit
from tests.factories import make_member, make_store
from tests.loading import csv_of, load
from tests.members.ledger import take, yuan

pytestmark = pytest.mark.django_db

HEADER = "member_no,source_no,principal_amount,bonus_amount,opened_at,expires_at"
MONEY = st.integers(0, 50_000).map(lambda fen: f"{fen // 100}.{fen % 100:02d}")
DRESSED = MONEY.flatmap(lambda text: st.sampled_from([text, f"¥{text}", f"{text}元", f" {text} "]))
BROKEN = st.sampled_from(["-1", "1.005", "1E+9", "NaN", "=1+1", "#N/A", "很多", "1\t2"])
DATES = st.sampled_from(["", "2026-01-05", "2026/1/5 8:30", "20260105", "2026年1月5日", "2020-02-29"])
BROKEN_DATES = st.sampled_from(["2025-02-29", "05/01/2026", "46027", "明天"])
ROW = st.tuples(
    st.sampled_from(["M0", "M1", "M2", " M1", "Ｍ２", "M9", ""]),
    st.integers(0, 12).map(lambda number: f"A{number}"),
    st.one_of(DRESSED, DRESSED, BROKEN),
    st.one_of(DRESSED, st.just("")),
    st.one_of(DATES, DATES, BROKEN_DATES),
    st.sampled_from(["", "", "2027-01-05", "2019-01-01", "2026-13-01"]),
)
FILE = st.lists(ROW, min_size=1, max_size=14)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(files=st.lists(FILE, min_size=1, max_size=2, unique_by=str), spends=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 30_000)), max_size=3))
def test_lots_entries_and_balances_agree_after_any_files(files: list[list[tuple[str, ...]]], spends: list[tuple[int, int]]) -> None:
    with transaction.atomic():
        _load_and_compare(files, spends)
        # An example's temporary tables go with it: otherwise their locks add up in the test's one transaction until the server has no room.
        transaction.set_rollback(True)


def _load_and_compare(files: list[list[tuple[str, ...]]], spends: list[tuple[int, int]]) -> None:
    store = make_store()
    members = [make_member(store, f"M{number}") for number in range(3)]
    applied = Decimal(0)
    for number, rows in enumerate(files):
        text = csv_of(HEADER, *(",".join(row) for row in rows))
        dry = load("credit", text, store=store, dry=True)
        before = CreditLot.objects.filter(store=store).count()
        job = load("credit", text, store=store, total=str(dry.file_total), skip=True)

        counts = [job.created_count, job.updated_count, job.unchanged_count, job.conflict_count, job.bad_count]
        assert counts == [dry.created_count, dry.updated_count, dry.unchanged_count, dry.conflict_count, dry.bad_count], "a dry run foretells the import"
        assert sum(counts) == len(rows)
        if job.status == "APPLIED":
            assert CreditLot.objects.filter(store=store).count() == before + job.created_count
            applied += job.applied_total or 0
        else:
            assert job.error_code == "nothing_good"
            assert job.created_count == 0
        for who, fen in spends if number == 0 else ():
            try:
                take(members[who], Decimal(fen) / 100)
                applied -= Decimal(fen) / 100
            except NotEnoughCredit:
                continue

    lots = CreditLot.objects.filter(store=store).aggregate(total=Sum(F("principal_left") + F("bonus_left")))["total"] or yuan(0)
    entries = CreditEntry.objects.filter(store=store).aggregate(total=Sum(F("principal_amount") + F("bonus_amount")))["total"] or yuan(0)
    balances = CreditAccount.objects.filter(store=store).aggregate(total=Sum("balance"))["total"] or yuan(0)
    assert lots == entries == balances == applied
    assert not prove_ledger().differences
