"""``python -m benchmarks [--only NAME] [--rows N]``: every benchmark of this folder, or one, each in a process of its own.

Servers are those of DATABASE_URL and CELERY_BROKER_URL, else the embedded ones. Exits with 1 when a benchmark failed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path


def subjects() -> list[str]:
    """A benchmark is a module of this folder with a ``main``."""
    found = sorted(path.stem for path in Path(__file__).parent.glob("*.py") if not path.stem.startswith("_"))
    return [name for name in found if "\ndef main(" in Path(__file__).with_name(f"{name}.py").read_text(encoding="utf-8")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", default="", help=f"beginning of one name of: {', '.join(subjects())}")
    parser.add_argument("--rows", type=int, help="another size than the benchmark's own")
    options = parser.parse_args()
    chosen = [name for name in subjects() if name.startswith(options.only)]
    if not chosen:
        parser.error(f"no benchmark begins with {options.only!r}; there are {', '.join(subjects())}")

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    os.environ.setdefault("DEPLOYMENT", "local")
    import django
    from django.conf import settings

    django.setup()
    from backoffice.embedded.lock import AlreadyRunning
    from backoffice.embedded.servers import embedded_servers
    from backoffice.settings.env import env

    failed = []
    with ExitStack() as stack:
        try:
            stack.enter_context(embedded_servers(settings.LOCAL_STATE_DIR, env, say=print))
        except AlreadyRunning:
            print("Using the servers that are up already", flush=True)
        for name in chosen:
            print(f"\n== {name}", flush=True)
            size = ["--rows", str(options.rows)] if options.rows else []
            if subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *size], check=False).returncode:
                failed.append(name)
    for name in failed:
        print(f"{name} failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
