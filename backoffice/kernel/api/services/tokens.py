"""Tokens: made, found, pruned; and the pause after refused attempts. All times are the database's clock: a token is no business."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from backoffice.kernel.api.models import ApiClient, ApiToken, TokenFailure
from backoffice.kernel.api.scopes import PLATFORM, code_in, store_scope
from backoffice.kernel.api.services.clients import hash_secret
from backoffice.kernel.clock import database_now
from backoffice.kernel.ports import client_capabilities
from backoffice.kernel.tenancy.models import Store

TOKEN_SECONDS = 3600
APP_TOKEN_SECONDS = 900
FAILURE_LIMIT = 5
PAUSE = timedelta(minutes=15)
LAST_USED_STEP = timedelta(minutes=1)
_NOBODY = hash_secret(secrets.token_urlsafe(32))
_CLIENT_ID = 25


@dataclass(frozen=True)
class Reach:
    """What a token may do: every store, the stores with these keys, or an app's capabilities. Equal for a token that was narrowed and a client that
    reaches no more."""

    is_platform: bool
    stores: tuple[Store, ...]
    capabilities: tuple[str, ...] = ()

    @property
    def scopes(self) -> list[str]:
        return [PLATFORM] if self.is_platform else [*self.capabilities, *(store_scope(store.code) for store in self.stores)]


def life_of(client: ApiClient) -> int:
    """Seconds that a token of the client lives."""
    return APP_TOKEN_SECONDS if client.is_app else TOKEN_SECONDS


def paused_seconds(client_id: str, address: str) -> int:
    """For how long this pair may not try again; 0: it may."""
    rest = (
        TokenFailure.objects.filter(client_id=_as_kept(client_id), address=address, failed_count__gte=FAILURE_LIMIT, failed_at__gt=Now() - PAUSE)
        .values_list(F("failed_at") + PAUSE - Now(), flat=True)
        .first()
    )
    return max(1, int(rest.total_seconds()) + 1) if rest else 0


def authenticate(client_id: str, secret: str, address: str) -> ApiClient | None:
    """The active client with this id and secret. Nobody can tell an unknown id, a wrong secret and a client that is switched off apart."""
    known = ApiClient.objects.select_related("user").filter(client_id=client_id).first() if _well_formed(client_id) else None
    fits = hmac.compare_digest(bytes(known.secret_hash) if known else _NOBODY, hash_secret(secret))
    if known is not None and fits and known.is_active and known.user.is_active:
        TokenFailure.objects.filter(client_id=client_id, address=address).delete()
        return known
    _count_failure(client_id, address)
    return None


def _well_formed(client_id: str) -> bool:
    return len(client_id) == _CLIENT_ID and client_id.isascii() and client_id.isalnum()


def _as_kept(client_id: str) -> str:
    """Whatever was sent as an id, as it can be stored."""
    return client_id[:64].replace("\x00", "")


def _count_failure(client_id: str, address: str) -> None:
    """One statement, so that attempts at the same moment all count. After a pause the count begins anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_tokenfailure AS f (client_id, address, failed_count) VALUES (%(client_id)s, %(address)s, 1) "
            "ON CONFLICT (client_id, address) DO UPDATE SET failed_at = statement_timestamp(), "
            "failed_count = CASE WHEN f.failed_at > statement_timestamp() - make_interval(secs => %(pause)s) THEN f.failed_count + 1 ELSE 1 END",
            {"client_id": _as_kept(client_id), "address": address, "pause": PAUSE.total_seconds()},
        )


def reach_of(client: ApiClient) -> Reach:
    """What the client may do at most, now."""
    if client.is_platform:
        return Reach(is_platform=True, stores=())
    if client.is_app:
        return Reach(is_platform=False, stores=(), capabilities=tuple(client_capabilities.ask(client.pk, database_now())))
    return Reach(is_platform=False, stores=tuple(Store.objects.filter(pk__in=client.client_stores.values("store")).order_by("code")))


def narrow(client: ApiClient, scopes: Sequence[str]) -> Reach | None:
    """The part of the client's reach that ``scopes`` name; none: all of it. ``None`` when they name anything beyond it."""
    most = reach_of(client)
    if not scopes:
        return most if most.scopes else None
    if client.is_app:
        wanted = tuple(sorted(set(scopes)))
        return Reach(is_platform=False, stores=(), capabilities=wanted) if set(wanted) <= set(most.capabilities) else None
    if PLATFORM in scopes:
        return most if most.is_platform else None
    codes = {code_in(scope) for scope in scopes}
    stores = Store.objects.filter(code__in=codes - {None}) if most.is_platform else most.stores
    named = tuple(sorted((store for store in stores if store.code in codes), key=lambda store: store.code))
    return Reach(is_platform=False, stores=named) if len(named) == len(codes) else None


def save_token(*, client: ApiClient, token: str, reach: Reach) -> bool:
    """Keep a token's hash for its life. Nothing is kept, and False returned, when the client was switched off, or got another secret, since
    ``client`` was read: the row's lock decides between the two."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO api_apitoken (client_id, token_hash, is_platform, store_ids, capabilities, expires_at) "
            "SELECT c.id, %(hash)s, %(is_platform)s, %(stores)s, %(capabilities)s, statement_timestamp() + make_interval(secs => %(life)s) "
            "FROM api_apiclient c WHERE c.id = %(client)s AND c.is_active AND c.secret_hash = %(secret)s FOR SHARE",
            {
                "client": client.pk,
                "secret": bytes(client.secret_hash),
                "hash": hash_secret(token),
                "is_platform": reach.is_platform,
                "stores": [store.pk for store in reach.stores],
                "capabilities": list(reach.capabilities),
                "life": life_of(client),
            },
        )
        return bool(cursor.rowcount)


def find_token(token: str) -> ApiToken | None:
    """The live token with its client; None for any other text. The client's last use is noted, at most once a minute."""
    found = (
        ApiToken.objects.select_related("client__user")
        .filter(token_hash=hash_secret(token), expires_at__gt=Now(), client__is_active=True, client__user__is_active=True)
        .first()
    )
    if found is None:
        return None
    if found.client.last_used_at is None or found.client.last_used_at < timezone.now() - LAST_USED_STEP:
        ApiClient.objects.filter(pk=found.client_id).exclude(last_used_at__gt=Now() - LAST_USED_STEP).update(last_used_at=Now())
    return found


def prune_tokens() -> int:
    """Remove tokens that have ended and attempts that no longer count; how many rows."""
    tokens, _by_model = ApiToken.objects.filter(expires_at__lte=Now()).delete()
    failures, _by_model = TokenFailure.objects.filter(failed_at__lte=Now() - PAUSE).delete()
    return tokens + failures
