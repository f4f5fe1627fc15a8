"""The ledger is whole: entries, lots and accounts say the same. Rows point to rows that are there (ADR 0020: no foreign keys for these)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backoffice.kernel.invariants import invariant
from backoffice.kernel.sql import fetch_all
from members.selectors.proof import prove_ledger


@invariant("ledger.proof", "sum of entries = what is left in the lots = balance, to the fen, for every account")
def ledger_proof(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for difference in prove_ledger(most_named=most).differences:
        facts = difference.as_json()
        yield f"{difference.what} {difference.id}", {"rule": facts["rule"], "told": facts["told"], "proved": facts["proved"]}


@invariant("members.point_to_rows", "the person and the level of every member, and the person of every live identity, exist")
def members_point_to_rows(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT 'member ' || m.id AS row, 'person' AS what, m.person_id AS id FROM members_member m
        WHERE NOT EXISTS (SELECT FROM members_person p WHERE p.id = m.person_id)
        UNION ALL
        SELECT 'member ' || m.id, 'level', m.level_id FROM members_member m
        WHERE m.level_id IS NOT NULL AND NOT EXISTS (SELECT FROM members_level l WHERE l.id = m.level_id AND l.store_id = m.store_id)
        UNION ALL
        SELECT 'identity ' || i.id, 'person', i.person_id FROM members_identity i
        WHERE i.ended_at IS NULL AND NOT EXISTS (SELECT FROM members_person p WHERE p.id = i.person_id)
        ORDER BY 1 LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield row["row"], {row["what"]: row["id"]}


@invariant("members.phone_is_known", "a phone that a store knows of a member stands for that member's person")
def phone_is_known(most: int) -> Iterator[tuple[str, dict[str, Any]]]:
    found = fetch_all(
        """
        SELECT m.id, m.person_id, i.person_id AS stands_for FROM members_member m
        LEFT JOIN members_identity i ON i.kind_id = 'phone' AND i.value_hash = m.phone_hash AND i.ended_at IS NULL
        WHERE m.phone_hash IS NOT NULL AND i.person_id IS DISTINCT FROM m.person_id
        ORDER BY m.id LIMIT %(most)s
        """,
        {"most": most},
    )
    for row in found:
        yield f"member {row['id']}", {"person": row["person_id"], "phone stands for": row["stands_for"]}
