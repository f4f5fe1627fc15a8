"""Transactions that meet a deadlock are run again; callers never see one."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, connection, transaction

P = ParamSpec("P")
R = TypeVar("R")

RETRIED_SQLSTATES = {"40001", "40P01"}
MOST_TRIES = 5


def in_transaction(service: Callable[P, R]) -> Callable[P, R]:
    """Run a service in one transaction; the outermost one is retried on serialization failure and deadlock (40001, 40P01)."""

    @functools.wraps(service)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return service(*args, **kwargs)

        def attempt() -> R:
            with transaction.atomic():
                return service(*args, **kwargs)

        return _tried_again(attempt)

    return run


def in_one_statement(service: Callable[P, R]) -> Callable[P, R]:
    """Like ``in_transaction`` for a service whose only write is one statement, which is a transaction by itself.

    Alone it needs no BEGIN and COMMIT, two of three round trips; inside a transaction it gets a savepoint as every service does.
    """

    @functools.wraps(service)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            with transaction.atomic():
                return service(*args, **kwargs)
        return _tried_again(lambda: service(*args, **kwargs))

    return run


def _tried_again(attempt: Callable[[], R]) -> R:
    tries = 1
    while True:
        try:
            return attempt()
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) not in RETRIED_SQLSTATES or tries == MOST_TRIES:
                raise
        time.sleep(random.uniform(0.01, 0.05) * tries)  # noqa: S311 - jitter, not a secret
        tries += 1
