"""The machine turns red when a guard is gone: each mutation here removes one, runs random histories, and tells which law noticed.

The list with what catches what is in ``docs/ledger.md``. Guards of the database are removed inside the test's transaction, or put back afterwards
where callers race.
"""

from __future__ import annotations
import __future__

import inspect
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from tests.members.credit_faults import Hands
from tests.members.credit_machine import EVERY, Histories, Ledger, Storms, random_history
from tests.members.credit_world import Ground, LawBroken

CREDIT = "members.services.credit"


# -- ways to break things ------------------------------------------------------------------------------------------------------------


@contextmanager
def rewritten(place: str, old: str, new: str) -> Iterator[None]:
    """A function of the product with one piece of its text replaced, wherever it was imported to."""
    module_name, name = place.rsplit(".", 1)
    module = import_module(module_name)
    original = getattr(module, name)
    source = inspect.getsource(original)
    assert source.count(old) == 1, f"{place} has changed: {old!r} is there {source.count(old)} times"
    code = compile(source.replace(old, new), f"<{place}, mutated>", "exec", flags=__future__.annotations.compiler_flag)
    exec(code, module.__dict__)  # noqa: S102 - text of our own
    mutant = getattr(module, name)
    setattr(module, name, original)
    holders = [(holder, key) for holder in list(sys.modules.values()) for key, value in list(getattr(holder, "__dict__", {}).items()) if value is original]
    try:
        for holder, key in holders:
            setattr(holder, key, mutant)
        yield
    finally:
        for holder, key in holders:
            setattr(holder, key, original)


@contextmanager
def sql_function(name: str, *changes: tuple[str, str]) -> Iterator[None]:
    """A function in the database with pieces of its text replaced."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [name])
        original = cursor.fetchone()[0]
        text = original
        for old, new in changes:
            assert text.count(old) == 1, f"{name} has changed: {old!r} is there {text.count(old)} times"
            text = text.replace(old, new)
        cursor.execute(text)
        try:
            yield
        finally:
            cursor.execute(original)


@contextmanager
def sql_text(module_name: str, name: str, old: str, new: str) -> Iterator[None]:
    """A statement of members/sql with a piece of its text replaced."""
    module = import_module(module_name)
    original = module.load_sql

    def load(package: str, wanted: str) -> str:
        text: str = original(package, wanted)
        if wanted != name:
            return text
        assert text.count(old) == 1, f"{name}.sql has changed: {old!r} is there {text.count(old)} times"
        return text.replace(old, new)

    module.load_sql = load  # type: ignore[attr-defined]
    try:
        yield
    finally:
        module.load_sql = original  # type: ignore[attr-defined]


@contextmanager
def without(table: str, what: str, name: str) -> Iterator[None]:
    """A constraint, index or trigger is gone until the test's transaction ends; ``name`` may be the beginning of it."""
    find = {
        "CONSTRAINT": "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND conname LIKE %s",
        "TRIGGER": "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE %s",
        "INDEX": "SELECT indexname FROM pg_indexes WHERE tablename = %s AND indexname LIKE %s",
    }
    drop = {"CONSTRAINT": 'ALTER TABLE {table} DROP CONSTRAINT "{name}"', "TRIGGER": 'DROP TRIGGER "{name}" ON {table}', "INDEX": 'DROP INDEX "{name}"'}
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(find[what], [table, f"{name}%"])
        ((found,),) = cursor.fetchall()
        cursor.execute(drop[what].format(table=table, name=found))
    yield


def both(*ways: AbstractContextManager[None]) -> AbstractContextManager[None]:
    stack = ExitStack()
    for way in ways:
        stack.enter_context(way)
    return stack


# -- the list ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mutation:
    """``name`` is the line in docs/ledger.md; ``laws`` are those of which one must notice; ``acts`` are what histories then mostly do."""

    name: str
    laws: tuple[str, ...]
    acts: tuple[str, ...]
    ways: Callable[[], AbstractContextManager[None]]
    policy: tuple[tuple[str, Any], ...] = ()


