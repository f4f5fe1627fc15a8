"""An app's client: who may make it, and that it calls exactly what was granted, for the stores that use the app, and not a moment longer."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from applications.choices import GrantStatus
from applications.models import App, Application, Capability, Grant, StoreEnablement
from applications.services.apps import AppRefused, connect_client
from applications.services.clients import create_client_of_app, rotate_secret_of_app, switch_client_of_app
from applications.services.enable import disable_app, enable_app
from applications.services.grants import confirm_revocation, give_up_grant, propose_revocation, resume_grant, suspend_grant
from backoffice.kernel.api.models import ApiClient, ApiClientStore, ApiToken, IdempotencyRecord
from backoffice.kernel.api.services.clients import ClientRefused
from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import NotAllowed, StateConflict
from backoffice.kernel.tenancy.models import MerchantTier, Store
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.services.merchants import close_store, suspend_merchant
from members.models import Event, Level, Member
from tests.applications.admin.consoles import act, logged_in
from tests.applications.cases import World, approved, change_table, make_world, merchant_owner, onboarded, owner_of, staff
from tests.backoffice.test_api_reach import CALLS, MISSING, Call, filled
from tests.factories import make_member, make_merchant, make_store, make_user
from tests.kernel.api.calling import Caller, ask_token, make_client, problem_of, token_for

pytestmark = pytest.mark.django_db
OPEN_CALLS = {"GET /stores/{store}/members/{member_no}": "member.read"}
CLOSED = [pytest.param(call, id=f"{call.method} {call.path}") for call in CALLS if f"{call.method} {call.path}" not in OPEN_CALLS]


class AppCaller(Caller):
    """The app's own client, with a token for all that it was granted."""

    def __init__(self, app: App) -> None:
        self.credentials = create_client_of_app(app=app, by=owner_of(app.developer), now=database_now())
        self.token = token_for(self.client)
        self.http = Client(headers={"accept-language": "en"})


@pytest.fixture
def world() -> World:
    return make_world()


@pytest.fixture
def case(world: World) -> Application:
    return approved(world, now=database_now())


@pytest.fixture
def store(case: Application) -> Store:
    return used_by(case.app, "s1")


@pytest.fixture
def caller(case: Application, store: Store) -> AppCaller:
    make_member(store, "M1")
    return AppCaller(case.app)


def used_by(app: App, code: str) -> Store:
    """A store of a premium merchant that uses the app."""
    store = make_store(code, merchant=make_merchant(tier="PREMIUM"))
    enable_app(app=app, store=store, by=merchant_owner(store.merchant), now=database_now())
    return store


def grant_of(case: Application) -> Grant:
    return Grant.objects.get(app=case.app)


def member_call(caller: Caller, store: str = "s1") -> Any:
    return caller.get(f"/stores/{store}/members/M1")


