#!/usr/bin/env bash
# Make .venv hold exactly one lock file's packages: `deploy/venv.sh requirements.txt` (or requirements-dev.txt, which
# contains it). Does nothing when that was done for the same file before.
set -euo pipefail
cd "$(dirname "$0")/.."
lock=$1

find_python() {
    # The first one that is 3.11 or newer and can make environments (Debian splits that part off).
    for name in "${PYTHON:-}" python3.11 python3 python3.12 python3.13 /usr/bin/python3.11 /usr/bin/python3; do
        [ -n "$name" ] || continue
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$name"
            return
        fi
    done
    echo "No Python 3.11 or newer with the venv module was found (Debian: apt-get install python3-venv), or set PYTHON." >&2
    return 1
}

hash_of() { cat "$@" | cksum | tr -d ' '; }

# A full development environment also serves those who need only the runtime.
for done_lock in "$lock" requirements-dev.txt; do
    mark=.venv/installed-$done_lock
    if [ -x .venv/bin/python ] && [ "$(cat "$mark" 2>/dev/null)" = "$(hash_of requirements.txt "$done_lock")" ]; then
        exit 0
    fi
done

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    echo "Making .venv with $("$python" --version)" >&2
    rm -rf .venv
    "$python" -m venv .venv
fi
echo "Installing $lock" >&2
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r "$lock"
echo local > .venv/deployment  # commands of this environment are a developer's or the demo's; see docs/settings.md, DEPLOYMENT
rm -f .venv/installed-*
hash_of requirements.txt "$lock" > ".venv/installed-$lock"
