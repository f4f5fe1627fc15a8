"""The review queue's page over 100,000 waiting cases, beside the same page over a hundred: through the real view and templates, in one process.

``python -m benchmarks.review_queue [--rows 100000] [--calls 200]`` prints a table and one line of JSON, and exits with 1 when the page's 95th percentile
is more than twice that over a hundred cases, or takes other than the same number of queries. Two scratch databases are made and
dropped; calls to them take turns. Beside the waiting cases there is a tenth as many in each of: in review (claimed), with the developer, held, closed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time

FEW, BAR = 100, 2.0
A_TURN = 10
# Cases on a page; in every tab there are so many at least, or the pages would not be the same.
PAGE_SIZE = 50
ENOUGH = 60
SEED = """
INSERT INTO applications_category (id, code, name, name_en, is_active) SELECT g, 'c' || g, '类目' || g, 'Category ' || g, true FROM generate_series(1, 20) g;
INSERT INTO applications_capability (id, code, name, name_en, is_high_risk, description, is_active)
  SELECT g, 'cap' || g, '能力' || g, 'Capability ' || g, g % 3 = 0, '', true FROM generate_series(1, 6) g;
INSERT INTO tenancy_developer (id, code, name, contact, level, onboarded_at, created_at)
  SELECT g, 'd' || g, '服务商' || g, '', '', CASE WHEN g % 4 > 0 THEN now() END, now() FROM generate_series(1, {developers}) g;
INSERT INTO applications_app (id, developer_id, code, name, form, build, category_id, created_at)
  SELECT g, 1 + g % {developers}, 'a' || g, '应用' || g, 'MINI_PROGRAM', 'TEMPLATE', 1 + g % 20, now() FROM generate_series(1, {cases}) g;
INSERT INTO applications_application (id, app_id, developer_id, state, version, round_count, revision_id, fence, draft, draft_version, is_first_time,
    clock_started_at, clock_used, due_at, answer_by, created_at, submitted_at, closed_at, is_late)
  SELECT g, g, 1 + g % {developers}, s, 2, g % 3, g, CASE WHEN s = 'IN_REVIEW' THEN 1 ELSE 0 END, '{{}}', 1, g % 4 = 0,
    CASE WHEN s IN ('QUEUED', 'IN_REVIEW', 'HELD') THEN now() - interval '1 day' END, interval '0', now() + (g * 7919 % 864000 - 432000) * interval '1 second',
    CASE WHEN s = 'CHANGES_REQUESTED' THEN now() + g % 1209600 * interval '1 second' END, now() - interval '2 days', now() - interval '1 day',
    CASE WHEN s = 'REFUSED' THEN now() END, CASE WHEN s = 'REFUSED' THEN false END
  FROM (SELECT g, CASE WHEN g <= {queued} THEN 'QUEUED' ELSE (ARRAY['IN_REVIEW', 'CHANGES_REQUESTED', 'HELD', 'REFUSED'])[1 + g % 4] END AS s
          FROM generate_series(1, {cases}) g) made;
INSERT INTO applications_revision (id, case_id, number, content, content_hash, submitted_at)
  SELECT id, id, 1, jsonb_build_object('text', repeat('演示内容', 400)), md5(id::text) || md5(id::text), now() FROM applications_application;
INSERT INTO applications_requestedcapability (case_id, revision_id, app_id, capability_id, scene, value, holds_place)
  SELECT id, id, id, 1 + (id + k) % 6, repeat('场景', 40), repeat('价值', 40), state <> 'REFUSED' FROM applications_application, generate_series(0, 1) k;
INSERT INTO applications_claim (case_id, token, reviewer_id, claimed_at, lease_until)
  SELECT id, 1, {reviewer}, now(), now() + interval '20 minutes' FROM applications_application WHERE state = 'IN_REVIEW';