class TestWhoMakesOne:
    def test_the_owner_of_the_developer_and_an_administrator(self, world: World, case: Application) -> None:
        made = create_client_of_app(app=case.app, by=owner_of(case.developer), now=database_now())
        assert (made.client.is_app, made.client.is_platform, made.client.client_stores.count()) == (True, False, 0)
        assert App.objects.get(pk=case.app.pk).api_client == made.client
        assert AuditEvent.objects.filter(verb="app.client_connected", facts__client=made.client.client_id).exists()
        other = approved(world, now=database_now()).app
        assert create_client_of_app(app=other, by=staff(Role.PLATFORM_ADMIN), now=database_now()).secret

    def test_nobody_else(self, case: Application) -> None:
        member = make_user(Role.DEVELOPER_MEMBER, developer=case.developer)
        stranger = owner_of(onboarded())
        for by in (member, stranger, staff(Role.PLATFORM_REVIEWER), staff(Role.PLATFORM_SENIOR), staff(Role.PLATFORM_AUDITOR)):
            with pytest.raises(NotAllowed):
                create_client_of_app(app=case.app, by=by, now=database_now())
        assert not ApiClient.objects.exists()

    def test_one_client_for_one_app(self, case: Application) -> None:
        create_client_of_app(app=case.app, by=owner_of(case.developer), now=database_now())
        with pytest.raises(AppRefused) as refused:
            create_client_of_app(app=case.app, by=owner_of(case.developer), now=database_now())
        assert refused.value.code == "client_exists"

    def test_a_new_secret_stops_the_old_one_and_its_tokens(self, case: Application, caller: AppCaller) -> None:
        assert caller.credentials
        assert member_call(caller).status_code == 200
        made = rotate_secret_of_app(app=case.app, reason="轮换", by=owner_of(case.developer), now=database_now())
        assert problem_of(member_call(caller)) == (401, "not_authenticated")
        assert ask_token(caller.credentials).status_code == 401
        assert ask_token(made).status_code == 200

    def test_switched_off_and_on(self, case: Application, caller: AppCaller) -> None:
        assert caller.credentials
        owner = owner_of(case.developer)
        switch_client_of_app(app=case.app, active=False, reason="停用", by=owner, now=database_now())
        assert problem_of(member_call(caller)) == (401, "not_authenticated")
        switch_client_of_app(app=case.app, active=True, reason="恢复", by=owner, now=database_now())
        assert ask_token(caller.credentials).status_code == 200

    def test_what_the_platform_switched_off_the_owner_cannot_switch_on(self, case: Application, caller: AppCaller) -> None:
        assert caller.credentials
        owner, administrator = owner_of(case.developer), staff(Role.PLATFORM_ADMIN)
        switch_client_of_app(app=case.app, active=False, reason="滥用", by=administrator, now=database_now())
        page = f"/developer/applications/app/{case.app.pk}/"
        assert "Switched off by the platform" in logged_in(owner).get(f"{page}change/").content.decode()
        assert act(logged_in(owner), f"{page}switch-on/", reason="mine").status_code == 404
        with pytest.raises(ClientRefused) as refused:
            switch_client_of_app(app=case.app, active=True, reason="mine", by=owner, now=database_now())
        assert refused.value.code == "off_by_platform"
        assert ask_token(rotate_secret_of_app(app=case.app, reason="轮换", by=owner, now=database_now())).status_code == 401
        switch_client_of_app(app=case.app, active=True, reason="核查完毕", by=administrator, now=database_now())
        assert ask_token(rotate_secret_of_app(app=case.app, reason="轮换", by=owner, now=database_now())).status_code == 200

    def test_the_platform_keeps_off_what_its_owner_switched_off(self, case: Application, caller: AppCaller) -> None:
        assert caller.credentials
        for by in (owner_of(case.developer), staff(Role.PLATFORM_ADMIN)):
            switch_client_of_app(app=case.app, active=False, reason="x", by=by, now=database_now())
        with pytest.raises(ClientRefused):
            switch_client_of_app(app=case.app, active=True, reason="x", by=owner_of(case.developer), now=database_now())
        with pytest.raises(StateConflict):
            switch_client_of_app(app=case.app, active=False, reason="x", by=staff(Role.PLATFORM_ADMIN), now=database_now())

    def test_without_a_client_or_a_reason(self, case: Application) -> None:
        owner = owner_of(case.developer)
        for reason, code in (("x", "client_missing"), (" ", "client_missing")):
            with pytest.raises(AppRefused) as refused:
                rotate_secret_of_app(app=case.app, reason=reason, by=owner, now=database_now())
            assert refused.value.code == code
        create_client_of_app(app=case.app, by=owner, now=database_now())
        with pytest.raises(AppRefused) as refused:
            rotate_secret_of_app(app=case.app, reason=" ", by=owner, now=database_now())
        assert refused.value.code == "reason_missing"

    def test_the_command(self, case: Application) -> None:
        out = io.StringIO()
        call_command("create_app_client", case.app.code, "--json", stdout=out)
        assert set(json.loads(out.getvalue())) == {"client_id", "client_secret"}
        with pytest.raises(CommandError, match="client already"):
            call_command("create_app_client", case.app.code)
        with pytest.raises(CommandError, match="There is no app"):
            call_command("create_app_client", "nothing")

    def test_a_client_that_is_connected_reaches_nothing_but_grants(self, case: Application, store: Store) -> None:
        """A till's client that becomes an app's loses its stores with its tokens, and does not get them back."""
        make_member(store, "M1")
        till = Caller(make_store("s9"), store)
        senior = staff(Role.PLATFORM_SENIOR)
        connect_client(app=case.app, client=till.client, by=senior, now=database_now())
        assert problem_of(member_call(till)) == (401, "not_authenticated")
        till.token = token_for(till.client)
        assert (member_call(till).status_code, till.get("/stores/s9/members/M1").status_code) == (200, 404)
        connect_client(app=case.app, client=None, by=senior, now=database_now())
        assert problem_of(member_call(till)) == (404, "not_found")

    def test_who_knew_the_secret_of_a_client_that_becomes_an_apps_knows_it_no_more(self, world: World, case: Application, store: Store) -> None:
        """Neither the merchant whose client it was nor the developer whose app it served before; and the merchant cannot make a new one."""
        own = make_store("s9")
        made, senior = make_client(own), staff(Role.PLATFORM_SENIOR)
        connect_client(app=case.app, client=made.client, by=senior, now=database_now())
        assert ask_token(made).status_code == 401
        assert not ApiClientStore.objects.exists()
        merchant = logged_in(merchant_owner(own.merchant))
        page = f"/merchant/api/apiclient/{made.client.pk}"
        assert made.client.client_id not in merchant.get("/merchant/api/apiclient/").content.decode()
        assert [act(merchant, f"{page}/{what}/", reason="x").status_code for what in ("new-secret", "switch-off", "change")] == [404] * 3
        ApiClientStore.objects.create(client=made.client, store=own)  # as rows of before would have it
        assert act(merchant, f"{page}/new-secret/", reason="x").status_code == 404
        known = rotate_secret_of_app(app=App.objects.get(pk=case.app.pk), reason="接入", by=owner_of(case.developer), now=database_now())
        assert ask_token(known).status_code == 200
        connect_client(app=App.objects.get(pk=case.app.pk), client=made.client, by=senior, now=database_now())  # it is the app's already
        assert ask_token(known).status_code == 200
        connect_client(app=case.app, client=None, by=senior, now=database_now())
        connect_client(app=approved(world, now=database_now()).app, client=made.client, by=senior, now=database_now())
        assert ask_token(known).status_code == 401

    def test_the_platforms_client_is_no_apps(self, case: Application) -> None:
        made = make_client(is_platform=True)
        with pytest.raises(ClientRefused):
            connect_client(app=case.app, client=made.client, by=staff(Role.PLATFORM_SENIOR), now=database_now())
        with pytest.raises(IntegrityError, match="api_client_of_an_app_is_not_the_platforms"), transaction.atomic():
            ApiClient.objects.filter(pk=made.client.pk).update(is_app=True)


