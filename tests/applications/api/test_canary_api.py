"""No note, reviewer's name, hold or ruling that is not in effect in anything that the API answers, whoever asks: an app, a till, a gateway."""

from __future__ import annotations

import pytest
from django.test import Client

from applications.models import Grant
from applications.services.decide import return_hold
from applications.services.enable import enable_app
from applications.services.grants import confirm_revocation, propose_revocation, suspend_grant
from applications.services.review import add_note
from backoffice.kernel.clock import database_now
from backoffice.kernel.tenancy.roles import Role
from tests.applications.api.test_app_clients import AppCaller
from tests.applications.cases import approved, make_world, merchant_owner, onboarded, queued, review, staff
from tests.applications.test_canary import INNER
from tests.backoffice.test_api_reach import CALLS, MISSING, filled
from tests.factories import make_member, make_merchant, make_store
from tests.kernel.api.calling import Caller, ask_token

pytestmark = pytest.mark.django_db
NAMES = dict.fromkeys(MISSING, "1") | {"store": "s1", "member_no": "M1"}


def test_the_api_says_nothing_of_the_review() -> None:
    now, world, senior = database_now(), make_world(), staff(Role.PLATFORM_SENIOR)
    developer = onboarded()
    case = approved(world, developer=developer, now=now)
    store = make_store("s1", merchant=make_merchant(tier="PREMIUM"))
    make_member(store, "M1")
    enable_app(app=case.app, store=store, by=merchant_owner(store.merchant), now=now)
    caller, till, gateway = AppCaller(case.app), Caller(store), Caller(is_platform=True)
    assert caller.credentials is not None
    said: list[str] = []

    def everything() -> None:
        for asking in (caller, till, gateway):
            for call in CALLS:
                body = filled(call.body, NAMES) if call.body is not None else None
                answer = asking.ask(call.method, filled(call.path, NAMES) + call.query, body)
                said.append(answer.content.decode() + repr(answer.headers))
            for capability in ("member.read", "points.write"):
                said.append(asking.get(f"/grants/check?app={case.app.code}&capability={capability}&store=s1").content.decode())
        answer = ask_token(caller.credentials)
        said.append(answer.content.decode() + repr(answer.headers))

    # A high-risk capability of the same app: granted, but held; nothing of it shows. A second one is returned, a third refused and not yet in effect.
    held = queued(world, world.risky, app=case.app, now=now)
    add_note(case=held, text="canary-note", by=senior, now=now)
    review(held, now=now)
    everything()
    assert '"points.write","store":"s1","allowed":false,"reason":"not_granted"' in "".join(said).replace(" ", "")
    return_hold(case=held, note="canary-note", by=senior, now=now)
    review(held, fail=["N1"], now=now)
    everything()
    grant = Grant.objects.get(app=case.app)
    propose_revocation(grant=grant, reason="canary-note", by=senior, now=now)
    everything()
    suspend_grant(grant=grant, reason="canary-note", by=senior, now=now)
    everything()
    confirm_revocation(grant=grant, by=staff(Role.PLATFORM_SENIOR), now=now)
    everything()
    said.append(Client().get("/api/v1/openapi.json").content.decode())
    told = "\n".join(said).replace("NOT_DECIDED", "")  # an outcome of messages, documented
    assert [mark for mark in INNER if mark in told] == []
    assert {"suspended", "revoked", "not_granted"} <= {word for word in ("suspended", "revoked", "not_granted") if f'"{word}"' in told}