TAKE = "members_credit_take"
SPENDING = ("top_up", "spend", "spend", "hold", "time_of_a_lapse")
LAPSING = ("top_up", "spend", "hold", "sweep", "sweep", "release", "time_of_a_lapse", "time_of_a_lapse", "refund")
HOLDING = ("top_up", "hold", "hold", "capture", "release", "spend")
REFUNDING = ("top_up", "spend", "spend", "refund", "refund", "hold", "capture")
ADJUSTING = ("top_up", "adjust", "adjust", "decide_adjustment", "decide_adjustment")
TOP_UP_REFUNDING = ("top_up", "spend", "refund_top_up", "refund_top_up", "refund", "policy_changes")

EXTENDING = (("refund_after_lapse", "EXTEND_ONCE"), ("refund_grace_days", 1))

MUTATIONS = [
    Mutation(
        "lots can be spent at the instant of their expiry", ("L8",), SPENDING, lambda: sql_function(TAKE, ("l.expires_at > p_now", "l.expires_at >= p_now"))
    ),
    Mutation("lots that lapsed can be spent", ("L8", "L6"), SPENDING, lambda: sql_function(TAKE, ("l.expires_at > p_now", "true"))),
    Mutation(
        "lots are used in the order of their making",
        ("L9",),
        SPENDING,
        lambda: sql_function(TAKE, ("ORDER BY l.expires_at, l.opened_at, l.id", "ORDER BY l.id")),
    ),
    Mutation("deduction order is ignored", ("model",), (*SPENDING, "policy_changes"), lambda: sql_function(TAKE, ("CASE v_deduction", "CASE 'PERCENT'"))),
    Mutation(
        "principal is rounded, not floored",
        ("model",),
        SPENDING,
        lambda: sql_function(
            TAKE,
            (
                "div(v_take * v_lot.principal_left * 100, v_lot.principal_left + v_lot.bonus_left) / 100",
                "round(v_take * v_lot.principal_left / (v_lot.principal_left + v_lot.bonus_left), 2)",
            ),
        ),
    ),
    Mutation(
        "each line is floored by itself, and what is left over is lost",
        ("L4", "L5", "L11"),
        SPENDING,
        lambda: sql_function(TAKE, ("v_piece - (v_given - v_given_before)", "div(v_piece * (v_take - v_principal) * 100, v_take) / 100")),
    ),
    Mutation(
        "a spend does not lower the balance",
        ("L5",),
        SPENDING,
        lambda: sql_function(
            TAKE, ("UPDATE members_creditaccount SET balance = balance - p_amount WHERE", "UPDATE members_creditaccount SET balance = balance WHERE")
        ),
    ),
    Mutation(
        "a hold is not told beside the balance", ("model", "check_invariants"), HOLDING, lambda: sql_function(TAKE, ("held = held + p_amount", "held = held"))
    ),
    Mutation(
        "a key that came before is not looked up, and no constraint minds",
        ("L6",),
        SPENDING,
        lambda: both(
            without("members_creditentry", "CONSTRAINT", "credit_entry_once_per_key"), sql_function(TAKE, ("e.idempotency_key = p_key AND e.seq = 1", "false"))
        ),
    ),
    Mutation(
        "a key may come again with another request",
        ("L11", "model"),
        (*SPENDING, "other_body"),
        lambda: sql_function(TAKE, ("OR v_first.body_hash <> p_body", "")),
    ),
    Mutation(
        "refunds give back again and again, and no trigger minds",
        ("L7", "L3", "constraint"),
        REFUNDING,
        lambda: both(
            without("members_creditentry", "TRIGGER", "pgtrigger_refund_within_taken"),
            rewritten(f"{CREDIT}.refund._left_of", "principal - principal_back, bonus - bonus_back", "principal, bonus"),
        ),
    ),
    Mutation(
        "refunds go to another lot of the account",
        ("L3", "model", "constraint"),
        REFUNDING,
        lambda: rewritten(
            f"{CREDIT}.refund._moves", "lots[share.of.lot_id],", "CreditLot.objects.filter(account_id=share.of.account_id).order_by('pk').first(),"
        ),
    ),
    Mutation(
        "a partial refund rounds up",
        ("model",),
        REFUNDING,
        lambda: rewritten(f"{CREDIT}.apportion.by_cumulative_floor", "to_fen(total) * passed // whole", "-(-to_fen(total) * passed // whole)"),
    ),
    Mutation(
        "sweeps leave a lot alone at the instant of its expiry",
        ("model",),
        LAPSING,
        lambda: sql_text(f"{CREDIT}.lapse", "credit_lapse", "l.expires_at <= %(now)s", "l.expires_at < %(now)s"),
    ),
    Mutation(
        "a lapse pays the bonus back too",
        ("check_invariants", "model"),
        LAPSING,
        lambda: sql_text(
            f"{CREDIT}.lapse",
            "credit_lapse",
            "('PAYOUT', lapsed.paid_back, 0, 1), ('LAPSE', lapsed.principal_left - lapsed.paid_back, lapsed.bonus_left, 2)",
            "('PAYOUT', lapsed.paid_back, lapsed.bonus_left, 1), ('LAPSE', lapsed.principal_left - lapsed.paid_back, 0, 2)",
        ),
    ),
    Mutation(
        "extending a lot brings what was left in it back to life",
        ("model",),
        LAPSING,
        lambda: rewritten(f"{CREDIT}.give_back._extend", "moves = lapse_moves(lot, policy)", "moves = []"),
        EXTENDING,
    ),
    Mutation(
        "a lot is extended again and again",
        ("model",),
        LAPSING,
        lambda: rewritten(f"{CREDIT}.give_back.book_returns", "if lot.extended_at is None:", "if True:"),
        EXTENDING,
    ),
    Mutation(
        "a capture of less keeps the rest",
        ("model", "check_invariants"),
        HOLDING,
        lambda: rewritten(f"{CREDIT}.holds.capture", "*captures, *_releases(held, rest)", "*captures"),
    ),
    Mutation(
        "a hold can be settled twice",
        ("model", "L5", "L3", "constraint"),
        HOLDING,
        lambda: both(
            rewritten(f"{CREDIT}.holds._check_open", "held.status != HoldStatus.HELD", "False"),
            rewritten(f"{CREDIT}.holds._settle", "if not changed", "if False"),
        ),
    ),
    Mutation("entries can be changed", ("L1",), ("top_up", "spend", "tamper"), lambda: without("members_creditentry", "TRIGGER", "pgtrigger_append_only")),
    Mutation(
        "one person lets an adjustment through alone",
        ("P2", "model"),
        ADJUSTING,
        lambda: both(
            without("members_creditadjustment", "CONSTRAINT", "credit_adjustment_second_person"),
            rewritten(f"{CREDIT}.adjustments.approve_adjustment", "by.pk == stored.requested_by_id", "False"),
        ),
    ),
    Mutation(
        "what one adjusted alone that day does not count",
        ("model",),
        (*ADJUSTING, "adjust"),
        lambda: rewritten(f"{CREDIT}.adjustments._adjusted_alone", "return amount or ZERO", "return ZERO"),
    ),
    Mutation(
        "a top-up is refunded twice",
        ("model", "check_invariants", "P1"),
        TOP_UP_REFUNDING,
        lambda: both(
            without("members_creditpayout", "INDEX", "credit_payout_top_up_refunded_once"),
            rewritten(f"{CREDIT}.top_up_refund._check", "CreditPayout.objects.filter(lot=lot, cause=PayoutCause.TOP_UP_REFUND).exists()", "False"),
        ),
    ),
    Mutation(
        "more is paid back than was paid",
        ("P1",),
        ("top_up", "spend", "spend", "refund", "refund", "refund_top_up", "time_of_a_lapse", "sweep"),
        lambda: rewritten(f"{CREDIT}.lapse.still_to_pay_back", "return price - (paid_back or ZERO)", "return price"),
        (("top_up_refund", "RATIO"), ("on_lapse", "PAY_BACK"), ("refund_after_lapse", "EXTEND_ONCE"), ("deduction_order", "GIFT_BEFORE_REAL")),
    ),
    Mutation(
        "a top-up is refunded while some of it is held",
        ("model",),
        ("top_up", "hold", "hold", "refund_top_up"),
        lambda: rewritten(f"{CREDIT}.top_up_refund._check", "entries.filter(kind=EntryKind.HOLD, hold__status=HoldStatus.HELD).exists()", "False"),
    ),
    Mutation(
        "a payment that is told again is taken for another one",
        ("model", "L6"),
        ("top_up", "pay", "pay"),
        lambda: both(
            without("members_payment", "CONSTRAINT", "payment_once_an_order"),
            rewritten("members.services.payments.record_payment", "if known is not None:", "if False:"),
        ),
    ),
    Mutation(
        "a payment's refund gives back a fen too much",
        ("model", "constraint"),
        ("top_up", "pay", "pay", "refund_payment", "refund_payment"),
        lambda: rewritten("members.services.payments._share_of", "int(amount / FEN) * FEN", "int(amount / FEN) * FEN + FEN"),
    ),
]


