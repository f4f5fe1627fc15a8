"""What was bought: by a member (``PurchaseSummary``) and by a person in a store, member or not (``Buyer``). One set of statements, for files and payments."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import connection

from backoffice.kernel.locks import in_transaction
from backoffice.kernel.sql import load_sql
from members.models import Member

_MEMBERS, _BUYERS = "touched_members", "touched_buyers"


def purchases_sql(touched: str) -> tuple[str, str]:
    """Two statements, to be run one after the other, that count anew what some members bought.

    ``touched`` is a subquery of (member_id, store_id) in brackets. The first locks the members, the second counts; it asks for ``zone``.
    """
    return load_sql("members", "purchases_lock").replace(f"FROM {_MEMBERS}", f"FROM {touched}"), load_sql("members", "purchases_count").replace(
        f"FROM {_MEMBERS}", f"FROM {touched}"
    )


def buyers_sql(touched: str) -> tuple[str, str]:
    """The same for people: ``touched`` is a subquery of distinct (store_id, person_id) in brackets. After ``purchases_sql``: members are locked before buyers.

    The second also brings the second purchase day of the fans among them up to date, from which returning fans are counted.
    """
    return lock_buyers_sql(touched), load_sql("members", "buyers_count").replace(f"FROM {_BUYERS}", f"FROM {touched}")


def lock_buyers_sql(touched: str) -> str:
    """Opens and locks the rows of buyers, in order. ``touched`` as in ``buyers_sql``."""
    return load_sql("members", "buyers_lock").replace(f"FROM {_BUYERS}", f"FROM {touched}")


def count_purchases(member: Member) -> None:
    """Count anew what ``member`` bought, in the caller's transaction, after it wrote the order lines. Locks the member's row."""
    params: dict[str, Any] = {"member": member.pk, "store": member.store_id, "person": member.person_id, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:
        for statement in (
            *purchases_sql("(SELECT %(member)s::bigint AS member_id, %(store)s::bigint AS store_id)"),
            *buyers_sql("(SELECT %(store)s::bigint AS store_id, %(person)s::bigint AS person_id)"),
        ):
            cursor.execute(statement, params)


@in_transaction
def recount_buyers(*, store_ids: Collection[int]) -> None:
    """Count anew what everybody bought in some stores: mends what code of before wrote while it still ran. Reads all their order lines."""
    touched = (
        "(SELECT DISTINCT store_id, person_id FROM members_orderline WHERE store_id = ANY(%(stores)s) "
        "UNION SELECT store_id, person_id FROM members_buyer WHERE store_id = ANY(%(stores)s))"
    )
    with connection.cursor() as cursor:
        for statement in buyers_sql(touched):
            cursor.execute(statement, {"stores": list(store_ids), "zone": settings.TIME_ZONE})
