"""What must hold among applications, whatever was killed, repeated or run at once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any

from applications.content import content_of
from applications.models import Application, CaseEvent, Revision
from applications.selectors.replay import list_replay_differences
from backoffice.kernel.invariants import invariant
from backoffice.kernel.sql import fetch_all

Breaches = Iterator[tuple[str, dict[str, Any]]]
CHUNK = 2000


@invariant("applications.replay", "replaying the events of every case gives its stored state")
def replay_equals_stored(most: int) -> Breaches:
    found = 0
    cases: list[Application] = []
    for case in Application.objects.defer("draft").order_by("pk").iterator(chunk_size=CHUNK):
        cases.append(case)
        if len(cases) < CHUNK:
            continue
        for row in _differences(cases):
            yield row
            found += 1
            if found >= most:
                return
        cases = []
    for row in _differences(cases):
        if found < most:
            yield row
            found += 1


def _differences(cases: list[Application]) -> Breaches:
    events = CaseEvent.objects.filter(case__in=[case.pk for case in cases]).order_by("case_id", "seq")
    told = {case_id: list(rows) for case_id, rows in groupby(events, key=lambda event: event.case_id)}
    for case in cases:
        if differences := list_replay_differences(case, told.get(case.pk, [])):
            yield f"case {case.pk}", {name: {"stored": has, "replayed": says} for name, (has, says) in differences.items()}


@invariant("applications.revisions", "every revision's hash is that of its content")
def revision_hashes(most: int) -> Breaches:
    found = 0
    for revision in Revision.objects.order_by("pk").iterator(chunk_size=CHUNK):
        if content_of(revision.content).content_hash() != revision.content_hash:
            yield f"revision {revision.pk}", {"case": revision.case_id}
            found += 1
            if found >= most:
                return


def _rows(sql: str, most: int) -> list[dict[str, Any]]:
    return fetch_all(f"{sql} ORDER BY id LIMIT %(most)s", {"most": most})


@invariant("applications.claims", "a case is in review exactly while somebody holds a claim, and the claim has the case's last token")
def claims(most: int) -> Breaches:
    sql = """
        SELECT a.id, a.state, c.token, a.fence FROM applications_application a
          LEFT JOIN applications_claim c ON c.case_id = a.id AND c.ended_at IS NULL
         WHERE (a.state = 'IN_REVIEW') <> (c.id IS NOT NULL) OR c.token <> a.fence
    """
    for row in _rows(sql, most):
        yield f"case {row['id']}", {"state": row["state"], "token": row["token"], "fence": row["fence"]}


@invariant("applications.live_decisions", "a case is held or decided exactly while a decision is, and one that is closed by a ruling has it in effect")
def live_decisions(most: int) -> Breaches:
    sql = """
        SELECT a.id, a.state, l.status, l.kind, x.kind AS executed FROM applications_application a
          LEFT JOIN applications_decision l ON l.case_id = a.id AND l.status IN ('HELD', 'WAITING')
          LEFT JOIN applications_decision x ON x.case_id = a.id AND x.status = 'EXECUTED' AND x.kind <> 'CHANGES_REQUESTED'
         WHERE (a.state = 'HELD') <> (l.status IS NOT DISTINCT FROM 'HELD') OR (a.state = 'DECIDED') <> (l.status IS NOT DISTINCT FROM 'WAITING')
            OR (a.state IN ('APPROVED', 'PARTIAL', 'REFUSED') AND x.kind IS DISTINCT FROM a.state)
            OR (a.state NOT IN ('APPROVED', 'PARTIAL', 'REFUSED') AND x.kind IS NOT NULL)
    """
    for row in _rows(sql, most):
        yield f"case {row['id']}", {"state": row["state"], "live": row["status"], "executed": row["executed"]}


@invariant("applications.grants_from_rulings", "every live grant rests on a decision in effect that grants its capability, and every such ruling made a grant")
def grants_from_rulings(most: int) -> Breaches:
    sql = """
        SELECT g.id, 'grant without ruling' AS what FROM applications_grant g
         WHERE g.status IN ('ACTIVE', 'SUSPENDED') AND NOT EXISTS (
               SELECT FROM applications_decision d JOIN applications_decisionitem i ON i.decision_id = d.id
                WHERE d.id = g.decision_id AND d.status IN ('EXECUTED', 'OVERTURNED') AND i.capability_id = g.capability_id AND i.ruling = 'GRANT')
        UNION ALL
        SELECT d.id, 'ruling without grant' FROM applications_decision d
          JOIN applications_decisionitem i ON i.decision_id = d.id AND i.ruling = 'GRANT' JOIN applications_application a ON a.id = d.case_id
         WHERE d.status = 'EXECUTED' AND NOT EXISTS (SELECT FROM applications_grant g WHERE g.app_id = a.app_id AND g.capability_id = i.capability_id)
    """
    for row in _rows(sql, most):
        yield f"{row['what']} {row['id']}", {}


@invariant("applications.nothing_granted_over_the_ban", "no decision in effect grants anything while a compulsory item, B1, N1 or N2 of its revision is failed")
def nothing_granted_over_the_ban(most: int) -> Breaches:
    sql = """
        SELECT DISTINCT d.id, d.case_id FROM applications_decision d
          JOIN applications_decisionitem i ON i.decision_id = d.id AND i.ruling = 'GRANT'
          JOIN applications_checklistverdict v ON v.revision_id = d.revision_id AND v.answer = 'FAIL'
         WHERE d.status = 'EXECUTED' AND d.overrides_id IS NULL AND v.item IN ('M1', 'M2', 'M3', 'M4', 'M5', 'B1', 'N1', 'N2')
    """
    for row in _rows(sql, most):
        yield f"decision {row['id']}", {"case": row["case_id"]}


@invariant("applications.places", "an open case holds its app's place for exactly what its revision asks for, a closed one holds none")
def places(most: int) -> Breaches:
    sql = """
        SELECT r.id, r.case_id, a.state, r.holds_place FROM applications_requestedcapability r JOIN applications_application a ON a.id = r.case_id
         WHERE r.holds_place <> (r.revision_id = a.revision_id
                                 AND a.state IN ('CHECKS_PENDING', 'AWAITING_MERCHANT', 'QUEUED', 'IN_REVIEW', 'CHANGES_REQUESTED', 'HELD', 'DECIDED'))
    """
    for row in _rows(sql, most):
        yield f"requested capability {row['id']}", {"case": row["case_id"], "state": row["state"], "holds_place": row["holds_place"]}


@invariant("applications.standing", "a developer's score is the sum of the strikes that count, and barred is who has a bar in force")
def standing(most: int) -> Breaches:
    sql = """
        SELECT s.developer_id AS id, s.score, coalesce(c.score, 0) AS counted, s.level, b.id IS NOT NULL AS barred FROM applications_developerstanding s
          LEFT JOIN (SELECT developer_id, sum(weight) AS score FROM applications_strike WHERE status = 'COUNTING' GROUP BY developer_id) c
            ON c.developer_id = s.developer_id
          LEFT JOIN applications_bar b ON b.developer_id = s.developer_id AND b.status = 'CONFIRMED'
         WHERE s.score <> coalesce(c.score, 0) OR (s.level = 'BARRED') <> (b.id IS NOT NULL)
    """
    for row in _rows(sql, most):
        yield f"developer {row['id']}", {"score": row["score"], "counted": row["counted"], "level": row["level"], "barred": row["barred"]}
