"""Lists of members."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import BooleanField, Exists, F, Func, OuterRef, Q, QuerySet

from backoffice.kernel.files.columns import ColumnError, Phone
from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, Member
from members.selectors.people import PHONE, identity_hash

MOST_FOUND = 10_001
"""So many rows a search finds at most: one more than a list counts."""


class IsAnyOf(Func):
    """``value = ANY(array)``: unlike IN, the array is made before the table is looked at."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def with_list_columns(members: QuerySet[Member]) -> QuerySet[Member]:
    """Members with store, level, credit account and purchases, as the list and the page show them: no query per row."""
    return members.select_related("store", "level", "credit_account", "purchases")


def is_whole_phone(term: str) -> bool:
    try:
        return Phone().clean(term) is not None
    except ColumnError:
        return False


def is_number_like(term: str) -> bool:
    """A term that looks like a member number: ASCII with a digit in it."""
    return term.isascii() and any(char.isdigit() for char in term)


def phone_is(term: str) -> Q:
    """Members with exactly this phone: its keyed hash is compared, never a part of a number."""
    return Q(phone_hash=identity_hash(PHONE, term))


def number_from(term: str) -> Q:
    """Members whose number begins with the term."""
    return Q(member_no__startswith=term)


def nickname_from(term: str) -> Q:
    """Members whose nickname begins with the term; two Chinese characters are enough."""
    return Q(nickname__startswith=term)


SHAPES: tuple[tuple[Callable[[str], bool], Callable[[str], Q]], ...] = ((is_whole_phone, phone_is), (is_number_like, number_from), (bool, nickname_from))


def having(members: QuerySet[Member], condition: Q) -> QuerySet[Member]:
    """``members`` under a condition of a search, found by its index first and put in order afterwards.

    The planner would else walk the newest rows until enough of them fit, which is the whole table for a number that only old ones have.
    At most ``MOST_FOUND`` are found; a list says "more than that" from there on anyway.
    """
    found = members.filter(condition, store__in=Store.objects.all()).order_by().values("pk")[:MOST_FOUND]
    return members.filter(IsAnyOf(F("pk"), ArraySubquery(found)))


def list_members_like(term: str) -> QuerySet[Member]:
    """Members of every store by the shape of the term: whole phone, beginning of a number, beginning of a nickname."""
    for matches, condition in SHAPES:
        if matches(term):
            return Member.objects.filter(condition(term), store__in=Store.objects.all())
    return Member.objects.none()


def with_credit(stores: QuerySet[Store] | None = None) -> Q | Exists:
    """Members whose account has a balance. ``stores``: only accounts of these are looked at, where the list shows no others anyway."""
    accounts = CreditAccount.objects.filter(has_balance=True)
    if stores is None:  # both sides are walked in the order of members, and only as far as the page reaches
        return Exists(accounts.filter(member_id=OuterRef("pk")))
    return Q(pk__in=accounts.filter(store__in=stores).values("member_id"))
