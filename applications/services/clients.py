"""The OAuth client by which an app calls the API: made, given a new secret, switched off and on, by the developer's owner or an administrator.

What the client reaches is no property of it: the app's grants and the stores that use the app decide at each call.
"""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from applications.models import App
from applications.services.apps import AppRefused
from applications.services.rights import holds, require
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.api.services.clients import LONGEST_NAME, Credentials, create_app_client, replace_secret, switch_client
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import User

MANAGE = "applications.manage_client"


@in_transaction
def create_client_of_app(*, app: App, by: User | None, now: datetime) -> Credentials:
    """The app's client, and its secret, which is shown now and never again. Raises ``AppRefused`` (``client_exists``) when there is one.

    ``by=None`` is the operator of the machine.
    """
    stored = _locked(app, by)
    if stored.api_client_id is not None:
        raise AppRefused(_("The app has a client already. Give it a new secret instead."), code="client_exists")
    made = create_app_client(name=stored.name[:LONGEST_NAME], by=by, now=now)
    App.objects.filter(pk=stored.pk).update(api_client=made.client)
    record_event("app.client_connected", target=stored, by=by, now=now, client=made.client.client_id)
    app.api_client = made.client
    return made


@in_transaction
def rotate_secret_of_app(*, app: App, reason: str, by: User, now: datetime) -> Credentials:
    """A new secret, shown now and never again. The present one, and every token got by it, stop at once."""
    return replace_secret(client=_client(app, by), by=by, now=now, reason=_said(reason))


@in_transaction
def switch_client_of_app(*, app: App, active: bool, reason: str, by: User, now: datetime) -> None:
    """Stop the app's calls at once, with every token it has, or let it get tokens again.

    Whoever may do this for any developer does it as the platform; what that switched off the developer's owner cannot switch on.
    """
    switch_client(client=_client(app, by), active=active, by_platform=holds(by, MANAGE), by=by, now=now, reason=_said(reason))


def _client(app: App, by: User) -> ApiClient:
    client = _locked(app, by).api_client
    if client is None:
        raise AppRefused(_("The app has no client yet."), code="client_missing")
    return client


def _locked(app: App, by: User | None) -> App:
    stored = App.objects.select_for_update(of=("self",)).select_related("developer", "api_client").filter(pk=app.pk).first()
    if stored is None:
        raise NotFound(_("There is no such app."))
    if by is not None:
        require(by, MANAGE, developer=stored.developer)
    return stored


def _said(reason: str) -> str:
    if not reason.strip():
        raise AppRefused(_("Say why."), code="reason_missing")
    return reason.strip()[:500]