"""
PAGES = {
    "queue, first page": "?tab=queued",
    "queue, deep page": "?tab=queued&after={place}",
    "mine": "?tab=mine",
    "in review": "?tab=in_review",
    "with the developer": "?tab=developer",
    "held": "?tab=held",
}


class Place:
    """A scratch database with so many waiting cases, and a reviewer who is logged in."""

    def __init__(self, queued: int) -> None:
        self.queued = queued
        self.name = f"bench_queue_{os.getpid()}_{queued}"
        self.took: dict[str, list[float]] = {name: [] for name in PAGES}
        self.queries: dict[str, int] = {}

    def switch(self) -> None:
        """Let Django's connection lead here."""
        _lead_to(self.name)

    def make(self) -> None:
        from django.core.management import call_command
        from django.db import connection, transaction
        from django.test import Client
        from django.urls import reverse

        from applications.models import Application
        from backoffice.kernel.clock import database_now
        from backoffice.kernel.tenancy.roles import Role
        from backoffice.kernel.tenancy.services.users import create_user, grant_seat

        administer(f'CREATE DATABASE "{self.name}"')
        self.switch()
        call_command("migrate", verbosity=0)
        now = database_now()
        user = create_user(username="reviewer", password="a-bench-password-of-nobody", display_name="审核员", by=None, now=now)  # noqa: S106
        grant_seat(user=user, role=Role.PLATFORM_REVIEWER, by=None, now=now)
        others = max(self.queued // 10, ENOUGH) * 4
        sizes = {"queued": self.queued, "cases": self.queued + others, "developers": max(20, self.queued // 20), "reviewer": user.pk}
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in SEED.format(**sizes).split(";\n"):
                if statement.strip():
                    cursor.execute(statement)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")
        middle = Application.objects.filter(state="QUEUED").order_by("due_at", "pk")[self.queued // 2 - 30]
        spot = f"{middle.due_at:%Y-%m-%dT%H:%M:%S.%fZ}_{middle.pk}"
        self.urls = {name: reverse("platform:applications_queue") + query.format(place=spot) for name, query in PAGES.items()}
        self.client = Client(headers={"host": "localhost"})
        self.client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")

    def count_queries(self) -> None:
        """The first call of each page: it warms up, and counts."""
        from django.db import connection

        self.switch()
        for name, url in self.urls.items():
            self.client.get(url)
            asked: list[str] = []
            with connection.execute_wrapper(lambda execute, *call, asked=asked: (asked.append(call[0]), execute(*call))[1]):
                answer = self.client.get(url)
            assert answer.status_code == 200, (name, answer.status_code)
            shown = answer.content.count(b"/change/")
            assert shown >= PAGE_SIZE, (name, shown)
            self.queries[name] = len(asked)

    def call(self, calls: int) -> None:
        self.switch()
        for name, url in self.urls.items():
            self.client.get(url)
            for _call in range(calls):
                began = time.perf_counter()
                self.client.get(url)
                self.took[name].append((time.perf_counter() - began) * 1000)

    def figures(self) -> dict[str, dict[str, float]]:
        """Milliseconds (median, 95th percentile) and queries of each page."""
        return {
            name: {"median": statistics.median(took), "p95": statistics.quantiles(took, n=20)[-1], "queries": self.queries[name]}
            for name, took in self.took.items()
        }


def administer(statement: str) -> None:
    from django.db import connection

    _lead_to("postgres")
    with connection.cursor() as cursor:
        cursor.execute(statement)
    connection.close()


def _lead_to(name: str) -> None:
    from django.db import connection

    connection.close()
    connection.settings_dict["NAME"] = name


def measure(sizes: list[int], calls: int) -> list[dict[str, dict[str, float]]]:
    """The figures of each size. The sizes take turns, so that what else the machine does meets all of them alike."""
    places = [Place(queued) for queued in sizes]
    try:
        for place in places:
            place.make()
            place.count_queries()
        for _round in range(calls // A_TURN):
            for place in places:
                place.call(A_TURN)
    finally:
        for place in places:
            administer(f'DROP DATABASE IF EXISTS "{place.name}" WITH (FORCE)')
    return [place.figures() for place in places]


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000, help="cases that wait for review")
    parser.add_argument("--calls", type=int, default=200)
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ.setdefault("DEPLOYMENT", "local")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    import django

    django.setup()
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False)
    few, many = measure([FEW, options.rows], options.calls)
    ratios = {name: many[name]["p95"] / few[name]["p95"] for name in PAGES}
    print(f"{'page':20} {'queries':>8} {'p95 of ' + str(FEW):>16} {'p95 of ' + format(options.rows, ','):>18} {'ratio':>7}   (bar {BAR})")
    for name in PAGES:
        print(f"{name:20} {many[name]['queries']:8} {few[name]['p95']:13.1f} ms {many[name]['p95']:15.1f} ms {ratios[name]:7.2f}")
    print(json.dumps({"benchmark": "review_queue", "rows": options.rows, "few": few, "many": many, "ratios": {key: round(r, 3) for key, r in ratios.items()}}))
    same = all(few[name]["queries"] == many[name]["queries"] for name in PAGES)
    return 0 if same and max(ratios.values()) <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
