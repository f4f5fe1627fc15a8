"""Writes happen once: ``Idempotency-Key``, kept in the transaction of the effect.

The record of a key is inserted first. A twin that runs at the same moment waits there for the other's commit, then finds what was answered.
Only an effect keeps its key: what was refused left nothing, and may be sent again under the same key when the cause is gone.
"""

from __future__ import annotations

import hmac
import inspect
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial, wraps
from typing import Any, TypeVar

from django.db import connection
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from pydantic import BaseModel

from backoffice.kernel.api.auth import Caller, caller_of
from backoffice.kernel.api.models import LONGEST_KEY, IdempotencyRecord
from backoffice.kernel.api.problems import BadRequest
from backoffice.kernel.crash import crash_point
from backoffice.kernel.errors import BusinessError
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.secrets import decrypt, encrypt, lookup_hash

KEPT = timedelta(days=30)
PRUNED_AT_ONCE = 10_000
REPLAYED = "Idempotent-Replayed"
_KEY = re.compile(rf"[!-~]{{1,{LONGEST_KEY}}}")

KEYED: dict[str, Any] = {
    "parameters": [
        {
            "in": "header",
            "name": "Idempotency-Key",
            "required": True,
            "schema": {"type": "string", "pattern": rf"^[!-~]{{1,{LONGEST_KEY}}}$"},
            "description": "Your own name for this one act, such as a random UUID. The same key and request get the first answer again; "
            "the same key with another request is refused.",
            "example": "5f0c1c2e-6f0b-4a51-9f0e-2d6f3f1d7a10",
        }
    ]
}
"""``openapi_extra`` of an operation under ``keyed``."""


class KeyReused(BusinessError):
    """The key came before with another request."""

    code = "idempotency_key_reused"


@dataclass(frozen=True)
class Done:
    """What a write answers. ``replayed``: a service found that it had done exactly this before, under a key whose record is gone."""

    body: BaseModel
    status: int = 200
    replayed: bool = False


Operation = TypeVar("Operation", bound=Callable[..., Done])


def keyed(operation: Operation) -> Operation:
    """Run a write of a store under the caller's key: once, in one transaction. The operation gets ``request`` and ``store`` and answers ``Done``."""

    @wraps(operation)
    def view(request: HttpRequest, **values: Any) -> HttpResponse:
        caller, key = caller_of(request), _key_of(request)
        caller.store(values["store"])  # a right taken away works on a replay too
        answer = _once(caller, key, _hash_of(request), partial(operation, request, **values))
        crash_point("api.answered")
        return answer

    # Annotations are texts of the operation's module, and ninja would look for their names in this one.
    view.__signature__ = inspect.signature(operation, eval_str=True)  # type: ignore[attr-defined]
    return view  # type: ignore[return-value]


def ledger_key(request: HttpRequest) -> str:
    """The key under which services remember this act for ever: the client's own, told apart from those of other clients."""
    return f"api:{caller_of(request).client.pk}:{_key_of(request)}"


def _key_of(request: HttpRequest) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if not key:
        raise BadRequest(_("A write needs the header Idempotency-Key."), code="idempotency_key_missing")
    if not _KEY.fullmatch(key):
        raise BadRequest(
            _("An Idempotency-Key has 1 to %(longest)s ASCII characters without spaces.") % {"longest": LONGEST_KEY}, code="idempotency_key_invalid"
        )
    return key


def _hash_of(request: HttpRequest) -> bytes:
    """What was asked for, whatever order and spacing its JSON has. Keyed, because a phone could be guessed from a plain hash."""
    try:
        body = json.dumps(json.loads(request.body), sort_keys=True, separators=(",", ":"))
    except (ValueError, RecursionError):  # nothing was sent, or something to a call that takes no body
        body = request.body.hex()
    return lookup_hash("api", f"{request.method} {request.get_full_path()}\n{body}")


@in_transaction
def _once(caller: Caller, key: str, request_hash: bytes, act: Callable[[], Done]) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_idempotencyrecord (client_id, key, request_hash, status, answer) VALUES (%s, %s, %s, 0, '') "
            "ON CONFLICT (client_id, key) DO NOTHING RETURNING id",
            [caller.client.pk, key, request_hash],
        )
        claimed = cursor.fetchone()
    if claimed is None:
        return _replay(IdempotencyRecord.objects.get(client=caller.client, key=key), request_hash)
    done = act()
    text = done.body.model_dump_json()
    IdempotencyRecord.objects.filter(pk=claimed[0]).update(status=done.status, answer=encrypt(text))
    crash_point("api.before_commit")
    return _answer(text, done.status, replayed=done.replayed)


def _replay(record: IdempotencyRecord, request_hash: bytes) -> HttpResponse:
    if not hmac.compare_digest(bytes(record.request_hash), request_hash):
        raise KeyReused(_("This idempotency key was used before with another request. Send the new request under a key of its own."))
    return _answer(decrypt(record.answer), record.status, replayed=True)


def _answer(text: str, status: int, *, replayed: bool) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json; charset=utf-8", headers={REPLAYED: "true"} if replayed else {})


def prune_records() -> int:
    """Remove records older than ``KEPT``, a chunk at a time; how many. After that a repeated key is met by the services' own keys only."""
    pruned = 0
    while True:
        old = IdempotencyRecord.objects.filter(created_at__lt=Now() - KEPT).order_by("created_at").values("pk")[:PRUNED_AT_ONCE]
        removed, _by_model = IdempotencyRecord.objects.filter(pk__in=old).delete()
        pruned += removed
        if removed < PRUNED_AT_ONCE:
            return pruned
