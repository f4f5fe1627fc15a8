"""Schemathesis calls everything that the OpenAPI document describes, as it allows and as it does not: no 500, no answer that is not documented.

The same examples in every run. A third of the calls name rows that are there, so that they get past the look-up of what a path names.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import schemathesis
from django.conf import settings as django_settings
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance

from backoffice.api import api
from backoffice.kernel.tenancy.models import Store
from campaigns.gateways.http import sign
from tests.backoffice.test_api_reach import CALLS, PREFIX, ask, filled, seed
from tests.kernel.api.calling import Caller

pytestmark = pytest.mark.django_db
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance]
SCHEMA = schemathesis.openapi.from_dict(json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str)))
OPERATIONS = {operation.label: operation for operation in (result.ok() for result in SCHEMA.get_all_operations())}
RIGHT = {f"{call.method} {PREFIX}{call.path}": call for call in CALLS}
EXAMPLES = int(os.environ.get("API_FUZZ_EXAMPLES", "36"))
HELD = (Phase.generate,)


@pytest.fixture
def world() -> dict[str, str]:
    """Two stores with rows; the names of one."""
    seed("sb")
    return seed("sa")


@contextmanager
def like_a_server() -> Iterator[Any]:
    """The application of the web process, on the test's own connection: a request does not end it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        yield get_wsgi_application()
    finally:
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)


def body_of(case: Any) -> bytes:
    """The body as it will be sent, which the signature of a gateway has to cover."""
    return json.dumps(case.body).encode() if isinstance(case.body, dict | list) else b""


def headers_for(case: Any, token: str) -> dict[str, str]:
    if case.path.endswith("/gateway/receipts"):
        timestamp = str(int(time.time()))
        return {"X-Store": "sa", "X-Timestamp": timestamp, "X-Signature": sign(django_settings.GATEWAY_SECRET, timestamp, body_of(case))}
    return {"Authorization": f"Bearer {token}"}


def with_rows(case: Any, world: dict[str, str], drawn: int) -> None:
    """Let the case name rows that are there: of the own store, or, sometimes, of the other one."""
    names = world if drawn % 4 else {name: text.replace("sa", "sb") for name, text in world.items()}
    case.path_parameters = {name: names.get(name, value) for name, value in (case.path_parameters or {}).items()}
    if isinstance(case.body, dict) and isinstance(case.body.get("member_no"), str):
        case.body["member_no"] = names["member_no"]
    if isinstance(case.body, dict) and isinstance(case.body.get("order_no"), str) and drawn % 2:
        case.body["order_no"] = names["order_no"] if "payments" in case.path else names["spent_order"]
    if case.headers.get("Idempotency-Key") and drawn % 5 == 0:
        case.headers["Idempotency-Key"] = "used-before"


def almost_right(case: Any, world: dict[str, str], drawn: int) -> None:
    """Let the case be a call that works, but for one field of its body, or none."""
    right = RIGHT.get(f"{case.method} {case.path}")
    if right is None:
        return
    case.query = dict(pair.split("=") for pair in right.query.removeprefix("?").split("&") if pair)
    case.headers["Idempotency-Key"] = f"fresh-{drawn}"
    generated, case.body = case.body, filled(right.body, world) if right.body is not None else case.body
    if isinstance(generated, dict) and isinstance(case.body, dict) and generated and drawn % 2:
        name = sorted(map(str, generated))[drawn % len(generated)]
        case.body = {**case.body, name: generated.get(name)}


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_500_and_nothing_undocumented(label: str, world: dict[str, str], settings: Any) -> None:
    operation = OPERATIONS[label]
    settings.ALLOWED_HOSTS = ["*"]
    caller = Caller(is_platform=True) if label.endswith("/grants/check") else Caller(Store.objects.get(code="sa"))
    caller.post("/stores/sa/identities", {"identities": [{"kind": "openid", "value": "o"}]}, key="used-before")
    seen: Counter[int] = Counter()

    @run_settings(label)
    @given(data=st.data())
    def run(data: Any) -> None:
        mode = data.draw(st.sampled_from([GenerationMode.POSITIVE, GenerationMode.POSITIVE, GenerationMode.NEGATIVE]))
        case = data.draw(operation.as_strategy(generation_mode=mode))
        drawn = data.draw(st.integers(0, 60))
        if drawn % 3:
            with_rows(case, world, drawn)
        if drawn % 3 == 2:
            almost_right(case, world, drawn)
        with transaction.atomic():
            response = case.call(headers=headers_for(case, caller.token), app=application)
            transaction.set_rollback(True)
        seen[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    with like_a_server() as application:
        run()
    assert sum(seen.values()) >= EXAMPLES // 2, seen
    # What hypothesis draws depends on the modules that are loaded, so on other tests: whether a right call works here is not left to it.
    right = RIGHT.get(label)
    assert any(status < 300 for status in seen) or (right is not None and ask(caller, right, world).status_code < 300), seen


def test_an_answer_that_is_not_documented_is_noticed(world: dict[str, str], settings: Any) -> None:
    """Otherwise the walk above would show nothing."""
    settings.ALLOWED_HOSTS = ["*"]
    document = json.loads(json.dumps(api.get_openapi_schema(path_prefix="/api/v1/"), default=str))
    place = f"{PREFIX}/stores/{{store}}/members/{{member_no}}"
    del document["paths"][place]["get"]["responses"]["404"]
    case = schemathesis.openapi.from_dict(document)[place]["GET"].Case(path_parameters={"store": "none", "member_no": "none"})
    with like_a_server() as application:
        response = case.call(headers=headers_for(case, Caller(is_platform=True).token), app=application)
    assert response.status_code == 404
    with pytest.raises(FailureGroup):
        case.validate_response(response, checks=CHECKS)


def run_settings(label: str) -> Any:
    """Bounded and the same in each run: the examples follow from the call's name."""

    def decorate(test: Any) -> Any:
        from hypothesis import seed as fixed

        number = int.from_bytes(hashlib.sha256(label.encode()).digest()[:4])
        return fixed(number)(
            settings(max_examples=EXAMPLES, phases=HELD, database=None, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)(test)
        )

    return decorate