RACES = [
    Mutation(
        "spenders do not queue",
        ("L5", "L3", "serial", "model", "constraint"),
        ("spend", "spend", "hold", "top_up"),
        lambda: sql_function(TAKE, (" FOR UPDATE;", ";")),
    ),
    Mutation(
        "holds, refunds and adjustments do not lock the account",
        ("L5", "L3", "L4", "L7", "L6", "serial", "model", "constraint"),
        ("refund", "spend", "capture", "adjust", "hold", "release"),
        lambda: rewritten("members.services.locks.lock_account", "CreditAccount.objects.select_for_update()", "CreditAccount.objects.all()"),
    ),
    Mutation(
        "sweeps do not lock the accounts",
        ("L5", "L3", "L4", "serial", "model", "constraint"),
        ("sweep", "sweep", "top_up", "refund", "release"),
        lambda: rewritten(
            "members.services.locks.lock_accounts", "CreditAccount.objects.select_for_update(skip_locked=skip_locked)", "CreditAccount.objects.all()"
        ),
    ),
]


# -- looking for the difference ------------------------------------------------------------------------------------------------------


def noticed(kind: type[Ledger], acts: tuple[str, ...], histories: int, steps: int, policy: Sequence[tuple[str, Any]] = ()) -> tuple[str, str]:
    """Which law, and what it said. Empty when nothing was noticed."""
    kind.ground, kind.reached = Ground(), Counter()
    for seed in range(histories):
        try:
            random_history(kind, seed, steps, acts, policy)
        except LawBroken as broken:
            return broken.law.split()[0], str(broken)
        except IntegrityError as error:  # a guard of the database that was left stood in the way
            return "constraint", repr(error)
    return "", ""


@pytest.mark.django_db
def test_nothing_is_noticed_when_nothing_is_broken():
    assert noticed(Histories, EVERY, 4, 60) == ("", "")


@pytest.mark.django_db
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_removed_guard_is_noticed(mutation: Mutation):
    with mutation.ways():
        law, said = noticed(Histories, mutation.acts, 60, 40, mutation.policy)
    assert law in mutation.laws, (law, said)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mutation", RACES, ids=lambda mutation: mutation.name)
def test_a_removed_lock_is_noticed(mutation: Mutation):
    Storms.hands = Hands()
    try:
        with mutation.ways():
            law, said = noticed(Storms, mutation.acts, 20, 10)
    finally:
        Storms.hands.close()
    assert law in mutation.laws, (law, said)


def test_the_list_is_the_one_in_the_documentation():
    page = (Path(settings.BASE_DIR) / "docs" / "ledger.md").read_text()
    assert [mutation.name for mutation in (*MUTATIONS, *RACES) if f"| {mutation.name} |" not in page] == []