class TestTokens:
    def test_its_scopes_are_its_capabilities_for_a_quarter_of_an_hour(self, world: World, caller: AppCaller) -> None:
        told = ask_token(caller.credentials).json()
        assert (told["scope"], told["expires_in"], told["token_type"]) == ("member.read", 900, "Bearer")
        life = ApiToken.objects.latest("pk")
        assert timedelta(seconds=890) < life.expires_at - life.created_at <= timedelta(seconds=900)
        caller.token = told["access_token"]
        assert member_call(caller).status_code == 200

    @pytest.mark.parametrize("scope", ["points.write", "member.read points.write", "platform", "store:s1", "nothing"])
    def test_it_gets_no_other_scope(self, caller: AppCaller, scope: str) -> None:
        answer = ask_token(caller.credentials, scope=scope)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")

    def test_without_a_grant_there_is_no_token(self, case: Application, caller: AppCaller) -> None:
        give_up_grant(grant=grant_of(case), by=owner_of(case.developer), now=database_now())
        assert ask_token(caller.credentials).json()["error"] == "invalid_scope"

    def test_a_store_client_cannot_ask_for_a_capability(self, store: Store) -> None:
        assert ask_token(make_client(store), scope="member.read").json()["error"] == "invalid_scope"
        assert ask_token(make_client(is_platform=True), scope="member.read").json()["error"] == "invalid_scope"


