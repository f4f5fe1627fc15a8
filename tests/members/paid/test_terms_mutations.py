"""The machine turns red when a guard is gone: each mutation here removes one, runs random histories, and tells which law noticed.

The list with what catches what is in ``docs/paid.md``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError

from members.paid.services import issue as engine
from tests.members.paid.term_machine import EVERY, Different, random_history

PAID = "members.paid"


@dataclass(frozen=True)
class Mutation:
    """``laws``: which of the machine's laws may notice (the first one met depends on the history)."""

    name: str
    laws: tuple[str, ...]
    acts: tuple[str, ...]
    way: Callable[[], AbstractContextManager[None]]


@contextmanager
def rewritten(path: str, old: str, new: str) -> Iterator[None]:
    """A function of the product with one piece of its source replaced, wherever it was imported to."""
    module_name, name = path.rsplit(".", 1)
    module = import_module(module_name)
    function = getattr(module, name)
    source = inspect.getsource(inspect.unwrap(function))
    assert source.count(old) >= 1, f"{path} does not say {old!r}"
    space = dict(vars(module))
    exec(compile("from __future__ import annotations\n" + source.replace(old, new), module.__file__ or "", "exec"), space)  # noqa: S102
    users = [each for each in list(sys.modules.values()) if getattr(each, name, None) is function]
    for each in users:
        setattr(each, name, space[name])
    try:
        yield
    finally:
        for each in users:
            setattr(each, name, function)


@contextmanager
def statement(old: str, new: str) -> Iterator[None]:
    """The engine's statement with one piece replaced."""
    real = engine.load_sql
    assert real(PAID, "issue_benefits").count(old) >= 1, old
    engine.load_sql = lambda package, name: real(package, name).replace(old, new) if name == "issue_benefits" else real(package, name)
    try:
        yield
    finally:
        engine.load_sql = real


