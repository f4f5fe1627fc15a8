"""What must never reach a log line."""

from __future__ import annotations

import json
import logging

import structlog
from django.conf import settings

from backoffice.logs import hide_personal_data


def cleaned(**event: object) -> dict[str, object]:
    return dict(hide_personal_data(None, "info", dict(event)))


def test_phones_are_masked_wherever_they_stand() -> None:
    line = cleaned(event="refused 13812345678", text="call +8613812345678 now", nested={"a": ["15912345678"]}, number="order 2138123456789")

    assert line["event"] == "refused 138****5678"
    assert line["text"] == "call +86138****5678 now"
    assert line["nested"] == {"a": ["159****5678"]}
    assert line["number"] == "order 2138123456789"  # a longer number is no phone


def test_secrets_are_hidden_by_name_and_searches_are_cut() -> None:
    line = cleaned(event="x", password="a", data={"gateway_secret": "b", "count": 3}, request="GET /admin/members/?q=13812345678&p=2")

    assert line["password"] == "[hidden]"
    assert line["data"] == {"gateway_secret": "[hidden]", "count": 3}
    assert line["request"] == "GET /admin/members/"


def test_a_traceback_shows_no_local_variables_and_no_phone() -> None:
    records: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(self.format(record))

    description = settings.LOGGING["formatters"]["json"]
    handler = Collect()
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=description["foreign_pre_chain"], processors=description["processors"]))
    logger = logging.getLogger("tests.logs")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        secret_local = "do-not-show"
        try:
            raise ValueError(f"no member with 13812345678, {len(secret_local)}")
        except ValueError:
            logger.exception("import_failed %s", "13900001111")
    finally:
        logger.removeHandler(handler)
    (text,) = records
    line = json.loads(text)
    assert line["event"] == "import_failed 139****1111"
    assert "138****5678" in line["exception"]
    assert "do-not-show" not in text
    assert "13812345678" not in text
