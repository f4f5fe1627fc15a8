"""What a member bought: one pair of statements, for files and for payments."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection

from backoffice.kernel.sql import load_sql
from members.models import Member

_PLACE = "touched_members"


def purchases_sql(touched: str) -> tuple[str, str]:
    """Two statements, to be run one after the other, that count anew what some members bought.

    ``touched`` is a subquery of (member_id, store_id) in brackets. The first locks the members, the second counts; it asks for ``zone``.
    """
    return load_sql("members", "purchases_lock").replace(f"FROM {_PLACE}", f"FROM {touched}"), load_sql("members", "purchases_count").replace(
        f"FROM {_PLACE}", f"FROM {touched}"
    )


def count_purchases(member: Member) -> None:
    """Count anew what ``member`` bought, in the caller's transaction, after it wrote the order lines. Locks the member's row."""
    params: dict[str, Any] = {"member": member.pk, "store": member.store_id, "zone": settings.TIME_ZONE}
    with connection.cursor() as cursor:
        for statement in purchases_sql("(SELECT %(member)s::bigint AS member_id, %(store)s::bigint AS store_id)"):
            cursor.execute(statement, params)
