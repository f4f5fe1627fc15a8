"""The chain every log line passes through: a stable event code, ids, the request or task it belongs to, and no personal data."""

from __future__ import annotations

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

HIDDEN = "[hidden]"
# A mainland mobile number, with or without country code, anywhere in a text (also inside a longer sentence or a URL).
_PHONE = re.compile(r"(?<!\d)((?:\+?86|0086)?1[3-9]\d)\d{4}(\d{4})(?!\d)")
_QUERY = re.compile(r"(\s/[^\s?]*)\?\S*")
_SECRET_KEYS = re.compile(r"password|secret|token|authorization|cookie|phone|nickname|signature|secret_key|api_key", re.IGNORECASE)


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return _PHONE.sub(r"\1****\2", value)
    if isinstance(value, dict):
        return {key: HIDDEN if _SECRET_KEYS.search(str(key)) else _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def hide_personal_data(_logger: Any, _method: str, event_dict: EventDict) -> EventDict:
    """Cut query strings (they hold what somebody searched for), mask phone numbers, hide what is named like a secret."""
    request = event_dict.get("request")
    if isinstance(request, str):
        event_dict["request"] = _QUERY.sub(r"\1", request)
    return {key: HIDDEN if _SECRET_KEYS.search(key) else _clean(value) for key, value in event_dict.items()}


SHARED_PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,  # text only: the console renderer would print local variables
    structlog.processors.UnicodeDecoder(),
    hide_personal_data,
]
last_step = structlog.processors.JSONRenderer(ensure_ascii=False, default=str)

structlog.configure(
    processors=[structlog.stdlib.filter_by_level, *SHARED_PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
