"""A developer's apps, and what changing one sets off."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from applications.choices import APPLY, LIVE_GRANTS, SUBMITTED_STATES, AppBuild, AppealStatus, AppForm, ReReviewCause
from applications.models import App, Appeal, Application, Category, DemoFile, DeveloperProfile, Grant
from applications.services.locks import lock_developer
from applications.services.re_review import open_re_review
from applications.services.rights import require
from backoffice.kernel.api.models import ApiClient
from backoffice.kernel.api.services.clients import make_app_client_of
from backoffice.kernel.audit.services import record_event
from backoffice.kernel.errors import BusinessError, NotFound
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import Developer, Merchant, User

BIND = "applications.change_developerprofile"
CONNECT = "applications.connect_client"


class AppRefused(BusinessError):
    """An app cannot be made or changed like this; nothing was changed."""

    code = "app_refused"


@in_transaction
def create_app(*, developer: Developer, code: str, name: str, form: str, build: str, category: Category, by: User, now: datetime) -> App:
    """A new app of the developer. ``code`` is unique on the platform."""
    require(by, APPLY, developer=developer)
    _check_kind(form, build)
    if not code.strip() or not name.strip():
        raise AppRefused(_("An app needs a code and a name."), code="name_missing")
    try:
        with transaction.atomic():
            app = App.objects.create(
                developer=developer, code=code.strip()[:64], name=name.strip()[:200], form=form, build=build, category=category, created_at=now
            )
    except IntegrityError as error:
        raise AppRefused(_("There is an app with the code “%(code)s” already.") % {"code": code}, code="code_taken", field="code") from error
    record_event("app.created", target=app, by=by, now=now, code=app.code)
    return app


@in_transaction
def change_app(
    *, app: App, by: User, now: datetime, name: str | None = None, form: str | None = None, build: str | None = None, category: Category | None = None
) -> App:
    """Change what an app is. Another build or category makes every live grant be looked at again; neither moves while an application or an appeal is open."""
    stored = App.objects.select_related("developer", "category").filter(pk=app.pk).first()
    if stored is None:
        raise NotFound(_("There is no such app."))
    require(by, APPLY, developer=stored.developer)
    lock_developer(stored.developer_id)
    stored = App.objects.select_for_update(of=("self",)).select_related("developer", "category").get(pk=app.pk)
    _check_kind(form or stored.form, build or stored.build)
    wanted = {"name": name, "form": form, "build": build, "category": category}
    changed = {field: value for field, value in wanted.items() if value is not None and value != getattr(stored, field)}
    if not changed:
        return stored
    if set(changed) - {"name"} and Application.objects.filter(app=stored, state__in=SUBMITTED_STATES).exists():
        raise AppRefused(_("An application of this app is being reviewed. Wait for it, or withdraw it first."), code="application_open")
    if set(changed) - {"name"} and Appeal.objects.filter(case__app=stored, status=AppealStatus.OPEN).exists():
        raise AppRefused(_("An appeal for this app is open. Form, build and category can be changed once it is answered."), code="appeal_open")
    App.objects.filter(pk=stored.pk).update(**changed)
    record_event("app.changed", target=stored, by=by, now=now, fields=sorted(changed))
    for field, cause in (("build", ReReviewCause.BUILD), ("category", ReReviewCause.CATEGORY)):
        if field in changed:
            trigger_re_review(stored, cause, now=now)
    for field, value in changed.items():
        setattr(stored, field, value)
    return stored


@in_transaction
def announce_change(*, app: App, cause: str, by: User, now: datetime) -> int:
    """The developer says that target or design of a granted app changed; how many grants are looked at again."""
    require(by, APPLY, developer=app.developer)
    if cause not in (ReReviewCause.TARGET, ReReviewCause.DEMO):
        raise AppRefused(_("Target or design?"), code="unknown_cause")
    record_event("app.change_announced", target=app, by=by, now=now, cause=cause)
    return trigger_re_review(app, cause, now=now)


def trigger_re_review(app: App, cause: str, *, now: datetime) -> int:
    """Every live grant of the app is to be looked at again; how many entries are new."""
    grants = Grant.objects.filter(app=app, status__in=LIVE_GRANTS).order_by("pk")
    return sum(open_re_review(grant, cause, now=now, app=app.code) is not None for grant in grants)


@in_transaction
def bind_to_merchant(*, developer: Developer, merchant: Merchant | None, by: User, now: datetime) -> DeveloperProfile:
    """Say that the account belongs to a merchant's own team (or to nobody's): it applies for custom builds of that merchant only."""
    require(by, BIND)
    profile, _made = DeveloperProfile.objects.update_or_create(developer=developer, defaults={"bound_merchant": merchant})
    record_event("developer.bound", target=developer, by=by, now=now, merchant=merchant.code if merchant else "")
    return profile


@in_transaction
def connect_client(*, app: App, client: ApiClient | None, by: User, now: datetime) -> None:
    """Say by which API client the app calls (None: by none any more). What the client may then do is what the app's grants say, and nothing else.

    It gets a secret that nobody knows: the developer's owner makes a new one.
    """
    require(by, CONNECT)
    stored = App.objects.select_for_update(of=("self",)).get(pk=app.pk)
    if client is not None and stored.api_client_id != client.pk:
        make_app_client_of(client, by=by, now=now)
    try:
        with transaction.atomic():
            App.objects.filter(pk=stored.pk).update(api_client=client)
    except IntegrityError as error:
        raise AppRefused(_("Another app calls by this client."), code="client_taken") from error
    record_event("app.client_connected", target=stored, by=by, now=now, client=client.client_id if client else "")
    app.api_client = client


@in_transaction
def add_demo_file(*, developer: Developer, file: str, file_name: str, file_hash: str, file_size: int, by: User, now: datetime) -> DemoFile:
    """Note an uploaded demo that lies in the storage as ``file``."""
    require(by, APPLY, developer=developer)
    return DemoFile.objects.create(
        developer=developer, file=file, file_name=file_name[:255], file_hash=file_hash, file_size=file_size, uploaded_by=by, uploaded_at=now
    )


def _check_kind(form: str, build: str) -> None:
    if form not in AppForm.values or build not in AppBuild.values:
        raise AppRefused(_("Choose a form and a build."), code="unknown_kind")
