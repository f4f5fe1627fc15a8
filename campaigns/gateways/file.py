"""The file gateway of a local deployment: one JSON line a message, for development and a first look."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from campaigns.gateways.base import Answer, Outcome, Result, WireMessage

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FileGateway:
    """Appends to ``path``. A message that is handed over again has the same ``idempotency_key``: readers count keys, not lines."""

    path: Path

    @property
    def name(self) -> str:
        return "file"

    @property
    def key_window(self) -> timedelta:
        return timedelta(days=3650)

    def send(self, batch_id: str, messages: Sequence[WireMessage]) -> Answer:
        at = datetime.now(UTC).isoformat()
        lines = [json.dumps({"at": at, "batch_id": batch_id, **message}, ensure_ascii=False, separators=(",", ":")) + "\n" for message in messages]
        content = "".join(lines).encode()
        try:
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # O_APPEND: whole batches of several workers stand one after the other.
                while content:
                    content = content[os.write(descriptor, content) :]
            finally:
                os.close(descriptor)
        except OSError as error:
            log.warning("gateway.file_not_written", batch_id=batch_id, error=str(error))
            return Answer(Result(Outcome.IN_DOUBT, error="no_answer"))
        accepted = {message["id"]: Result(Outcome.ACCEPTED, f"file-{message['idempotency_key'][:12]}") for message in messages}
        return Answer(Result(Outcome.IN_DOUBT, error="no_result"), accepted)
