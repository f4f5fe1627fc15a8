"""Beat's scheduler: django-celery-beat's, made single. A second beat waits; when the first one dies it takes over."""

from __future__ import annotations

import os
import socket
from datetime import UTC, datetime
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django_celery_beat.schedulers import DatabaseScheduler

logger = structlog.get_logger(__name__)

LOCK_NUMBER = 0x62656174  # "beat": one advisory lock per database
WAIT_SECONDS = 5.0
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
_HEARTBEAT = """
    INSERT INTO backoffice_beatheartbeat (id, holder, beat_at) VALUES (1, %s, clock_timestamp())
    ON CONFLICT (id) DO UPDATE SET holder = excluded.holder, beat_at = excluded.beat_at
    WHERE backoffice_beatheartbeat.beat_at < clock_timestamp() - interval '4 seconds' OR backoffice_beatheartbeat.holder <> excluded.holder
"""


class BeatLock:
    """A session's advisory lock on a connection of its own: it is gone the moment the process or its connection is."""

    def __init__(self) -> None:
        self.connection: BaseDatabaseWrapper | None = None
        self.holder = f"{socket.gethostname()}:{os.getpid()}"

    def hold(self) -> bool:
        """True when this process holds the lock now, and its heartbeat is written. False when another beat does.
        Raises OperationalError when the database cannot be reached; the lock is then lost."""
        try:
            if self.connection is None:
                connection = connections.create_connection("default")
                self.connection = connection
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_NUMBER])
                    if not cursor.fetchone()[0]:
                        self.release()
                        return False
            with self.connection.cursor() as cursor:
                cursor.execute(_HEARTBEAT, [self.holder])
        except DatabaseError:
            self.release()
            raise
        return True

    def release(self) -> None:
        if self.connection is not None:
            try:
                self.connection.close()
            except DatabaseError:
                logger.warning("beat_lock_connection_lost")
            self.connection = None


class SingleScheduler(DatabaseScheduler):
    """Ticks only while it holds the lock."""

    _last_timestamp: datetime | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.lock = BeatLock()
        self.leading = False
        super().__init__(*args, **kwargs)

    def setup_schedule(self) -> None:
        """The schedule comes from `schedule.py` by way of the tables; nothing is installed behind the operators' backs."""

    def _get_crontab_exclude_query(self) -> Q:
        # The base class leaves out crontabs that are not near in time and may then miss them altogether.
        return Q(pk__in=[])

    def schedule_changed(self) -> bool:
        changed = bool(super().schedule_changed())
        # Without a time of the last change the base class would take the next change for the state it started with.
        self._last_timestamp = self._last_timestamp or _LONG_AGO
        return changed

    def tick(self, *args: Any, **kwargs: Any) -> float:
        try:
            leading = self.lock.hold()
            if leading and not self.leading:
                logger.info("beat_leads", holder=self.lock.holder)
                # What was read while waiting is old: the former leader ran these tasks since.
                self._last_timestamp = self.Changes.last_change()
                self._initial_read, self._heap = True, None
            elif not leading and (self.leading or self._initial_read):
                logger.info("beat_waits", holder=self.lock.holder)
                self._initial_read = False
            self.leading = leading
            if not leading:
                return WAIT_SECONDS
            wait: float = super().tick(*args, **kwargs)
        except (OperationalError, InterfaceError) as error:
            self.leading = False
            self.lock.release()
            connections["default"].close()
            logger.warning("beat_without_database", error=str(error))
            return WAIT_SECONDS
        return min(wait, WAIT_SECONDS)

    def close(self) -> None:
        if self.leading:
            super().close()
        self.lock.release()