HOLDING = ("buy", "buy", "renew", "time_passes", "time_passes", "run")
ENDING = ("buy", "buy", "renew", "use", "cancel", "cancel", "time_passes", "run")
MUTATIONS = [
    Mutation(
        "a renewal drifts after a short month",
        ("terms", "issues"),
        ("buy", "renew", "renew", "time_passes", "run"),
        lambda: rewritten(
            f"{PAID}.selectors.standing._renewal",
            "Standing(dates.ends_on, dates.anchor_on, last.months_before",
            "Standing(dates.ends_on, dates.ends_on, 0 * last.months_before",
        ),
    ),
    Mutation(
        "a renewal after the end goes on from it",
        ("terms", "issues", "places"),
        HOLDING,
        lambda: rewritten(f"{PAID}.selectors.standing._renewal", "if not held:", "if False:"),
    ),
    Mutation(
        "a lower plan replaces a higher one",
        ("answer", "terms"),
        HOLDING,
        lambda: rewritten(f"{PAID}.selectors.standing.find_standing", "term.program.rank >= program.rank", "False"),
    ),
    Mutation(
        "the stock is not looked at",
        ("answer", "constraint"),
        ("buy", "time_passes"),
        lambda: rewritten(f"{PAID}.services.purchases._take_place", 'Q(stock_limit=None) | Q(sold_count__lt=F("stock_limit"))', "Q()"),
    ),
    Mutation(
        "a lapsed order keeps its place",
        ("places", "answer", "check_invariants"),
        ("buy", "lapse", "time_passes"),
        lambda: rewritten(f"{PAID}.services.cancel.drop_order", "if not membership.is_renewal:", "if False:"),
    ),
    Mutation(
        "a renewal brings the opening gift again",
        ("issues", "check_invariants"),
        HOLDING,
        lambda: statement("AND (NOT is_renewal OR is_standing OR from_on >= starts_on)", ""),
    ),
    Mutation(
        "a renewal leaves standing rights out",
        ("issues", "check_invariants"),
        HOLDING,
        lambda: statement("is_standing OR from_on", "from_on"),
    ),
    Mutation(
        "the engine issues past the end",
        ("issues", "check_invariants", "constraint"),
        HOLDING,
        lambda: statement("least(%(today)s::date, ends_on - 1)", "%(today)s::date"),
    ),
    Mutation(
        "the engine forgets the periods it missed",
        ("issues", "check_invariants"),
        HOLDING,
        lambda: statement(
            "greatest(due.since, due.starts_on, given.from_on) AS lower", "greatest(due.since, due.starts_on, given.from_on, %(today)s::date) AS lower"
        ),
    ),
    Mutation(
        "months are counted from the last issue",
        ("issues", "check_invariants"),
        HOLDING,
        lambda: statement("WHEN (anchor_on + make_interval(months => months_before + to_later))::date >= later", "WHEN false"),
    ),
    Mutation(
        "an addition does not bring its holders forward",
        ("issues", "check_invariants"),
        ("buy", "buy", "run", "change_pack", "time_passes", "run"),
        lambda: rewritten(f"{PAID}.services.packs._bring_issues_forward", "today = clock.local_day(now)", "return 0"),
    ),
    Mutation(
        "an edited benefit reaches older holders",
        ("issues", "check_invariants"),
        ("buy", "buy", "run", "change_pack", "time_passes", "run"),
        lambda: rewritten(f"{PAID}.services.packs._write_reach", "(pack_id, benefit.key) not in known", "True"),
    ),
    Mutation(
        "who buys gets what is switched off",
        ("issues", "check_invariants"),
        ("switch_off", "buy", "time_passes", "run"),
        lambda: statement("given.disabled_at > due.opened_at", "true"),
    ),
    Mutation(
        "cancelling leaves the benefits",
        ("issues", "check_invariants"),
        ENDING,
        lambda: rewritten(f"{PAID}.services.cancel.end_term", "revoke_unused(membership, now=now)", "pass"),
    ),
    Mutation("what was used is not taken off", ("terms",), ENDING, lambda: rewritten(f"{PAID}.selectors.refunds._pro_rata", "- worth)", ")")),
    Mutation(
        "the month begun is paid back",
        ("terms",),
        ENDING,
        lambda: rewritten(f"{PAID}.terms.unused_share", "<= today", "<= today - timedelta(days=31)"),
    ),
    Mutation(
        "a cancelled term is full price however much was used",
        ("terms", "places", "check_invariants"),
        ENDING,
        lambda: rewritten(f"{PAID}.selectors.refunds.refund_quote", "and not _used(membership)[1]", ""),
    ),
    Mutation(
        "a benefit is used after its days",
        ("answer",),
        ("buy", "buy", "time_passes", "use", "use"),
        lambda: rewritten(f"{PAID}.services.issue.use_issue", "stored.expires_on <= local_day(now)", "False"),
    ),
]


def noticed(acts: tuple[str, ...], histories: int, steps: int) -> tuple[str, str]:
    """Which law, and what it said. Empty when nothing was noticed."""
    for seed in range(histories):
        try:
            random_history(seed, steps, acts)
        except Different as different:
            return different.law, str(different)
        except IntegrityError as error:  # a guard of the database that was left stood in the way
            return "constraint", repr(error)
    return "", ""


@pytest.mark.django_db
def test_nothing_is_noticed_when_nothing_is_broken():
    assert noticed(EVERY, 1, 40) == ("", "")


@pytest.mark.django_db
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_removed_guard_is_noticed(mutation: Mutation):
    with mutation.way():
        law, said = noticed(mutation.acts, 40, 40)
    assert law in mutation.laws, (law, said)


def test_the_list_is_the_one_in_the_documentation():
    page = (Path(settings.BASE_DIR) / "docs" / "paid.md").read_text()
    assert [mutation.name for mutation in MUTATIONS if f"| {mutation.name} |" not in page] == []
