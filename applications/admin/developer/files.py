"""Uploaded demos: kept under a name that nobody can guess, handed out only to who may see the application."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime
from typing import Any

from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from applications.models import DemoFile
from applications.services.apps import AppRefused, add_demo_file
from backoffice.kernel import clock
from backoffice.kernel.admin.scoping import reach
from backoffice.kernel.files.admin.downloads import clean_name, stored_file
from backoffice.kernel.tenancy.models import Developer, User
from backoffice.kernel.tenancy.roles import Console

READ = "applications.view_application"


def keep_upload(upload: Any, *, developer: Developer, by: User, now: datetime) -> DemoFile:
    """Store an uploaded file and note it. What the service refuses is not left behind."""
    if not upload.size:
        raise AppRefused(_("The file is empty."), code="file_empty", field="upload")
    digest = hashlib.sha256()
    for chunk in upload.chunks():
        digest.update(chunk)
    upload.seek(0)
    day = clock.local_day(now)
    stored = default_storage.save(f"demos/{day:%Y/%m}/{uuid.uuid4().hex}", upload)
    try:
        return add_demo_file(
            developer=developer, file=stored, file_name=clean_name(upload.name, 200), file_hash=digest.hexdigest(), file_size=upload.size, by=by, now=now
        )
    except Exception:
        default_storage.delete(stored)
        raise


def hand_out(request: HttpRequest, object_id: str) -> HttpResponseBase:
    """One of the own demo files; a foreign one is missing."""
    if not (object_id.isascii() and object_id.isdigit() and len(object_id) < 19):
        raise Http404
    rows = reach(request.user, Console.DEVELOPER.value, DemoFile.objects.filter(pk=int(object_id)), READ)
    row = rows.first()
    if row is None:
        raise Http404
    return stored_file(row.file, row.file_name)
