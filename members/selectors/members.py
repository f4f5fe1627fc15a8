"""Lists of members."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import Exists, OuterRef, QuerySet

from backoffice.kernel.files.columns import ColumnError, Phone
from backoffice.kernel.tenancy.models import Store
from members.models import CreditAccount, Member
from members.selectors.people import PHONE, identity_hash


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


def having_phone(members: QuerySet[Member], term: str) -> QuerySet[Member]:
    """Members with exactly this phone: its keyed hash is compared, never a part of a number."""
    return members.filter(store__in=Store.objects.all(), phone_hash=identity_hash(PHONE, term))


def with_number_from(members: QuerySet[Member], term: str) -> QuerySet[Member]:
    """Members whose number begins with the term. Asked store by store, as the index is ordered."""
    return members.filter(store__in=Store.objects.all(), member_no__startswith=term)


def with_nickname_from(members: QuerySet[Member], term: str) -> QuerySet[Member]:
    """Members whose nickname begins with the term; two Chinese characters are enough."""
    return members.filter(store__in=Store.objects.all(), nickname__startswith=term)


MEMBER_SEARCHES: tuple[tuple[Callable[[str], bool], Callable[[QuerySet[Member], str], QuerySet[Member]]], ...] = (
    (is_whole_phone, having_phone),
    (is_number_like, with_number_from),
    (bool, with_nickname_from),
)


def list_members_like(term: str) -> QuerySet[Member]:
    """Members by the shape of the term: whole phone, beginning of a number, beginning of a nickname."""
    for matches, search in MEMBER_SEARCHES:
        if matches(term):
            return search(Member.objects.all(), term)
    return Member.objects.none()


def with_credit() -> Exists:
    """Members whose account has a balance. The store is named on both sides, so that the index by store and member serves it."""
    return Exists(CreditAccount.objects.filter(store_id=OuterRef("store_id"), member_id=OuterRef("pk"), balance__gt=0))
