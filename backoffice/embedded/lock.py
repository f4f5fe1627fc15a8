"""One supervisor per state folder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from backoffice.embedded.errors import ServiceError


class AlreadyRunning(ServiceError):
    """Another live process holds the lock; ``pid`` is its number, or None when it cannot be read."""

    def __init__(self, message: str, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


@contextmanager
def held(place: Path, what: str) -> Iterator[None]:
    """Hold the lock file for the block. The kernel frees it when the process ends, however it ends, so it is never stale.

    Raises AlreadyRunning with a sentence naming ``what`` and the holder.
    """
    descriptor = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            written = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
            pid = int(written) if written.isdigit() else None
            raise AlreadyRunning(f"{what} in {place.parent} is already kept up by process {pid or 'unknown'}: stop that one first.", pid) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(descriptor)
