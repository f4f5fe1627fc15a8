"""Does the net hold? Each scoping is switched off on purpose, and the walk must notice every time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from backoffice.consoles import figures
from backoffice.kernel.admin import base, filters, scoping
from backoffice.kernel.admin.base import ConsoleModelAdmin, ScopedMixin
from backoffice.kernel.admin.changelist import ConsoleChangeList
from backoffice.kernel.files.admin import job_list
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.sites import CONSOLE_SITES
from backoffice.kernel.tenancy.models import Developer, Store
from backoffice.kernel.tenancy.roles import Console
from tests.access.features import FeatureWalk
from tests.access.surfaces import form_choices, screens
from tests.access.world import World, make_world

pytestmark = pytest.mark.django_db

TENANT_SCREENS = sorted(name for name in screens() if not name.startswith(f"{Console.PLATFORM.value}:"))


def _who(name: str) -> str:
    return "MERCHANT_OWNER" if name.startswith("merchant:") else "DEVELOPER_OWNER"


def _breaches(name: str, *, features: bool = False, pages: bool = True, who: str | None = None, world: World | None = None) -> list[str]:
    walk = FeatureWalk(world or make_world(), who or _who(name))
    if pages:
        walk.walk([f"{name}_"], until_first=True)
    return walk.walk_features([name], until_first=True) if features and not walk.breaches else walk.breaches


def some(names: list[str], at_once: int = 12) -> list[list[str]]:
    """A dozen screens share one world, whose making costs more than the walk of one screen."""
    return [names[start : start + at_once] for start in range(0, len(names), at_once)]


def each_noticed(names: list[str], sabotage: Callable[[pytest.MonkeyPatch, str], None], told: str = "", **walk: bool) -> None:
    """Per screen: sabotaged alone, it is noticed (by a breach that says ``told``), and what the walk wrote is gone again."""
    world = make_world()
    for name in names:
        with transaction.atomic(), pytest.MonkeyPatch.context() as patch:
            sabotage(patch, name)
            assert any(told in breach for breach in _breaches(name, world=world, **walk)), name
            transaction.set_rollback(True)


def _unscope_screen(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Only this class shows all rows, everything else stays in place."""
    screen = type(screens()[name])
    scoped = screen.get_queryset

    def get_queryset(self: Any, request: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(base, "reach", lambda user, console, queryset, permission: queryset)
            patch.setattr(job_list, "jobs_in_reach", lambda user, console: ImportJob.objects.all())
            return scoped(self, request)

    monkeypatch.setattr(screen, "get_queryset", get_queryset)


@pytest.mark.parametrize("names", some(TENANT_SCREENS), ids=lambda names: names[0])
def test_a_screen_without_its_scoping_is_noticed(names: list[str]) -> None:
    each_noticed(names, _unscope_screen)


def _unscope_filter(monkeypatch: pytest.MonkeyPatch, _name: str) -> None:
    def field_choices(self: Any, field: Any, request: Any, model_admin: Any) -> Any:
        return [(row.pk, str(row)) for row in field.remote_field.model._default_manager.all()]

    monkeypatch.setattr(filters.ScopedRelatedFilter, "field_choices", field_choices)


FILTERED = [name for name in TENANT_SCREENS if any("store" in str(entry) for entry in screens()[name].list_filter)]


@pytest.mark.parametrize("names", some(FILTERED), ids=lambda names: names[0])
def test_a_filter_without_its_scoping_is_noticed(names: list[str]) -> None:
    each_noticed(names, _unscope_filter)


@pytest.mark.parametrize("names", some([name for name in TENANT_SCREENS if form_choices(screens()[name])]), ids=lambda names: names[0])
def test_a_form_without_its_scoping_is_noticed(names: list[str]) -> None:
    def unscope(monkeypatch: pytest.MonkeyPatch, _name: str) -> None:
        monkeypatch.setattr(ScopedMixin, "related_rows", lambda self, request, related, chosen=None: related._default_manager.all())

    each_noticed(names, unscope, features=True)


@pytest.mark.parametrize("name", ["merchant:members_member", "merchant:members_creditentry", "developer:tenancy_seat"])
def test_an_open_query_string_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsoleModelAdmin, "lookup_allowed", lambda self, lookup, value, request: True)
    assert any("is read" in breach for breach in _breaches(name, features=True, pages=False))


@pytest.mark.parametrize("names", some([name for name in TENANT_SCREENS if hasattr(screens()[name], "get_export_formats")]), ids=lambda names: names[0])
def test_a_download_without_its_scoping_is_noticed(names: list[str]) -> None:
    """Lists stay scoped; only what a download takes is not."""

    def unscope(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        monkeypatch.setattr(type(screens()[name]), "get_export_queryset", lambda self, request: self.model._default_manager.all())

    each_noticed(names, unscope, "shows", features=True, pages=False)


def test_an_open_ordering_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsoleChangeList, "get_ordering", ConsoleChangeList.__mro__[2].get_ordering)
    assert any("changes the order" in breach for breach in _breaches("merchant:members_level", features=True, pages=False))


def test_a_foreign_key_by_which_a_popup_refers_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ConsoleModelAdmin, "to_field_allowed", lambda *args: True)
    assert any("_to_field" in breach for breach in _breaches("merchant:members_member", features=True, pages=False))


def test_dashboard_figures_without_their_scoping_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dashboard shows sums, no names: a foreign store in a sum drives the own figure away."""

    walk = FeatureWalk(make_world(), "MERCHANT_OWNER")

    def shown() -> bool:
        answer = walk.ask("/merchant/")
        return answer.status == 200 and b"333.33" in answer.body

    assert shown()
    monkeypatch.setattr(figures, "rows", lambda request, console, model: model._default_manager.all())
    assert not shown()


def test_stores_offered_for_an_import_without_their_scoping_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backoffice.kernel.files.admin.reach.stores_of", lambda user, permission=None: Store.objects.all())
    assert _breaches("merchant:files_importjob")


@pytest.mark.parametrize("console", ["merchant", "developer"])
def test_a_tenants_console_without_any_scoping_is_noticed(console: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "reach", lambda user, console, queryset, permission: queryset)
    monkeypatch.setattr(scoping, "developers_of", lambda user: Developer.objects.all())
    name = "merchant:tenancy_store" if console == "merchant" else "developer:tenancy_developer"
    assert _breaches(name)


@pytest.mark.parametrize("console", [site.name for site in CONSOLE_SITES])
def test_an_open_console_is_noticed(console: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A console that lets anybody with any seat in."""
    site = next(site for site in CONSOLE_SITES if site.name == console)
    monkeypatch.setattr(site, "has_permission", lambda request: request.user.is_authenticated)
    stranger = "DEVELOPER_OWNER" if console != "developer" else "MERCHANT_OWNER"
    walk = FeatureWalk(make_world(), stranger)
    assert walk.walk([f"{console}:index", f"{console}:tenancy_"])


def test_a_role_with_too_much_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table is the intent: a permission too many in roles.py turns the matrix red."""
    from backoffice.kernel.tenancy import roles

    grant = roles.ROLE_GRANTS["MERCHANT_ANALYST"]
    monkeypatch.setitem(roles.ROLE_GRANTS, "MERCHANT_ANALYST", roles.RoleGrant(grant.console, (*grant.patterns, "members.change_member")))
    assert _breaches("merchant:members_member", who="MERCHANT_ANALYST")
