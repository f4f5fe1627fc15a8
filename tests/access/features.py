"""Walks what screens offer beside their addresses: filters, search, look-ups, ordering, choices of forms, downloads. Returns breaches."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any
from zipfile import ZipFile

from django.db import models
from django.forms import ModelChoiceField, ModelMultipleChoiceField
from django.test import RequestFactory

from backoffice.kernel.admin.actions import MARK
from backoffice.kernel.admin.checks import PERSONAL_FIELDS
from backoffice.kernel.admin.filters import ScopedRelatedFilter, accepted_parameters
from backoffice.kernel.tenancy.roles import Console
from tests.access.lines import CONSOLE_ROLES
from tests.access.surfaces import detail_actions, form_choices
from tests.access.table import TABLE
from tests.access.walk import ADDRESS, MISSING, Answer, Walk
from tests.access.world import A1, B1, DB, PHONES

LOOKUPS = ("exact", "iexact", "startswith", "contains", "gt", "lt", "regex", "in", "isnull", "range")
FOREIGN_TERMS = (f"{B1}0", PHONES[B1][0], f"昵称{B1}", f"充值{B1}", f"单号{B1}", B1.lower(), f"店铺{B1}", f"等级{B1}", f"标签{B1}", f"服务商{DB}")


class FeatureWalk(Walk):
    """One user of a tenant console over the features of its screens."""

    def walk_features(self, only: Iterable[str] | None = None, *, until_first: bool = False) -> list[str]:
        chosen = None if only is None else tuple(only)
        for name, admin in self.screens.items():
            if name.split(":")[0] != self.console or (chosen is not None and name not in chosen):
                continue
            if not self.may(TABLE.lines[f"{name}_changelist"]):
                continue
            for part in (self._forms, self._ordering, self._filters, self._search, self._exports, self._lookups, self._dialogs):
                part(name, admin)
                if until_first and self.breaches:
                    break
        return self.breaches

    def _list(self, name: str) -> str:
        console, model = name.split(":")
        return f"{ADDRESS[console]}{model.replace('_', '/', 1)}/"

    def _foreign(self, model: type[models.Model]) -> list[Any]:
        return [row for mark, rows in self.world.rows[model].items() if mark not in self.reach for row in rows]

    def _same(self, name: str, parameter: str, url: str, model: type[models.Model]) -> None:
        """A foreign row's number filters like one that does not exist."""
        missing = self.ask(url, **{parameter: str(MISSING)})
        for row in self._foreign(model)[:2]:
            got = self.ask(url, **{parameter: str(row.pk)})
            if not got.like(missing, row.pk, MISSING) or got.listed != missing.listed:
                self.breach(
                    name, f"{parameter}= tells a foreign {model.__name__} from a missing one ({got.status} {got.error}, {missing.status} {missing.error})"
                )
            self._no_foreign_mark(name, got)

    def _filters(self, name: str, admin: Any) -> None:
        request = self._request(name)
        for entry in admin.get_list_filter(request):
            if isinstance(entry, tuple) and isinstance(entry[1], type) and issubclass(entry[1], ScopedRelatedFilter):
                self._same(name, f"{entry[0]}__id__exact", self._list(name), admin._field_at(entry[0]).related_model)

    def _search(self, name: str, admin: Any) -> None:
        if not (admin.search_shapes or admin.search_fields):
            return
        for term in (*FOREIGN_TERMS, PHONES[A1][0][:7], PHONES[A1][0][-4:], "\x00", "%", "' OR 1=1 --"):
            got = self.ask(self._list(name), q=term)
            if got.status != 200 or got.listed is None:
                self.breach(name, f"the search for {term!r} got {got.status} {got.error}")
            elif self._foreign_listed(admin.model, got):
                self.breach(name, f"the search for {term!r} found rows of others")
            elif term in (PHONES[A1][0][:7], PHONES[A1][0][-4:]) and got.listed:
                self.breach(name, "a part of a phone found rows")

    def _foreign_listed(self, model: type[models.Model], got: Answer) -> bool:
        return bool({row.pk for row in self._foreign(model)} & set(got.listed or ()))

    def _lookups(self, name: str, admin: Any) -> None:
        """Only declared parameters are read; every other one is 400, whatever it asks."""
        accepted = {parameter for entry in admin.list_filter for parameter in accepted_parameters(entry)} | set(admin.allowed_lookups)
        for parameter in self._probes(admin.model):
            if parameter in accepted:
                continue
            got = self.ask(self._list(name), **{parameter: "1"})
            if got.status != 400:
                self.breach(name, f"?{parameter}= is read: {got.status} {got.error}")
        for path in admin.allowed_lookups:
            field = admin._field_at(path.rsplit("__", 1)[0] if path.rsplit("__", 1)[-1] in LOOKUPS else path.removesuffix("_id"))
            if field.related_model is not None:
                self._same(name, path, self._list(name), field.related_model)
        for field in admin.opts.fields:
            if not field.primary_key:
                got = self.ask(self._list(name), _popup="1", _to_field=field.attname)
                if got.status != 400:
                    self.breach(name, f"_to_field={field.attname} is taken: {got.status}")

    def _probes(self, model: type[models.Model]) -> Iterator[str]:
        for field in model._meta.fields:
            tried = LOOKUPS if field.name in PERSONAL_FIELDS else ("startswith",)
            yield from (f"{field.name}__{lookup}" for lookup in tried)
            if field.name in PERSONAL_FIELDS:
                yield field.name
            if field.related_model is not None and not isinstance(field.related_model, str):
                for other in field.related_model._meta.fields:
                    if other.name in PERSONAL_FIELDS:
                        yield f"{field.name}__{other.name}__startswith"

    def _ordering(self, name: str, admin: Any) -> None:
        """``o=`` sorts by declared columns only: sorting by any other would tell the order of hidden values."""
        plain = self.ask(self._list(name))
        for number, column in enumerate(admin.list_display):
            if column in (admin.sortable_by or ()):
                continue
            got = self.ask(self._list(name), o=f"-{number}")
            if got.status != 200 or got.listed != plain.listed:
                self.breach(name, f"o=-{number} changes the order or fails: {got.status} {got.error}")

    def _request(self, name: str) -> Any:
        request = RequestFactory().get(self._list(name))
        request.user = self.world.users[self.who]
        request.resolver_match = None
        return request

    def _forms(self, name: str, admin: Any) -> None:
        """Every choice of a form holds rows in reach only, and refuses a foreign one exactly like a missing one."""
        if not form_choices(admin):
            return
        request = self._request(name)
        for label, form_field in admin.get_form(request, None, change=False).base_fields.items():
            self._choice(name, label, form_field)
        if self.may(TABLE.lines[f"{name}_add"]):
            url = f"{self._list(name)}add/"
            for label in form_choices(admin):
                missing = self.ask(url, post={label: str(MISSING)})
                for row in self._foreign(admin.opts.get_field(label).related_model)[:1]:
                    got = self.ask(url, post={label: str(row.pk)})
                    if got.status != 200 or not got.like(missing, row.pk, MISSING):
                        self.breach(name, f"POST {label} tells a foreign row from a missing one ({got.status} {got.error})")

    def _choice(self, name: str, label: str, form_field: Any) -> None:
        if not isinstance(form_field, (ModelChoiceField, ModelMultipleChoiceField)):
            return
        foreign = {row.pk for row in self._foreign(form_field.queryset.model)}
        if foreign & set(form_field.queryset.values_list("pk", flat=True)):
            self.breach(name, f"the choice {label} offers rows of others")

    def _exports(self, name: str, admin: Any) -> None:
        """Every format of a download, unpacked: the own rows, nobody else's."""
        if not hasattr(admin, "get_export_formats"):
            return
        url, allowed = f"{self._list(name)}export/", self.may(TABLE.lines[f"{name}_export"])
        own = {mark for mark, rows in self.world.rows[admin.model].items() if rows and mark in self.reach}
        for number in range(len(admin.get_export_formats())):
            got = self.ask(url, post={"resource": "0", "format": str(number)}, may_write=allowed)
            if not allowed:
                if got.status != 403:
                    self.breach(name, f"the denied download {number} got {got.status} {got.error}")
                continue
            unpacked = replace(got, body=unzipped(got.body))
            self._no_foreign_mark(name, unpacked)
            if got.status != 200 or not own <= unpacked.marks():
                self.breach(name, f"the download {number} got {got.status} {got.error} and shows {unpacked.marks()}")

    def _dialogs(self, name: str, admin: Any) -> None:
        """Acts are guarded, and what their dialogs offer is in reach."""
        for act in detail_actions(admin):
            method = getattr(admin, act)
            if not hasattr(method, MARK):
                self.breach(name, f"the act {act} is not guarded")
            line = TABLE.lines[f"{name}_{act}"]
            if not self.may(line):
                continue
            if method.on_list:
                self._no_foreign_mark(line, self.ask(self._url(line)))
                continue
            for mark, rows in self.world.rows[admin.model].items():
                if mark in self.reach and rows:
                    self._no_foreign_mark(line, self.ask(self._url(line, rows[0].pk)))


def unzipped(body: bytes) -> bytes:
    """The parts of a workbook one after the other; anything else as it is."""
    if not body.startswith(b"PK"):
        return body
    with ZipFile(BytesIO(body)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def tenant_roles() -> list[str]:
    """Roles whose rows are cut to tenants."""
    return [str(role) for console in (Console.MERCHANT, Console.DEVELOPER) for role in sorted(CONSOLE_ROLES[console.value])]
