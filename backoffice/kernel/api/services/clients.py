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
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or "\x00" in name:
        raise ClientRefused(_("A client needs a name of at most %(longest)s characters.") % {"longest": LONGEST_NAME}, field="name")
    if is_platform == bool(stores):
        raise ClientRefused(_("A client reaches either all stores or the stores that are named."), field="stores")
    client_id, secret = f"c{secrets.token_hex(12)}", secrets.token_urlsafe(32)
    user = User(username=f"api-{client_id}", display_name=name)
    user.set_unusable_password()
    user.save()
    client = ApiClient.objects.create(
        user=user, client_id=client_id, secret_hash=hash_secret(secret), name=name, is_platform=is_platform, created_at=now, secret_set_at=now
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


def switch_client(*, client: ApiClient, active: bool, by: User | None, now: datetime, reason: str) -> None:
    """Stop a client at once, with every token it has, or let it get tokens again."""
    _switch(client=client, active=active, by=by, now=now, reason=reason)
    client.is_active = active


@in_transaction
def _switch(*, client: ApiClient, active: bool, by: User | None, now: datetime, reason: str) -> None:
    if not ApiClient.objects.filter(pk=client.pk, is_active=not active).update(is_active=active):
        raise StateConflict(_("This was changed by somebody else meanwhile. Load the page again and look before you act."))
    ApiToken.objects.filter(client=client).delete()
    record_event("api_client.switched_on" if active else "api_client.switched_off", target=client, by=by, now=now, reason=reason)


def scopes_of(client: ApiClient) -> list[str]:
    """What the client may ask for at most, as OAuth scopes."""
    if client.is_platform:
        return [PLATFORM]
    return [store_scope(code) for code in client.client_stores.order_by("store__code").values_list("store__code", flat=True)]
