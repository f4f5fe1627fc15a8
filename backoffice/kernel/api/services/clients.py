"""API clients: made, given a new secret, switched off and on. Every act leaves an audit event; the secret is told once."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.api.models import ApiClient, ApiClientStore, ApiToken
from backoffice.kernel.api.scopes import PLATFORM, store_scope
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import Store, User

LONGEST_NAME = 100


class ClientRefused(BusinessError):
    """The client cannot be made as asked; nothing was changed."""

    code = "client_refused"


@dataclass(frozen=True)
class Credentials:
    """A client and its secret, which is known only here: the database keeps its hash."""

    client: ApiClient
    secret: str


def hash_secret(secret: str) -> bytes:
    """SHA-256, without salt and stretching: secrets and tokens are 256 random bits, which nobody guesses however fast the hash is."""
    return hashlib.sha256(secret.encode()).digest()


@in_transaction
def create_client(*, name: str, is_platform: bool, stores: Sequence[Store], by: User | None, now: datetime) -> Credentials:
    """A client that reaches all stores (``is_platform``) or exactly ``stores``. Raises ``ClientRefused``, naming the field."""
    if is_platform == bool(stores):
        raise ClientRefused(_("A client reaches either all stores or the stores that are named."), field="stores")
    return _make(name=name, is_platform=is_platform, is_app=False, stores=stores, by=by, now=now)


@in_transaction
def create_app_client(*, name: str, by: User | None, now: datetime) -> Credentials:
    """A client whose reach is what its app was granted: none by itself. Who may make one for which app, the caller has decided."""
    return _make(name=name, is_platform=False, is_app=True, stores=(), by=by, now=now)


@in_transaction
def make_app_client_of(client: ApiClient, *, by: User | None, now: datetime) -> None:
    """From now on grants decide what the client reaches. It loses its stores, its tokens and its secret: who knew it, or could read it in another
    console, calls no more, and the app's owner makes a new one. Raises ``ClientRefused`` for one of the platform."""
    if client.is_platform:
        raise ClientRefused(_("A client of all stores cannot be an app's."), field="client")
    ApiClient.objects.filter(pk=client.pk).update(is_app=True)
    ApiClientStore.objects.filter(client=client).delete()
    client.is_app = True
    replace_secret(client=client, by=by, now=now, reason="")


def _make(*, name: str, is_platform: bool, is_app: bool, stores: Sequence[Store], by: User | None, now: datetime) -> Credentials:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise ClientRefused(_("A client needs a name of at most %(longest)s characters.") % {"longest": LONGEST_NAME}, field="name")
    client_id, secret = f"c{secrets.token_hex(12)}", secrets.token_urlsafe(32)
    user = User(username=f"api-{client_id}", display_name=name)
    user.set_unusable_password()
    user.save()
    client = ApiClient.objects.create(
        user=user,
        client_id=client_id,
        secret_hash=hash_secret(secret),
        name=name,
        is_platform=is_platform,
        is_app=is_app,
        created_at=now,
        secret_set_at=now,
    )
    ApiClientStore.objects.bulk_create(ApiClientStore(client=client, store=store) for store in sorted(set(stores), key=lambda store: store.pk))
    record_event("api_client.created", target=client, by=by, now=now, client_id=client_id, scopes=scopes_of(client))
    return Credentials(client, secret)


@in_transaction
def replace_secret(*, client: ApiClient, by: User | None, now: datetime, reason: str) -> Credentials:
    """A new secret. The old one, and every token that was got by it, stop at once."""
    secret = secrets.token_urlsafe(32)
    client.secret_hash, client.secret_set_at = hash_secret(secret), now
    client.save(update_fields=["secret_hash", "secret_set_at"])
    ApiToken.objects.filter(client=client).delete()
    record_event("api_client.secret_replaced", target=client, by=by, now=now, reason=reason)
    return Credentials(client, secret)


def switch_client(*, client: ApiClient, active: bool, by_platform: bool, by: User | None, now: datetime, reason: str) -> None:
    """Stop a client at once, with every token it has, or let it get tokens again.

    What the platform switched off (``by_platform``) only the platform switches on: ``ClientRefused`` (``off_by_platform``). It may also do so with a
    client that is off already, so that its owner cannot switch it on.
    """
    _switch(client=client, active=active, by_platform=by_platform, by=by, now=now, reason=reason)
    client.is_active, client.is_off_by_platform = active, by_platform and not active


@in_transaction
def _switch(*, client: ApiClient, active: bool, by_platform: bool, by: User | None, now: datetime, reason: str) -> None:
    stored = ApiClient.objects.select_for_update(of=("self",)).get(pk=client.pk)
    off_by_platform = by_platform and not active
    if active and stored.is_off_by_platform and not by_platform:
        raise ClientRefused(_("The platform switched this client off, and only the platform switches it on again. Ask it."), code="off_by_platform")
    if stored.is_active == active and (active or stored.is_off_by_platform or not by_platform):
        raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
    ApiClient.objects.filter(pk=client.pk).update(is_active=active, is_off_by_platform=off_by_platform)
    ApiToken.objects.filter(client=client).delete()
    record_event("api_client.switched_on" if active else "api_client.switched_off", target=client, by=by, now=now, reason=reason)


def scopes_of(client: ApiClient) -> list[str]:
    """What the client may ask for at most, as OAuth scopes. An app's are its grants, which change without it."""
    if client.is_platform:
        return [PLATFORM]
    if client.is_app:
        return []
    return [store_scope(code) for code in client.client_stores.order_by("store__code").values_list("store__code", flat=True)]
