"""System checks of the composition root."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def schedule_names_real_tasks(**_: Any) -> list[CheckMessage]:
    """Every periodic task exists: otherwise beat would send work that no worker knows."""
    from backoffice.schedule import unknown_tasks

    return [Error(f"The schedule names the task '{task}', which no app defines.", id="backoffice.E001") for task in unknown_tasks()]


@register()
def tasks_use_known_queues(**_: Any) -> list[CheckMessage]:
    """Every task goes to a queue that workers read."""
    from backoffice.celery import app, load_tasks

    load_tasks()
    known = {queue.name for queue in settings.CELERY_TASK_QUEUES}
    queues = {task.name: getattr(task, "queue", None) for task in app.tasks.values()}
    return [
        Error(f"The task '{name}' goes to the queue '{queue}', which no worker reads.", id="backoffice.E002")
        for name, queue in queues.items()
        if queue and queue not in known
    ]


@register()
def keys_are_strong(**_: Any) -> list[CheckMessage]:
    """Keys that came from the environment are long enough to be keys."""
    import base64
    import binascii

    messages: list[CheckMessage] = []
    for position, key in enumerate(settings.FIELD_ENCRYPTION_KEYS, start=1):
        try:
            length = len(base64.urlsafe_b64decode(key))
        except (binascii.Error, ValueError):
            length = 0
        if length != 32:
            messages.append(Error(f"Key {position} of FIELD_ENCRYPTION_KEYS is not 32 bytes in URL-safe base64.", id="backoffice.E003"))
    for name in ("LOOKUP_HASH_KEY", "GATEWAY_SECRET"):
        if len(getattr(settings, name)) < 32:
            messages.append(Error(f"{name} is shorter than 32 characters.", id="backoffice.E004"))
    return messages
