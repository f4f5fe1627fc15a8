"""What holds for every import kind that is registered, before it has a test of its own."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.utils import translation

from backoffice.kernel.files.headers import known_headers
from backoffice.kernel.files.kinds import ImportKind, When, import_kinds
from backoffice.kernel.files.problems import problems
from backoffice.kernel.tenancy.roles import ROLE_GRANTS, Role
from tests.factories import make_store
from tests.loading import csv_of, load

KINDS = list(import_kinds)
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)


def statements(kind: ImportKind) -> list[str]:
    steps = [step.statement if isinstance(step, When) else step for step in (*kind.checks, *kind.classify, *kind.apply)]
    return [*(step for step in steps if isinstance(step, str)), kind.conflicts, kind.notes]


def test_the_kinds_of_the_first_release_are_there() -> None:
    assert {kind.code for kind in KINDS} >= {"stores", "members", "credit", "orders"}


@each_kind
def test_headers_and_aliases_are_nobody_elses(kind: ImportKind) -> None:
    spoken = [header for column in kind.file_columns for header in {column.name, column.header_zh, *column.aliases}]
    assert len(known_headers(kind)) == len(spoken)


@each_kind
def test_examples_are_right(kind: ImportKind) -> None:
    for column in kind.file_columns:
        if column.example:
            column.type.clean(column.example)
        else:
            assert not column.required, f"{column.name} needs an example"


@each_kind
def test_every_code_has_a_sentence_in_both_languages(kind: ImportKind) -> None:
    text = "\n".join(statements(kind))
    said = {code for code in re.findall(r"'([a-z]+(?:_[a-z]+)+)'", text) if code in problems}
    assert said or not kind.checks
    for code in said:
        with translation.override("en"):
            english = str(problems.get(code).sentence)
        with translation.override("zh-hans"):
            chinese = str(problems.get(code).sentence)
        assert english != chinese
        assert re.search(r"[一-鿿]", chinese)


@each_kind
def test_the_clock_is_never_read(kind: ImportKind) -> None:
    for statement in statements(kind):
        code = re.sub(r"--.*", "", statement)
        assert not re.search(r"\b(now\s*\(\)|current_(date|timestamp|time)|clock_timestamp|localtime)", code, re.IGNORECASE)


@each_kind
def test_somebody_may_import_it(kind: ImportKind) -> None:
    assert ROLE_GRANTS[Role.PLATFORM_ADMIN].allows(kind.permission)
    assert not ROLE_GRANTS[Role.MERCHANT_ANALYST].allows(kind.permission)
    assert ROLE_GRANTS[Role.MERCHANT_OWNER].allows(kind.permission) is not kind.platform_only


@pytest.mark.django_db
@each_kind
def test_a_file_of_blank_cells_is_bad_rows_and_nothing_else(kind: ImportKind, settings: pytest.FixtureRequest, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    store = make_store("YS01") if kind.has_store else None
    names = [column.name for column in kind.columns]
    job = load(kind.code, csv_of(",".join(names), ",".join(["　"] * len(names))), store=store, dry=True)

    assert (job.status, job.rows_total, job.bad_count) == ("CHECKED", 1, 1)
    assert "bad_value" not in set(job.problems.values_list("code", flat=True))