class TestCalls:
    def test_what_was_granted_is_open(self, caller: AppCaller) -> None:
        answer = member_call(caller)
        assert (answer.status_code, answer.json()["member_no"]) == (200, "M1")

    @pytest.mark.parametrize("call", CLOSED)
    def test_every_other_call_is_closed(self, caller: AppCaller, call: Call) -> None:
        names = dict.fromkeys(MISSING, "1") | {"store": "s1", "member_no": "M1"}
        answer = caller.ask(call.method, filled(call.path, names) + call.query, filled(call.body, names) if call.body is not None else None)
        assert problem_of(answer) == (403, "not_granted")

    @pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call.method} {call.path}")
    def test_a_store_that_does_not_use_the_app_is_missing(self, caller: AppCaller, call: Call) -> None:
        make_member(make_store("s2", merchant=make_merchant(tier="PREMIUM")), "M1")
        names = dict.fromkeys(MISSING, "1") | {"member_no": "M1"}
        answers = [
            caller.ask(call.method, filled(call.path, {**names, "store": code}) + call.query, filled(call.body, names) if call.body is not None else None)
            for code in ("s2", "nowhere")
        ]
        assert problem_of(answers[0]) == (404, "not_found")
        assert answers[0].content == answers[1].content

    def test_revoked_is_403_at_once_and_says_so(self, case: Application, caller: AppCaller) -> None:
        assert member_call(caller).status_code == 200
        grant = grant_of(case)
        propose_revocation(grant=grant, reason="滥用", by=staff(Role.PLATFORM_SENIOR), now=database_now())
        assert member_call(caller).status_code == 200
        confirm_revocation(grant=grant, by=staff(Role.PLATFORM_SENIOR), now=database_now())
        answer = member_call(caller)
        assert (problem_of(answer), answer.json()["detail"]) == ((403, "revoked"), "The grant was revoked.")
        assert answer["Content-Type"] == "application/problem+json"

    def test_suspended_and_resumed(self, case: Application, caller: AppCaller) -> None:
        senior = staff(Role.PLATFORM_SENIOR)
        suspend_grant(grant=grant_of(case), reason="核查", by=senior, now=database_now())
        assert problem_of(member_call(caller)) == (403, "suspended")
        resume_grant(grant=grant_of(case), reason="无误", by=senior, now=database_now())
        assert member_call(caller).status_code == 200

    def test_expired_before_any_sweep(self, case: Application, caller: AppCaller) -> None:
        now = database_now()
        Grant.objects.update(granted_at=now - timedelta(days=365), expires_at=now)
        assert (problem_of(member_call(caller)), grant_of(case).status) == ((403, "expired"), GrantStatus.ACTIVE)

    def test_a_store_that_switches_it_off_is_missing_from_then_on(self, case: Application, store: Store, caller: AppCaller) -> None:
        disable_app(app=case.app, store=store, by=merchant_owner(store.merchant), now=database_now())
        assert problem_of(member_call(caller)) == (404, "not_found")
        suspend_grant(grant=grant_of(case), reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
        assert problem_of(member_call(caller)) == (404, "not_found")

    def test_paused_by_the_tier(self, store: Store, caller: AppCaller) -> None:
        StoreEnablement.objects.update(status="PAUSED", tier_fell_on=database_now().date() - timedelta(days=31))
        MerchantTier.objects.all().delete()
        assert problem_of(member_call(caller)) == (403, "paused")

    def test_a_closed_store_and_a_suspended_merchant(self, store: Store, caller: AppCaller) -> None:
        close_store(store=store, by=None, now=database_now(), reason="x")
        assert problem_of(member_call(caller)) == (403, "store_closed")
        suspend_merchant(merchant=store.merchant, by=None, now=database_now(), reason="x")
        assert problem_of(member_call(caller)) == (403, "merchant_suspended")

    def test_granted_after_the_token_was_got(self, world: World, case: Application, caller: AppCaller) -> None:
        ApiToken.objects.update(capabilities=[])
        assert problem_of(member_call(caller)) == (403, "scope_missing")
        caller.token = token_for(caller.client)
        assert member_call(caller).status_code == 200

    def test_a_replayed_write_needs_the_grant_too(self, world: World, store: Store, case: Application, caller: AppCaller) -> None:
        grant = grant_of(case)
        type(grant.capability).objects.filter(pk=grant.capability_id).update(code="benefit.issue")
        caller.token = token_for(caller.client)
        gift = {"source_no": "G1", "principal_amount": "0.00", "bonus_amount": "5.00"}
        told = [caller.post("/stores/s1/members/M1/credit/top-ups", gift, key="k").status_code for _time in range(2)]
        assert told == [201, 201]
        suspend_grant(grant=grant, reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
        assert problem_of(caller.post("/stores/s1/members/M1/credit/top-ups", gift, key="k")) == (403, "suspended")

    def test_an_app_gives_bonus_never_money(self, store: Store, case: Application, caller: AppCaller) -> None:
        grant = grant_of(case)
        type(grant.capability).objects.filter(pk=grant.capability_id).update(code="benefit.issue")
        caller.token = token_for(caller.client)
        paid = {"source_no": "G1", "principal_amount": "1.00", "bonus_amount": "5.00"}
        assert problem_of(caller.post("/stores/s1/members/M1/credit/top-ups", paid)) == (403, "gifts_only")

    def test_the_level_alone(self, store: Store, case: Application, caller: AppCaller) -> None:
        grant = grant_of(case)
        type(grant.capability).objects.filter(pk=grant.capability_id).update(code="level.read")
        caller.token = token_for(caller.client)
        assert caller.get("/stores/s1/members/M1/level").json() == {"store": "s1", "member_no": "M1", "level": None, "growth": 0}
        assert problem_of(member_call(caller)) == (403, "not_granted")


class TestNothingBeyondTheScope:
    """A call that a capability opens tells nothing that another one opens."""

    @pytest.fixture
    def world(self) -> World:
        made = make_world()
        codes = ("level.read", "benefit.issue", "credit.read", "task.checkin")
        cells = {(made.beauty, Capability.objects.create(code=code, name=code, name_en=code)): "OPEN" for code in codes}
        change_table(made, cells, now=database_now())
        return made

    def caller_with(self, world: World, *codes: str) -> AppCaller:
        """An app that was granted these, used by the store s1, whose member M1 has 500.00 yuan and 77 points of growth."""
        granted = approved(world, *Capability.objects.filter(code__in=codes), now=database_now())
        store = used_by(granted.app, "s1")
        member = make_member(store, "M1", growth=77)
        Member.objects.filter(pk=member.pk).update(level=Level.objects.create(store=store, name="金卡", threshold=50))
        paid = {"source_no": "R1", "principal_amount": "500.00", "bonus_amount": "0.00"}
        assert Caller(store).post("/stores/s1/members/M1/credit/top-ups", paid).status_code == 201
        return AppCaller(granted.app)

    def test_reading_members_tells_no_level(self, world: World) -> None:
        caller = self.caller_with(world, "member.read")
        told = member_call(caller).json()
        assert (told["member_no"], told["level"], told["growth"]) == ("M1", None, None)

    def test_with_the_level_granted_too_it_does(self, world: World) -> None:
        caller = self.caller_with(world, "member.read", "level.read")
        told = member_call(caller).json()
        assert (told["level"], told["growth"]) == ("金卡", 77)
        suspend_grant(grant=Grant.objects.get(capability__code="level.read"), reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
        assert member_call(caller).json()["growth"] is None
        caller.token = token_for(caller.client, ["member.read"])
        assert member_call(caller).json()["growth"] is None

    def test_a_store_learns_both_as_ever(self, world: World) -> None:
        caller = self.caller_with(world, "member.read")
        assert caller
        assert member_call(Caller(Store.objects.get(code="s1"))).json()["growth"] == 77

    @pytest.mark.parametrize(("codes", "balance"), [(("benefit.issue",), None), (("benefit.issue", "credit.read"), "500.01")])
    def test_giving_tells_the_balance_only_to_who_may_read_it(self, world: World, codes: tuple[str, ...], balance: str | None) -> None:
        caller = self.caller_with(world, *codes)
        gift = {"source_no": "G1", "principal_amount": "0.00", "bonus_amount": "0.01"}
        answers = [caller.post("/stores/s1/members/M1/credit/top-ups", gift, key="k") for _time in range(2)]
        assert [(answer.status_code, answer.json()["balance_after"]) for answer in answers] == [(201, balance)] * 2


class TestNumbersOfItsOwn:
    """What an app writes stands under the app's name, and takes no number that the store or another app would use."""

    ADDRESS = "/stores/s1/members/M1/credit/top-ups"

    @pytest.fixture
    def giver(self, case: Application, caller: AppCaller) -> AppCaller:
        Capability.objects.filter(pk=grant_of(case).capability_id).update(code="benefit.issue")
        caller.token = token_for(caller.client)
        return caller

    def gift(self, number: str) -> dict[str, str]:
        return {"source_no": number, "principal_amount": "0.00", "bonus_amount": "1.00"}

    def test_an_apps_top_up_leaves_the_stores_number_free(self, case: Application, store: Store, giver: AppCaller) -> None:
        told = giver.post(self.ADDRESS, self.gift("R7"), key="k")
        assert told.json()["source_no"] == f"{case.app.code}:R7"
        till = Caller(store)
        paid = {"source_no": "R7", "principal_amount": "500.00", "bonus_amount": "0.00"}
        assert till.post(self.ADDRESS, paid).json()["source_no"] == "R7"
        again = giver.post(self.ADDRESS, self.gift("R7"), key="k")
        assert (again.json(), again["Idempotent-Replayed"]) == (told.json(), "true")
        assert problem_of(giver.post(self.ADDRESS, self.gift("R7"), key="k2"))[1] == "source_no_taken"

    def test_it_is_known_by_its_key_for_ever(self, giver: AppCaller) -> None:
        gift = {**self.gift("R7"), "opened_at": "2026-11-22T10:00:00+08:00"}
        told = giver.post(self.ADDRESS, gift, key="k")
        IdempotencyRecord.objects.all().delete()
        again = giver.post(self.ADDRESS, gift, key="k")
        assert (again.json(), again["Idempotent-Replayed"]) == (told.json(), "true")

    def test_a_number_without_room_for_the_code(self, case: Application, giver: AppCaller) -> None:
        room = 64 - len(case.app.code) - 1
        assert giver.post(self.ADDRESS, self.gift("R" * room)).status_code == 201
        assert problem_of(giver.post(self.ADDRESS, self.gift("R" * (room + 1)))) == (422, "number_too_long")

    def test_no_code_begins_another_apps_numbers(self, case: Application, giver: AppCaller) -> None:
        App.objects.filter(pk=case.app.pk).update(code="a:b%")
        assert giver.post(self.ADDRESS, self.gift("R7")).json()["source_no"] == "a%3Ab%25:R7"

    def test_events_are_the_apps(self, case: Application, store: Store, caller: AppCaller) -> None:
        Capability.objects.filter(pk=grant_of(case).capability_id).update(code="task.checkin")
        caller.token = token_for(caller.client)
        event = {"event_id": "E1", "name": "sign_in", "occurred_at": "2026-11-22T10:00:00+08:00", "member_no": "M1", "source": "TILL"}
        counts = {"created": 1, "repeated": 0, "conflict": 0, "conflicts": []}
        assert caller.post("/stores/s1/events", {"events": [event]}).json() == counts
        assert caller.post("/stores/s1/events", {"events": [event]}).json() == {**counts, "created": 0, "repeated": 1}
        other = {**event, "name": "sign_out"}
        assert caller.post("/stores/s1/events", {"events": [other]}).json() == {"created": 0, "repeated": 0, "conflict": 1, "conflicts": ["E1"]}
        assert Caller(store).post("/stores/s1/events", {"events": [other]}).json() == counts
        kept = set(Event.objects.values_list("event_id", "source", "name"))
        assert kept == {(f"{case.app.code}:E1", f"app:{case.app.code}"[:32], "sign_in"), ("E1", "TILL", "sign_out")}
        refused = caller.post("/stores/s1/events", {"events": [{**event, "event_id": "E2", "member_no": "nobody"}]})
        assert refused.json()["errors"][0]["message"] == "E2"


def test_the_document_names_the_capability_of_each_open_call() -> None:
    paths = Client().get("/api/v1/openapi.json").json()["paths"]
    named = {
        (method, path.removeprefix("/api/v1")): operation["x-capability"]
        for path, operations in paths.items()
        for method, operation in operations.items()
        if "x-capability" in operation
    }
    member = "/stores/{store}/members/{member_no}"
    assert named == {
        ("get", member): "member.read",
        ("get", f"{member}/level"): "level.read",
        ("get", f"{member}/credit"): "credit.read",
        ("post", f"{member}/credit/top-ups"): "benefit.issue",
        ("post", "/stores/{store}/events"): "task.checkin",
    }


class TestGrantsCheck:
    """``GET /grants/check``."""

    ADDRESS = "/grants/check?app={app}&capability={capability}&store={store}"

    def ask(self, caller: Caller, **names: str) -> Any:
        return caller.get(self.ADDRESS.format(**names))

    def test_allowed_and_why_not(self, case: Application, store: Store) -> None:
        gateway = Caller(is_platform=True)
        code = case.app.code
        assert self.ask(gateway, app=code, capability="member.read", store="s1").json() == {
            "app": code, "capability": "member.read", "store": "s1", "allowed": True, "reason": "allowed", "explanation": "Allowed.",
        }  # fmt: skip
        make_store("s2", merchant=make_merchant(tier="PREMIUM"))
        asked = [(code, "points.write", "s1"), (code, "member.read", "s2"), ("nothing", "member.read", "s1"), (code, "member.read", "nowhere")]
        told = [self.ask(gateway, app=app, capability=capability, store=place).json() for app, capability, place in asked]
        assert [(one["allowed"], one["reason"]) for one in told] == [
            (False, "not_granted"), (False, "not_enabled"), (False, "unknown_app"), (False, "unknown_store"),
        ]  # fmt: skip
        suspend_grant(grant=grant_of(case), reason="x", by=staff(Role.PLATFORM_SENIOR), now=database_now())
        assert self.ask(gateway, app=code, capability="member.read", store="s1").json()["reason"] == "suspended"

    def test_only_for_the_platform(self, case: Application, store: Store, caller: AppCaller) -> None:
        narrowed = Caller(is_platform=True)
        narrowed.token = token_for(narrowed.client, ["store:s1"])
        for one in (Caller(store), narrowed, caller):
            assert problem_of(self.ask(one, app=case.app.code, capability="member.read", store="s1")) == (403, "platform_only")
        assert problem_of(self.ask(Caller(store, token="x"), app="x", capability="y", store="z")) == (401, "not_authenticated")

    @pytest.mark.parametrize("query", ["", "?app=x", "?app=x&capability=y", "?app=&capability=y&store=z", "?app=%00&capability=y&store=z"])
    def test_a_question_that_is_none(self, query: str) -> None:
        assert problem_of(Caller(is_platform=True).get(f"/grants/check{query}")) == (422, "body_invalid")
