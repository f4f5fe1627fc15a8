"""Celery. A task means "there is work": the database is the queue of record, so a lost or doubled task changes nothing."""

from __future__ import annotations

from typing import Any

from kombu import Queue

from backoffice.embedded.addresses import broker_url
from backoffice.settings.env import env
from backoffice.settings.language import TIME_ZONE
from backoffice.settings.paths import LOCAL_STATE_DIR

__all__ = [
    "CELERY_ACCEPT_CONTENT",
    "CELERY_BEAT_SCHEDULER",
    "CELERY_BEAT_SYNC_EVERY",
    "CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP",
    "CELERY_BROKER_TRANSPORT_OPTIONS",
    "CELERY_BROKER_URL",
    "CELERY_EVENT_SERIALIZER",
    "CELERY_TASK_ACKS_LATE",
    "CELERY_TASK_DEFAULT_QUEUE",
    "CELERY_TASK_DEFAULT_QUEUE_TYPE",
    "CELERY_TASK_IGNORE_RESULT",
    "CELERY_TASK_QUEUES",
    "CELERY_TASK_REJECT_ON_WORKER_LOST",
    "CELERY_TASK_SERIALIZER",
    "CELERY_TASK_SOFT_TIME_LIMIT",
    "CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED",
    "CELERY_TASK_TIME_LIMIT",
    "CELERY_TIMEZONE",
    "CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS",
    "CELERY_WORKER_DETECT_QUORUM_QUEUES",
    "CELERY_WORKER_HIJACK_ROOT_LOGGER",
    "CELERY_WORKER_MAX_MEMORY_PER_CHILD",
    "CELERY_WORKER_MAX_TASKS_PER_CHILD",
    "CELERY_WORKER_PREFETCH_MULTIPLIER",
    "CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT",
    "DJANGO_STRUCTLOG_CELERY_ENABLED",
]

CELERY_BROKER_URL: str = env.value("CELERY_BROKER_URL", broker_url(LOCAL_STATE_DIR))
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
_rabbitmq = CELERY_BROKER_URL.startswith(("amqp://", "amqps://", "pyamqp://"))
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = (
    {"confirm_publish": True} if _rabbitmq else {"visibility_timeout": env.value("BROKER_VISIBILITY_TIMEOUT"), "socket_timeout": 10}
)
CELERY_TASK_DEFAULT_QUEUE = "default"
# RabbitMQ: quorum queues survive a node and give up on a task that kills its worker; Redis and Valkey know only one kind.
_queue_arguments = {"x-queue-type": "quorum", "x-delivery-limit": 5} if _rabbitmq else None
# Kinds of work that may be given workers of their own (`worker -Q dispatch`); one worker reads them all by default.
CELERY_TASK_QUEUES = [
    Queue(name, routing_key=name, queue_arguments=_queue_arguments) for name in ("default", "imports", "reminders", "dispatch", "notices", "credit")
]
CELERY_TASK_DEFAULT_QUEUE_TYPE = "quorum" if _rabbitmq else "classic"
CELERY_WORKER_DETECT_QUORUM_QUEUES = _rabbitmq

CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SERIALIZER = "json"
CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = False
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 330
CELERY_TIMEZONE = TIME_ZONE

CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000  # kB, looked at between two tasks
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 30.0
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
DJANGO_STRUCTLOG_CELERY_ENABLED = True

CELERY_BEAT_SCHEDULER = "backoffice.scheduler:SingleScheduler"
CELERY_BEAT_SYNC_EVERY = 1  # write last_run_at after every task: a killed beat repeats at most one
