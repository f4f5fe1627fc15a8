"""Short words for tests of the import screens."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.services import check_job
from backoffice.kernel.tenancy.models import Store, User
from tests.factories import NOON
from tests.loading import csv_of

GOOD = csv_of("会员编号,昵称,手机号", "M1,甲,13800138001", "M2,乙,13800138002")
WITH_BAD = csv_of("会员编号,昵称,手机号", "M1,甲,13800138001", "M2,乙,1.38E+10", "M3,丙,13800138003")
NO_STORE_NAMED = csv_of("昵称,手机号", "甲,13800138001")
CREDIT_TOTAL = "150.00"


def client_of(user: User, language: str = "en") -> Client:
    """A logged-in browser whose pages are in ``language``."""
    User.objects.filter(pk=user.pk).update(language=language)
    client = Client()
    client.force_login(user, backend="backoffice.kernel.tenancy.auth.SeatBackend")
    return client


def address(name: str, *args: Any, console: str = "merchant") -> str:
    return reverse(f"{console}:files_importjob_{name}", args=args)


def hand_in(client: Client, text: str, *, console: str = "merchant", kind: str = "members", name: str = "members.csv", **fields: Any) -> Any:
    """POST the first step as its form does."""
    file = SimpleUploadedFile(name, text.encode())
    return client.post(address("start", console=console), {"kind": kind, "file": file, **fields})


def job_of(
    user: User, text: str, *, store: Store | None, console: str = "merchant", kind: str = "members", name: str = "members.csv", **fields: Any
) -> ImportJob:
    """A file that was handed in and checked, in this process."""
    import io

    from backoffice.kernel.files.services import create_job

    job = create_job(kind=kind, content=io.BytesIO(text.encode()), file_name=name, store=store, console=console, by=user, now=NOON, **fields)
    return job if job.reading["missing"] else check_job(job=job, now=NOON)
