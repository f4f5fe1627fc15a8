"""``POST /oauth/token/``: OAuth 2 client credentials, by oauthlib. Ours are the look-up of clients, what scopes mean, and the pause."""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from typing import Any, ClassVar
from urllib.parse import unquote_plus

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from oauthlib.common import Request
from oauthlib.oauth2 import BackendApplicationServer, InvalidClientError, InvalidRequestError, OAuth2Error, RequestValidator

from backoffice.kernel.api.addresses import client_address
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.api.services import tokens

MOST_BYTES = 8_192
FORM = "application/x-www-form-urlencoded"
CHALLENGE = 'Basic realm="oauth"'


class Paused(OAuth2Error):
    """Too many refused attempts of this client id from this address."""

    error = "temporarily_unavailable"
    status_code = 429
    description = "Too many refused attempts. Wait before you try again."

    def __init__(self, seconds: int, request: Request) -> None:
        self.seconds = seconds
        super().__init__(request=request)

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.seconds)}


class ClientValidator(RequestValidator):
    """What oauthlib asks about clients and scopes."""

    def client_authentication_required(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        return True

    def authenticate_client(self, request: Request, *args: Any, **kwargs: Any) -> bool:
        """By ``Authorization: Basic`` or by ``client_id`` and ``client_secret`` in the form, never by both."""
        client_id, secret = _credentials(request)
        address = request.headers.get("X-Client-Address", "")
        pause = tokens.paused_seconds(client_id, address)
        if pause:
            raise Paused(pause, request)
        request.client = tokens.authenticate(client_id, secret, address)
        return request.client is not None

    def validate_grant_type(self, client_id: str, grant_type: str, client: Any, request: Request, *args: Any, **kwargs: Any) -> bool:
        return grant_type == "client_credentials"

    def get_default_scopes(self, client_id: str, request: Request, *args: Any, **kwargs: Any) -> list[str]:
        return tokens.reach_of(_client_of(request)).scopes

    def validate_scopes(self, client_id: str, scopes: list[str], client: Any, request: Request, *args: Any, **kwargs: Any) -> bool:
        """Scopes asked for narrow the client's own and never widen them."""
        reach = tokens.narrow(client, [scope for scope in scopes if scope])
        if reach is None:
            return False
        request.scopes = reach.scopes
        request.reach = reach  # type: ignore[attr-defined]
        return True

    def save_bearer_token(self, token: Any, request: Request, *args: Any, **kwargs: Any) -> None:
        reach: Any = request.reach
        if not tokens.save_token(client=_client_of(request), token=token["access_token"], reach=reach):
            raise InvalidClientError(request=request)


def _client_of(request: Request) -> ApiClient:
    """Who was authenticated before oauthlib asks anything else."""
    client: Any = request.client
    return client  # type: ignore[no-any-return]


def _credentials(request: Request) -> tuple[str, str]:
    """Id and secret as they were sent; empty texts, which fit nobody, when they cannot be read or come in two ways at once."""
    header = request.headers.get("Authorization", "")
    in_form = (request.client_id or "", request.client_secret or "")
    if not header:
        return in_form
    scheme, _space, encoded = header.partition(" ")
    if scheme.lower() != "basic" or in_form[1]:
        return "", ""
    try:
        client_id, _colon, secret = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    client_id, secret = unquote_plus(client_id), unquote_plus(secret)  # RFC 6749, 2.3.1: form-encoded first
    return ("", "") if in_form[0] not in ("", client_id) else (client_id, secret)


def _life(request: Request) -> int:
    """Seconds that the token which is being made lives."""
    return tokens.life_of(_client_of(request))


class _Server:
    """Made at the first call: oauthlib's server has no state of ours."""

    instance: ClassVar[BackendApplicationServer | None] = None

    @classmethod
    def get(cls) -> BackendApplicationServer:
        if cls.instance is None:
            cls.instance = BackendApplicationServer(
                ClientValidator(),
                token_generator=lambda _request: secrets.token_urlsafe(32),
                token_expires_in=_life,
            )
        return cls.instance


@csrf_exempt
def token_endpoint(request: HttpRequest) -> HttpResponse:
    """A bearer token for an hour, of an app for a quarter of one. Answers and errors as RFC 6749 has them.

    A wrong secret, an unknown and a switched-off client are one answer.
    """
    if request.method != "POST":
        return _refusal("invalid_request", "Only POST.", status=405, headers={"Allow": "POST"})
    try:
        body = request.body
    except RequestDataTooBig:
        body = b" " * (MOST_BYTES + 1)
    if request.META.get("QUERY_STRING") or request.content_type != FORM or len(body) > MOST_BYTES:
        return _refusal("invalid_request", f"Send a short form ({FORM}) and no query string.")
    headers = {"X-Client-Address": client_address(request)}
    if "Authorization" in request.headers:
        headers["Authorization"] = request.headers["Authorization"]
    try:
        _headers, text, status = _Server.get().create_token_response("/oauth/token/", "POST", body.decode("ascii", "replace"), headers)
    except InvalidRequestError as error:
        return _refusal("invalid_request", error.description)
    except InvalidClientError as error:  # switched off, or another secret, while it asked: oauthlib answers no error from so late
        return _refusal(error.error, error.description or "", status=401, headers={"WWW-Authenticate": CHALLENGE})
    answer = _answer(text, status)
    if status == 401:
        answer["WWW-Authenticate"] = CHALLENGE
    if "Retry-After" in _headers:
        answer["Retry-After"] = _headers["Retry-After"]
    return answer


def _refusal(error: str, description: str, *, status: int = 400, headers: dict[str, str] | None = None) -> HttpResponse:
    answer = _answer(json.dumps({"error": error, "error_description": description}), status)
    for name, value in (headers or {}).items():
        answer[name] = value
    return answer


def _answer(text: str, status: int) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="application/json", headers={"Cache-Control": "no-store", "Pragma": "no-cache"})
