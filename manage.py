#!/usr/bin/env python
"""Entry point of every management command."""

import os
import sys

# Commands that make sense only on a developer's or demo machine need not be told so.
LOCAL_COMMANDS = {"demo", "services", "test"}


def main() -> int:
    if len(sys.argv) > 1 and sys.argv[1] in LOCAL_COMMANDS:
        os.environ.setdefault("DEPLOYMENT", "local")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError:
        print("Django is not installed here: run 'make setup' and use .venv/bin/python.", file=sys.stderr)
        return 1
    from backoffice.startup import plain_errors

    with plain_errors():
        execute_from_command_line(sys.argv)
    return 0


if __name__ == "__main__":
    sys.exit(main())
